"""Protocols between the loop, the sockets that live on it, and the owners of connections.

The rule: a socket knows the loop as an ``EventLoop`` only, so that imports go one way: the loop imports the sockets.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Protocol, Tuple

from ..buffers import Buffer as Buffer
from ..errors import BitTorrentError
from .gil_contention import GilContention
from .read_coalescer import ReadCoalescer
from .receive_pool import ReceivePool
from .selection import Selectable, Selection
from .throttle import Throttle, ThrottleQueue
from .timers import Timer

Address = Tuple[str, int]
"""Numeric host and port; an IPv6 address has no brackets."""


class StreamHandler(Protocol):
    """The owner of one end of a connection."""

    def on_connected(self) -> None:
        """Handle that the dial succeeded."""

    def on_received(self, data: memoryview) -> None:
        """Handle bytes that came; ``data`` is valid only during the call, unless it is borrowed (``ReceivePool``)."""

    def on_drained(self) -> None:
        """Handle that the bytes that wait to be sent fell from above ``low_water`` to it or below."""

    def on_closed(self, reason: str) -> None:
        """Handle that the connection ended, other than by our own ``close``."""


class DatagramHandler(Protocol):
    """A protocol that sends and receives datagrams over a shared socket."""

    def on_datagram(self, data: memoryview, address: Address) -> None:
        """Handle a datagram from ``address``; ``data`` is valid only during the call."""

    def on_unsent(self, address: Address, reason: str) -> None:
        """Handle that the system refused a datagram of this handler to ``address``; others may be sent all the same."""


Claim = Callable[[memoryview], bool]
"""Tells whether a datagram, of at least one byte, is of a protocol; looks at the first bytes only."""


class DatagramSocket(Protocol):
    """A UDP socket of one address family that protocols share."""

    family: int
    """4 or 6."""
    address: Address
    """Numeric host and port that it is bound to."""

    def add(self, handler: DatagramHandler, claim: Claim) -> None:
        """Give ``handler`` the datagrams that ``claim`` is true for and no earlier handler has claimed."""

    def remove(self, handler: DatagramHandler) -> None:
        """Give ``handler`` no more datagrams; does nothing if it was removed already."""

    def send(self, data: Buffer, address: Address, handler: Optional[DatagramHandler] = None) -> bool:
        """Send or queue a datagram; false if the queue is full or the socket closed.

        Args:
            data: The payload, which must not change until it is sent.
            address: Numeric host of this family, and port.
            handler: Is told ``on_unsent`` if the system refuses the datagram.
        """

    def close(self) -> None:
        """Close the socket and drop what is queued; idempotent."""


class MulticastSocket(Protocol):
    """A UDP socket in a multicast group of the local network."""

    closed: bool

    def send(self, data: bytes) -> str:
        """Send a datagram to the group; returns why it left on no interface, empty if it left."""

    def close(self) -> None:
        """Leave the group and close the socket; idempotent."""


class Fetched(NamedTuple):
    """The answer to an HTTP request (``net.lookups``)."""

    url: str
    """The URL that answered, after redirects."""
    status: int
    """The HTTP status; 0 if there is an error."""
    body: bytes
    """The content, decompressed."""
    error: Optional[BitTorrentError]
    """A TrackerError if no whole answer came: name, connection, TLS, time, size; HTTP errors come as ``status``."""
    host: str = ""
    """Numeric address that answered; empty if there was none."""


class Resolved(NamedTuple):
    """The answer to a name look-up (``net.lookups``)."""

    addresses: Tuple[Address, ...]
    """Numeric addresses; empty if there is an error."""
    error: Optional[BitTorrentError]
    """Why there are none."""


class MessageReader(Protocol):
    """The parser that cuts the bytes of a stream into messages."""

    @property
    def missing(self) -> int:
        """Bytes that the incomplete message needs at least; 0 if there is none."""


class Flushable(Selectable, Protocol):
    """A socket that sends at the end of a pass; a stream or a socket for datagrams."""

    def flush(self) -> None:
        """Send what waits, and have the loop select for what is wanted."""


class EventLoop(Protocol):
    """The part of the loop that its sockets use."""

    selection: Selection
    """The open sockets."""
    gil_contention: GilContention
    """How long system calls wait for the GIL."""
    coalescer: ReadCoalescer
    """How much was received in this pass."""
    download: Throttle
    """The limit of all streams together."""
    upload: Throttle
    read_queue: ThrottleQueue
    write_queue: ThrottleQueue

    @property
    def receive_pool(self) -> ReceivePool:
        """The memory that TCP streams read into."""

    def flush_later(self, owner: Flushable) -> None:
        """Call ``owner.flush`` at the end of this pass."""

    def defer(self, callback: Callable[[], None]) -> None:
        """Call at the end of this pass."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``delay`` seconds from now."""

    def report_fault(self, error: Exception) -> None:
        """Report what a callback raised."""

    def report_exhausted(self, reason: str) -> None:
        """Report that connections cannot be accepted because the system is out of something."""
