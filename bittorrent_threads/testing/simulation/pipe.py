"""``Pipe``: one direction of a simulated connection, from the system of the sender to the receiver.

As in TCP, a window limits the data in flight, and the sender learns one latency later that the receiver has read.
"""

from __future__ import annotations

import collections
from typing import Deque, List, Optional, Protocol, Tuple

from .host import SimHost
from .link import WINDOW

CLOSED_BY_PEER = "closed by the other end"
RESET_BY_PEER = "reset by peer"


class Sender(Protocol):
    """The end of a connection that sends."""

    backlog: int
    """Bytes that the system has not taken yet."""

    def continue_sending(self) -> None:
        """Handle that there is room again."""

    def end(self, reason: str) -> None:
        """Handle that the connection ended."""


class Receiver(Protocol):
    """The end of a connection that receives."""

    def arrive(self, data: bytes, end: Optional[str]) -> bool:
        """Take bytes, and the reason of an end behind them; false if this end was closed."""


class Pipe:
    """The bytes of one direction that the system of the sender took and the receiver has not read."""

    def __init__(self, source: SimHost, target: SimHost, sender: Sender, receiver: Receiver) -> None:
        self.waiting = 0
        """Bytes that have not left the host of the sender."""
        self.latency = source.latency + target.latency
        """Seconds from one end to the other."""
        self._world = source.world
        self._source = source
        self._target = target
        self._sender = sender
        self._receiver = receiver
        self._queue: Deque[bytes] = collections.deque()
        self._room = WINDOW
        self._last_arrival = 0.0
        self._acknowledged: Deque[Tuple[float, int]] = collections.deque()
        """Acknowledgements on their way: the time at which each reaches the sender, and its bytes."""
        self._awaited = False
        self._end: Optional[str] = None

    @property
    def room(self) -> int:
        """Bytes that the system of the sender would take now."""
        heard = self._acknowledged
        while heard and heard[0][0] <= self._world.now:
            self._room += heard.popleft()[1]
        return self._room

    def await_room(self) -> None:
        """Have the sender continue when the next acknowledgement reaches it."""
        if self._acknowledged and not self._awaited:
            self._awaited = True
            self._world.at(self._acknowledged[0][0], self._go_on)

    def _go_on(self) -> None:
        self._awaited = False
        self._sender.continue_sending()

    def take(self, data: bytes) -> None:
        """Take ``data`` from the sender, at most ``room`` bytes."""
        self._room -= len(data)
        self.waiting += len(data)
        self._queue.append(data)
        self._source.up.wake(self)

    def end(self, reason: str) -> None:
        """End the direction: the receiver is told the reason after the bytes that were taken."""
        self._end = reason
        self._source.up.wake(self)

    def depart(self, size: int, delay: float) -> None:
        data = self._pull(size)
        end = None
        if not self.waiting:
            end, self._end = self._end, None
        if self._source.online and (data or end):
            # Rounding must not let a chunk overtake the one before it.
            self._last_arrival = max(self._last_arrival, self._world.now + delay + self.latency)
            self._world.at(self._last_arrival, lambda: self._arrive(data, end))

    def _pull(self, size: int) -> bytes:
        self.waiting -= size
        parts: List[bytes] = []
        while size:
            part = self._queue.popleft()
            if len(part) > size:
                self._queue.appendleft(part[size:])
                part = part[:size]
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _arrive(self, data: bytes, end: Optional[str]) -> None:
        if self._target.online:
            self._target.down.enter(len(data), lambda: self._deliver(data, end))

    def _deliver(self, data: bytes, end: Optional[str]) -> None:
        if self._target.online and not self._receiver.arrive(data, end) and data:
            self._world.after(self.latency, lambda: self._sender.end(RESET_BY_PEER))

    def acknowledge(self, size: int) -> None:
        """Count ``size`` bytes as read; the acknowledgement reaches the sender one latency later."""
        self._acknowledged.append((self._world.now + self.latency, size))
        if self._sender.backlog:
            self.await_room()
