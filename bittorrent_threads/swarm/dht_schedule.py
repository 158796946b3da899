"""Decides which torrent of a session is looked up in the DHT next, and when (BEP 5).

A lookup announces, too, and takes some fifty datagrams.  The rule: a session makes at most ``MAX_UNDER_WAY`` lookups at
once; the others wait, and those of torrents that want peers come before those that only announce.  A session of a
thousand torrents is therefore no burst, and a torrent that is added to it does not wait behind the thousand.
"""

from __future__ import annotations

import heapq
from typing import Dict, List, Optional, Protocol, Tuple

INTERVAL = 900.0
"""Seconds between two lookups while peers are wanted: a node gives the peers that others announced since."""
ANNOUNCE_INTERVAL = 1500.0
"""Seconds between two lookups that only announce: nodes forget a peer after about half an hour."""
EAGER_PAUSE = 60.0
"""Seconds after a lookup that found no peer, or that no node answered, while peers are wanted; doubled each time."""
JITTER = 0.1
"""Share of an interval by which it is longer at random, so that torrents started together do not stay together."""
MAX_UNDER_WAY = 8
"""Lookups of a session at the same time."""
ANNOUNCE_PACE = 1.0
"""Seconds between the beginnings of two lookups that only announce: a thousand idle torrents take little time."""

_NEVER = float("inf")


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """Return a number from 0.0 up to, but not including, 1.0."""


class _Entry:
    """A torrent."""

    __slots__ = ("due", "searching", "ticket", "vain")

    def __init__(self) -> None:
        self.due: Optional[float] = None
        """When it is looked up next; None while it is being looked up."""
        self.searching = False
        self.ticket = 0
        """Number of its valid entry in a heap."""
        self.vain = 0
        """Lookups in a row that found nobody."""


class DhtSchedule:
    """The lookups of a session, by infohash.

    Args:
        random: Random source.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._entries: Dict[bytes, _Entry] = {}
        self._wanting: List[Tuple[float, int, bytes]] = []
        self._announcing: List[Tuple[float, int, bytes]] = []
        self._tickets = 0
        self._under_way = 0
        self._paced = -_NEVER
        """Before this time no lookup that only announces is begun."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, infohash: bytes, now: float, *, wanting: bool) -> None:
        """Look a torrent up from now on, first as soon as possible.

        Args:
            infohash: 20 bytes; nothing changes if it is there already.
            now: Monotonic seconds, as everywhere here.
            wanting: Whether it wants peers.
        """
        if infohash not in self._entries:
            self._entries[infohash] = _Entry()
            self._put(infohash, now, wanting=wanting)

    def remove(self, infohash: bytes) -> None:
        """Look a torrent up no more; does nothing if it is not there."""
        entry = self._entries.pop(infohash, None)
        if entry is not None and entry.searching:
            self._under_way -= 1

    def hurry(self, infohash: bytes, now: float, *, wanting: bool) -> None:
        """Look a torrent up as soon as possible, if it is there and not being looked up."""
        entry = self._entries.get(infohash)
        if entry is not None and entry.due is not None and entry.due > now:
            self._put(infohash, now, wanting=wanting)

    def due(self, now: float) -> List[bytes]:
        """Return the torrents to look up now; the end of each lookup is to be told to ``ended``."""
        found: List[bytes] = []
        while self._under_way < MAX_UNDER_WAY and self._first(self._wanting) <= now:
            found.append(self._begin(self._wanting))
        if self._under_way < MAX_UNDER_WAY and self._first_announcing() <= now:
            self._paced = now + ANNOUNCE_PACE
            found.append(self._begin(self._announcing))
        return found

    def ended(self, infohash: bytes, now: float, *, answered: bool, found: int, wanting: bool) -> None:
        """Take the news that a lookup ended.

        Args:
            infohash: As ``due`` returned it; nothing happens if it was removed since.
            now: Monotonic seconds.
            answered: Whether a node answered.
            found: Peers that were found.
            wanting: Whether the torrent wants more peers than it knows.
        """
        entry = self._entries.get(infohash)
        if entry is None or not entry.searching:
            return
        entry.searching = False
        self._under_way -= 1
        interval = INTERVAL if wanting else ANNOUNCE_INTERVAL
        if not answered or (wanting and not found):
            interval = min(interval, EAGER_PAUSE * 2.0**entry.vain)
            entry.vain = min(entry.vain + 1, 10)
        else:
            entry.vain = 0
        self._put(infohash, now + interval * (1.0 + JITTER * self._random.random()), wanting=wanting)

    def next_time(self) -> Optional[float]:
        """Return when ``due`` is to be called; None if nothing is due before a lookup ends or a torrent is added."""
        if self._under_way >= MAX_UNDER_WAY:
            return None
        first = min(self._first(self._wanting), self._first_announcing())
        return None if first == _NEVER else first

    def next_of(self, infohash: bytes) -> Optional[float]:
        """Return when a torrent is due; None while it is being looked up, or if it is not there."""
        entry = self._entries.get(infohash)
        return None if entry is None else entry.due

    def searching(self, infohash: bytes) -> bool:
        """Return whether a torrent is being looked up."""
        entry = self._entries.get(infohash)
        return entry is not None and entry.searching

    def _put(self, infohash: bytes, due: float, *, wanting: bool) -> None:
        entry = self._entries[infohash]
        self._tickets += 1
        entry.due, entry.ticket = due, self._tickets
        heapq.heappush(self._wanting if wanting else self._announcing, (due, self._tickets, infohash))

    def _begin(self, heap: List[Tuple[float, int, bytes]]) -> bytes:
        infohash = heapq.heappop(heap)[2]
        entry = self._entries[infohash]
        entry.due, entry.searching = None, True
        self._under_way += 1
        return infohash

    def _first_announcing(self) -> float:
        return max(self._first(self._announcing), self._paced)

    def _first(self, heap: List[Tuple[float, int, bytes]]) -> float:
        """Return when the first torrent of a heap is due, after dropping entries that are not valid any more."""
        while heap:
            due, ticket, infohash = heap[0]
            entry = self._entries.get(infohash)
            if entry is not None and entry.ticket == ticket and entry.due is not None:
                return due
            heapq.heappop(heap)
        return _NEVER
