"""The line of one host: a rate up and a rate down, which its connections share chunk by chunk.

Chunks have realistic and random sizes, from one byte to many packets, so that a message arrives in parts.
"""

from __future__ import annotations

import collections
import random
from typing import Callable, Optional, OrderedDict, Protocol

from .world import World

PACKET = 1448
"""Payload of a TCP segment on Ethernet with time stamps."""
MOST_PACKETS = 32
WINDOW = 262144
"""Most bytes in flight of one direction: accepted from the sender and not yet read by the receiver."""


class Source(Protocol):
    """One direction of a connection, at the sending end."""

    @property
    def waiting(self) -> int:
        """Return the number of bytes that can be sent now."""

    def depart(self, size: int, delay: float) -> None:
        """Send ``size`` bytes, which leave the line after ``delay`` seconds."""


class Uplink:
    """Sources take turns; each turn is one chunk, and lasts as long as the chunk needs at ``rate`` bytes a second."""

    def __init__(self, world: World, rate: float) -> None:
        self.rate = rate
        self.carried = 0
        """Bytes sent so far."""
        self._world = world
        self._turns: OrderedDict[Source, None] = collections.OrderedDict()
        self._free_at = 0.0
        self._awaited = False

    def wake(self, source: Source) -> None:
        """Give ``source``, which has something to send, its turns."""
        self._turns.setdefault(source)
        self._serve()

    def reserve(self, size: int, most: float) -> Optional[float]:
        """Send a datagram of ``size`` bytes behind what is on the line; return the seconds until it has left the line.

        Return None if that were more than ``most`` seconds: the queue is full, and the datagram is dropped.
        """
        begin = max(self._world.now, self._free_at)
        delay = begin + size / self.rate - self._world.now
        if delay > most:
            return None
        self._free_at = begin + size / self.rate
        self.carried += size
        return delay

    def _serve(self) -> None:
        while self._turns and not self._awaited:
            if self._free_at > self._world.now:
                self._awaited = True
                self._world.at(self._free_at, self._freed)
                return
            source, _ = self._turns.popitem(last=False)
            size = min(source.waiting, chunk_size(self._world.random))
            delay = size / self.rate
            self._free_at = self._world.now + delay
            self.carried += size
            source.depart(size, delay)
            if source.waiting:
                self._turns.setdefault(source)

    def _freed(self) -> None:
        self._awaited = False
        self._serve()


class Downlink:
    """Chunks arrive at ``rate`` bytes a second, in the order in which they reach the link.

    A chunk that finds the link idle passes at once, and delays those that follow.
    """

    def __init__(self, world: World, rate: float) -> None:
        self.rate = rate
        self.carried = 0
        self._world = world
        self._free_at = 0.0

    def enter(self, size: int, deliver: Callable[[], None]) -> None:
        """Receive ``size`` bytes that reached the line, and call ``deliver`` when they are through."""
        now = self._world.now
        begin = max(now, self._free_at)
        self.carried += size
        self._free_at = begin + size / self.rate
        if begin > now:
            self._world.at(begin, deliver)
        else:
            deliver()


def chunk_size(chance: random.Random) -> int:
    """Return a random number of bytes that travel together: mostly whole packets, at times a few bytes."""
    if chance.random() < 0.1:
        return chance.randint(1, 100)
    return PACKET * chance.randint(1, MOST_PACKETS)
