"""Addresses of the peers of one torrent: whom to dial next, whom to leave alone for a while, whom never to meet again.

An address is idle (to be dialled now, or later), being dialled, or connected; only idle ones are in the two heaps
behind ``candidates`` and ``next_time``, so asking costs nothing while there is nothing to do.

The rule that is not obvious: a peer that dials us comes from a port nobody can dial.  Such an address is never listed.
When the peer tells its listening port (BEP 10 ``p``), ``bind`` ties the two: the listed address then counts as
connected, and a ban covers both.
"""

from __future__ import annotations

import enum
import heapq
from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Tuple

from ..protocol.addresses import Address, numeric_host, pack_host
from .bans import Bans, remember

MAX_FAILURES = 6
"""Dials that may fail in a row before an address is forgotten, unless the user gave it."""

RETRY_PAUSE = 15.0
"""Seconds before an address is dialled again after one failure; doubled with each more."""

RECONNECT_PAUSE = 30.0
"""Seconds before a peer is dialled again after its connection ended; doubled with each short connection in a row."""

USELESS_PAUSE = 1800.0
"""The same when it made no sense: both are seeds, and one of us needs time to change that."""

LONGEST_PAUSE = 3600.0
"""Seconds that no pause exceeds."""

SHORT_CONNECTION = 60.0
"""Seconds; a connection that ends before counts as a failure."""


class Source(enum.IntEnum):
    """Who told us an address."""

    USER = 0
    TRACKER = 1
    INCOMING = 2
    """The peer itself, which dialled us and told its listening port."""


class Counts(NamedTuple):
    """How many addresses are known, connections open (incoming ones included), and peers were banned."""

    known: int
    connected: int
    banned: int


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """A number from 0 to below 1."""


class _Known:
    """One address.  ``turn`` is the number of its only valid entry in a heap, 0 while it is not idle."""

    __slots__ = ("address", "failures", "source", "turn")

    def __init__(self, address: Address, source: Source) -> None:
        self.address = address
        self.source = source
        self.failures = 0
        self.turn = 0


_Ready = Tuple[bool, int, float, int, _Known]
"""Not the user's, failures, chance, turn: lowest first."""

_Waiting = Tuple[float, int, _Known]
"""Time due, turn."""


class _Link(NamedTuple):
    """An open connection: the listed address of the peer, if that is known, and when the connection began."""

    listed: Optional[Address]
    since: float


def canonical(address: Address) -> Optional[Address]:
    """The one way to write an address, or None if no peer can be there."""
    host = numeric_host(address[0])
    if not host or not 1 <= address[1] <= 65535:
        return None
    packed = pack_host(host)
    # Multicast, reserved (IPv4 class E) and "this host" are nobody's.
    usable = 1 <= packed[0] <= 223 if len(packed) == 4 else packed[0] != 0xFF and any(packed)
    return (host, address[1]) if usable else None


