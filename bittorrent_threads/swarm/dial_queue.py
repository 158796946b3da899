"""The idle addresses of a list of peers, in the order in which they are to be dialled.

Where there are more addresses than places for connections, those with the highest canonical priority (BEP 40) are the
ones that both ends keep.  The priority of an address is known as soon as our own host is known; until then chance
decides.

Each address has one valid item in one of two heaps, for those to be dialled now and for those to be dialled later.  An
item is valid if it has the current ticket of its address; an invalid one leaves its heap when it comes to the top.
"""

from __future__ import annotations

import heapq
from typing import Any, Callable, List, Optional, Protocol, Tuple

from ..protocol.addresses import Address
from .source_shares import Source

FIRST_UNPRIVILEGED_PORT = 1024
"""Lower ports are those of mail, web and file servers; peers that listen there are rare."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """A number from 0 to below 1."""


class ListedAddress:
    """One address of a list of peers.

    Args:
        address: The address.
        source: How it became known.
        owner: Owner of the address, empty if the number of its addresses is not limited.
    """

    __slots__ = ("address", "dialling", "failures", "owner", "source", "ticket", "tried")

    def __init__(self, address: Address, source: Source, owner: str) -> None:
        self.address = address
        self.source = source
        self.owner = owner
        self.failures = 0
        """Failed dials and short connections in a row."""
        self.tried = False
        """Whether it was ever dialled or connected."""
        self.dialling = False
        self.ticket = 0
        """The number of its only valid item in a heap, 0 while it is not idle."""

    @property
    def rank(self) -> int:
        """Addresses of the user are dialled first, and ports of other services last, to spare those services."""
        if self.source is Source.USER:
            return 0
        return 2 if self.address[1] < FIRST_UNPRIVILEGED_PORT else 1


_Ready = Tuple[int, int, float, int, ListedAddress]
"""Rank, failures, preference, ticket: lowest first."""

_Waiting = Tuple[float, int, ListedAddress]
"""Time due, ticket."""


class DialQueue:
    """Which idle address is dialled next, and when.

    Args:
        random: The source of chance.
    """

    def __init__(self, random: Random) -> None:
        self.preference: Callable[[Address], Optional[float]] = lambda address: None
        """Tells where an address stands among all others, from 0 (first) to 1; None if that is not known."""
        self._random = random
        self._tickets = 0
        self._idle = 0
        """Valid items."""
        self._ready: List[_Ready] = []
        self._waiting: List[_Waiting] = []

    def put(self, entry: ListedAddress, now: float, due: float) -> None:
        """Queue an address, to be dialled from ``due`` on."""
        self._idle += not entry.ticket
        self._tickets += 1
        entry.ticket = self._tickets
        if due <= now:
            self._make_ready(entry)
        else:
            heapq.heappush(self._waiting, (due, entry.ticket, entry))
        self._prune()

    def take(self, entry: ListedAddress) -> None:
        """Take an address out of the queue; without effect if it is not in it."""
        self._idle -= bool(entry.ticket)
        entry.ticket = 0

    def candidates(self, now: float, count: int) -> List[Address]:
        """Up to ``count`` addresses to dial now: by rank, then by failures, then by preference or at random."""
        self._wake(now)
        best: List[_Ready] = []
        while self._ready and len(best) < count:
            item = heapq.heappop(self._ready)
            if item[-1].ticket == item[-2]:
                best.append(item)
        for item in best:
            heapq.heappush(self._ready, item)
        return [item[-1].address for item in best]

    def next_time(self, now: float) -> Optional[float]:
        """When there is a candidate: ``now`` if there is one already, None if time alone will bring none."""
        self._wake(now)
        while self._ready and self._ready[0][-1].ticket != self._ready[0][-2]:
            heapq.heappop(self._ready)
        if self._ready:
            return now
        return self._waiting[0][0] if self._waiting else None

    def _make_ready(self, entry: ListedAddress) -> None:
        preference = self.preference(entry.address)
        if preference is None:
            preference = self._random.random()
        heapq.heappush(self._ready, (entry.rank, entry.failures, preference, entry.ticket, entry))

    def _wake(self, now: float) -> None:
        waiting = self._waiting
        while waiting and (waiting[0][0] <= now or waiting[0][-1].ticket != waiting[0][-2]):
            _, ticket, entry = heapq.heappop(waiting)
            if entry.ticket == ticket:
                self._make_ready(entry)

    def _prune(self) -> None:
        # Invalid items further down than the top must not accumulate.
        bound = 2 * self._idle + 64
        if len(self._ready) > bound:
            self._ready = _valid(self._ready)
        if len(self._waiting) > bound:
            self._waiting = _valid(self._waiting)


def _valid(heap: List[Any]) -> List[Any]:
    valid = [item for item in heap if item[-1].ticket == item[-2]]
    heapq.heapify(valid)
    return valid
