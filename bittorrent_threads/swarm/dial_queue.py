"""The idle addresses of a list of peers, in the order in which they are to be dialled.

Each address has one valid entry in one of two heaps, those to be dialled now and those that wait for their time; an
entry of another turn is void, and leaves its heap when it comes to the top.  Asking costs nothing while nothing is due.
"""

from __future__ import annotations

import heapq
from typing import Any, List, Optional, Protocol, Tuple

from ..protocol.addresses import Address
from .source_shares import Source

FIRST_UNPRIVILEGED_PORT = 1024
"""Ports below are those of mail, web and file servers; peers that listen there are rare."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """A number from 0 to below 1."""


class Known:
    """One address.  ``turn`` is the number of its only valid entry in a heap, 0 while it is not idle.

    ``owner`` is empty where many addresses of one host are welcome.
    """

    __slots__ = ("address", "dialling", "failures", "owner", "source", "tried", "turn")

    def __init__(self, address: Address, source: Source, owner: str) -> None:
        self.address = address
        self.source = source
        self.owner = owner
        self.failures = 0
        self.tried = False
        self.dialling = False
        self.turn = 0

    @property
    def rank(self) -> int:
        """The user's first; ports of other services last: not to be used for knocking at them."""
        if self.source is Source.USER:
            return 0
        return 2 if self.address[1] < FIRST_UNPRIVILEGED_PORT else 1


_Ready = Tuple[int, int, float, int, Known]
"""Rank, failures, chance, turn: lowest first."""

_Waiting = Tuple[float, int, Known]
"""Time due, turn."""


class DialQueue:
    """Which idle address is dialled next, and when."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._turns = 0
        self._idle = 0
        """Valid entries."""
        self._ready: List[_Ready] = []
        self._waiting: List[_Waiting] = []

    def put(self, entry: Known, now: float, due: float) -> None:
        """The address is idle, and to be dialled from ``due`` on."""
        self._idle += not entry.turn
        self._turns += 1
        entry.turn = self._turns
        if due <= now:
            self._make_ready(entry)
        else:
            heapq.heappush(self._waiting, (due, entry.turn, entry))
        self._prune()

    def take(self, entry: Known) -> None:
        """The address is not idle (any more): its entry is void."""
        self._idle -= bool(entry.turn)
        entry.turn = 0

    def candidates(self, now: float, count: int) -> List[Address]:
        """Up to ``count`` addresses to dial now, by rank, then by failures, at random among equals."""
        self._wake(now)
        best: List[_Ready] = []
        while self._ready and len(best) < count:
            item = heapq.heappop(self._ready)
            if item[-1].turn == item[-2]:
                best.append(item)
        for item in best:
            heapq.heappush(self._ready, item)
        return [item[-1].address for item in best]

    def next_time(self, now: float) -> Optional[float]:
        """When there is a candidate, ``now`` if there is one already; None if there will be none by itself."""
        self._wake(now)
        while self._ready and self._ready[0][-1].turn != self._ready[0][-2]:
            heapq.heappop(self._ready)
        if self._ready:
            return now
        return self._waiting[0][0] if self._waiting else None

    def _make_ready(self, entry: Known) -> None:
        heapq.heappush(self._ready, (entry.rank, entry.failures, self._random.random(), entry.turn, entry))

    def _wake(self, now: float) -> None:
        waiting = self._waiting
        while waiting and (waiting[0][0] <= now or waiting[0][-1].turn != waiting[0][-2]):
            _, turn, entry = heapq.heappop(waiting)
            if entry.turn == turn:
                self._make_ready(entry)

    def _prune(self) -> None:
        # Void entries leave a heap at its top; those further down must not pile up either.
        bound = 2 * self._idle + 64
        if len(self._ready) > bound:
            self._ready = _valid(self._ready)
        if len(self._waiting) > bound:
            self._waiting = _valid(self._waiting)


def _valid(heap: List[Any]) -> List[Any]:
    valid = [item for item in heap if item[-1].turn == item[-2]]
    heapq.heapify(valid)
    return valid