class PeerList:
    """At most ``limit`` addresses of one torrent, and as many bans of each kind."""

    def __init__(self, *, limit: int, random: Random) -> None:
        self.last_failure = ""
        """Why the latest dial failed."""
        self._limit = limit
        self._random = random
        self._known: Dict[Address, _Known] = {}
        self._links: Dict[Address, _Link] = {}
        self._open: Dict[Address, int] = {}
        """How many connections there are to a listed address; two at times, when both sides dialled."""
        self._turns = 0
        self._ready: List[_Ready] = []
        self._waiting: List[_Waiting] = []
        self._evictable: List[Dict[Address, None]] = [{} for _ in range(MAX_FAILURES)]
        """Idle addresses by their failures, longest idle first; the user's are in none."""
        self._former: Dict[Address, Address] = {}
        """What ``bind`` said of connections that ended since: a piece may turn out bad after its sender left."""
        self._own: Dict[Address, None] = {}
        self._bans = Bans(limit)

    @property
    def counts(self) -> Counts:
        """Figures for the status."""
        return Counts(len(self._known), len(self._links), self._bans.count)

    # -- learning addresses ----------------------------------------------------------------------------------------

    def add(self, address: Address, source: Source, now: float) -> bool:
        """List an address; returns False if it is listed already, unusable, our own or banned, or there is no room.

        When the list is full, the idle address with the most failures, the longest idle of those, makes room.  An
        address that the user gives (again) is to be dialled at once.
        """
        place = canonical(address)
        if place is None or place in self._own or self._refused(place):
            return False
        entry = self._known.get(place)
        if entry is not None:
            if source is Source.USER and entry.turn:
                self._occupy(entry)
                entry.source = source
                entry.failures = 0
                self._rest(entry, now, now)
            return False
        if len(self._known) >= self._limit and not self._evict():
            return False
        entry = self._known[place] = _Known(place, source)
        if place not in self._open:
            self._rest(entry, now, now)
        return True

    def exclude(self, address: Address) -> None:
        """This address is our own: the connection to it ended at ourselves."""
        place = canonical(address)
        if place is not None:
            remember(self._own, place, None, limit=self._limit)
            self._forget(place)

    def bind(self, ephemeral: Address, listening: Address) -> None:
        """The peer that dialled us from ``ephemeral`` says that it listens at ``listening``.

        Believed only of its own host, and only if we are not connected to that address by a dial of our own.
        """
        caller, place = canonical(ephemeral), canonical(listening)
        if caller is None or place is None or caller[0] != place[0]:
            return
        link = self._links.get(caller)
        if link is not None and link.listed is None and place not in self._links:
            self._links[caller] = link._replace(listed=place)
            self._opened(place)

    # -- dialling --------------------------------------------------------------------------------------------------

    def candidates(self, now: float, count: int) -> List[Address]:
        """Up to ``count`` addresses to dial now: the user's first, then by failures, at random among equals.

        They stay candidates until ``dialing`` is called.
        """
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

    def dialing(self, address: Address) -> None:
        """The address is being dialled; ``connected`` or ``failed`` follows."""
        entry = self._known.get(address)
        if entry is not None:
            self._occupy(entry)

    def failed(self, address: Address, now: float, reason: str) -> None:
        """The dial came to nothing, or to no handshake: try again later, and at some point never."""
        self.last_failure = reason
        entry = self._known.get(address)
        if entry is None or address in self._open:
            return
        self._occupy(entry)
        entry.failures += 1
        if entry.failures >= MAX_FAILURES and entry.source is not Source.USER:
            self._forget(address)
        else:
            self._rest(entry, now, now + _pause(RETRY_PAUSE, entry.failures - 1))

    def forgive(self, now: float) -> None:
        """Wait for nobody any more: the torrent starts again, and what failed before may have been our doing."""
        for entry in self._known.values():
            if entry.turn:
                self._occupy(entry)
                entry.failures = 0
                self._rest(entry, now, now)

    # -- connections -----------------------------------------------------------------------------------------------

    def connected(self, address: Address, *, incoming: bool, now: float) -> None:
        """The handshake is complete; ``address`` is the other end of the connection."""
        place = canonical(address)
        if place is None or place in self._links:
            return
        self._links[place] = _Link(None if incoming else place, now)
        self._former.pop(place, None)
        if not incoming:
            self._opened(place)

    def closed(self, address: Address, now: float, *, useful: bool) -> None:
        """A connection ended; ``useful`` is False if dialling the peer again soon makes no sense."""
        place = canonical(address) or address
        link = self._links.pop(place, None)
        if link is None or link.listed is None:
            return
        if link.listed != place:
            remember(self._former, place, link.listed, limit=self._limit)
        left = self._open.pop(link.listed) - 1
        if left:
            self._open[link.listed] = left
            return
        entry = self._known.get(link.listed)
        if entry is None:
            return
        if not useful:
            pause = USELESS_PAUSE
        elif now - link.since >= SHORT_CONNECTION:
            entry.failures = 0
            pause = RECONNECT_PAUSE
        else:
            pause = _pause(RECONNECT_PAUSE, entry.failures)
            entry.failures += 1
        self._rest(entry, now, now + pause)

    # -- bans ------------------------------------------------------------------------------------------------------

    def ban(self, address: Address, peerid: Optional[bytes] = None) -> None:
        """Refuse this peer from now on, at each address it is known by; open connections are the caller's to close."""
        if peerid is not None:
            self._bans.add_peerid(peerid)
        place = canonical(address)
        if place is None or self._refused(place):
            return
        host, listed = place[0], self._listed(place)
        if self._bans.add(host, (place, listed)):
            for each in [each for each in self._known if each[0] == host]:
                self._forget(each)
        self._forget(place)
        self._forget(listed)

    def banned(self, address: Address, peerid: Optional[bytes] = None) -> bool:
        """Is the peer to be refused, by its address, its host or its peer id?"""
        place = canonical(address)
        return self._bans.covers_peerid(peerid) or (place is not None and self._refused(place))

    def _refused(self, place: Address) -> bool:
        return self._bans.covers(place) or self._bans.covers(self._listed(place))

    def _listed(self, place: Address) -> Address:
        """Where the peer at this end of a connection listens, as far as is known."""
        link = self._links.get(place)
        return (self._former.get(place) if link is None else link.listed) or place

    # -- idle or not -----------------------------------------------------------------------------------------------

    def _opened(self, listed: Address) -> None:
        self._open[listed] = self._open.get(listed, 0) + 1
        entry = self._known.get(listed)
        if entry is not None:
            self._occupy(entry)

    def _rest(self, entry: _Known, now: float, due: float) -> None:
        """The address is idle, and to be dialled from ``due`` on."""
        self._turns += 1
        entry.turn = self._turns
        if due <= now:
            self._make_ready(entry)
        else:
            heapq.heappush(self._waiting, (due, entry.turn, entry))
        if entry.source is not Source.USER:
            self._evictable[min(entry.failures, MAX_FAILURES - 1)][entry.address] = None
        self._prune()

    def _make_ready(self, entry: _Known) -> None:
        chance = self._random.random()
        heapq.heappush(self._ready, (entry.source is not Source.USER, entry.failures, chance, entry.turn, entry))

    def _occupy(self, entry: _Known) -> None:
        """The address is not idle any more: its entry in a heap is void, and it cannot be evicted."""
        entry.turn = 0
        self._evictable[min(entry.failures, MAX_FAILURES - 1)].pop(entry.address, None)

    def _wake(self, now: float) -> None:
        waiting = self._waiting
        while waiting and (waiting[0][0] <= now or waiting[0][-1].turn != waiting[0][-2]):
            _, turn, entry = heapq.heappop(waiting)
            if entry.turn == turn:
                self._make_ready(entry)

    def _prune(self) -> None:
        # Void entries leave a heap at its top; those further down must not pile up either.
        bound = 2 * len(self._known) + 64
        if len(self._ready) > bound:
            self._ready = _valid(self._ready)
        if len(self._waiting) > bound:
            self._waiting = _valid(self._waiting)

    def _forget(self, address: Address) -> None:
        entry = self._known.pop(address, None)
        if entry is not None:
            self._occupy(entry)

    def _evict(self) -> bool:
        for addresses in reversed(self._evictable):
            if addresses:
                self._forget(next(iter(addresses)))
                return True
        return False


def _pause(first: float, doublings: int) -> float:
    return min(LONGEST_PAUSE, first * 2.0 ** min(doublings, 16))


def _valid(heap: List[Any]) -> List[Any]:
    valid = [item for item in heap if item[-1].turn == item[-2]]
    heapq.heapify(valid)
    return valid
