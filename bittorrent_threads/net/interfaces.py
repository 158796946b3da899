"""What a socket asks of the loop that it lives on, and what the loop and the owner of a connection ask of it.

The rule: a socket knows no loop but through ``Host``, so that there is one direction of imports: the loop knows them.
"""

from __future__ import annotations

import socket
from typing import Callable, Optional, Protocol, Tuple

from .gil_contention import GilContention
from .read_coalescer import ReadCoalescer
from .receive_pool import ReceivePool
from .throttle import Line, Throttle
from .timers import Timer

Address = Tuple[str, int]
"""Numeric host and port."""


class Handler(Protocol):
    """``engine.interfaces.StreamHandler``: who owns one end of a connection."""

    def on_connected(self) -> None:
        """The dial succeeded."""

    def on_received(self, data: memoryview) -> None:
        """Bytes came; ``data`` is valid only during the call, unless it is borrowed (``ReceivePool``)."""

    def on_drained(self) -> None:
        """What waits to be sent fell from above ``low_water`` to it or below."""

    def on_closed(self, reason: str) -> None:
        """The connection ended, and not by our own ``close``."""


class Reader(Protocol):
    """What cuts the bytes of a stream into messages."""

    @property
    def missing(self) -> int:
        """Bytes that the message which has begun needs at least; 0 if none has."""


class Selectable(Protocol):
    """What the loop calls when a socket is ready, and closes at its own end."""

    def on_readable(self) -> None:
        """The socket has something to read, or to accept."""

    def on_writable(self) -> None:
        """The socket takes bytes again, or the dial ended."""

    def close(self) -> None:
        """Close the socket; idempotent."""


class Settling(Selectable, Protocol):
    """What collects its wishes during a pass."""

    def settle(self) -> None:
        """Send what waits and select for what is wanted."""


class Host(Protocol):
    """What a socket asks of the loop that it lives on."""

    gil_contention: GilContention
    """How long calls to the system wait for the interpreter."""
    pace: ReadCoalescer
    """How much came in this pass."""
    download: Throttle
    upload: Throttle
    reading: Line
    writing: Line

    @property
    def receive_pool(self) -> ReceivePool:
        """What all streams read into."""

    @property
    def full(self) -> bool:
        """No other socket can be selected."""

    def touch(self, stream: Settling) -> None:
        """Call ``settle`` at the end of this pass."""

    def watch(self, sock: socket.socket, mask: int, owner: Selectable) -> None:
        """Select ``sock`` for ``mask``, which may be nothing, from now on."""

    def adopt(self, owner: Selectable) -> None:
        """Close ``owner`` when the loop ends."""

    def release(self, sock: Optional[socket.socket], owner: Selectable) -> None:
        """Select ``sock`` no more: ``owner`` closes it."""

    def defer(self, callback: Callable[[], None]) -> None:
        """Call at the end of this pass."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``delay`` seconds from now."""

    def fault(self, error: Exception) -> None:
        """Report what a callback raised."""

    def exhausted(self, reason: str) -> None:
        """Report that a connection could not be accepted for want of something."""
