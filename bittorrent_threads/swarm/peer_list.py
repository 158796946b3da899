"""Addresses of the peers of one torrent: whom to dial next, whom to leave alone for a while, whom never to meet again.

An address is idle (to be dialled now, or later), being dialled, or connected; only idle ones are in the queue of those
to be dialled, and only idle ones are forgotten to make room.

The rule that is not obvious: a peer that dials us comes from a port nobody can dial.  Such an address is never listed.
When the peer tells its listening port (BEP 10 ``p``), ``bind`` ties the two: the listed address then counts as
connected, and a ban covers both.  A connection has one such port, the first it tells.

A peer is its address.  Peer ids are in every handshake and anyone may repeat them, so none is looked at here.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from .. import address_scope
from ..protocol.addresses import Address, numeric_host
from . import backoff
from .bans import Bans, remember
from .dial_queue import FIRST_UNPRIVILEGED_PORT, DialQueue, Known, Random
from .source_shares import Source as Source
from .source_shares import SourceShares

MAX_OF_OWNER = 8
"""Addresses listed of one host of the internet, or of one network in which an owner has every address (IPv6 /64).

Whoever tells thousands of ports of one victim would have us knock at all of them.  Honest peers that share a host, as
behind a carrier's NAT, are few in one swarm.
"""


class Counts(NamedTuple):
    """How many addresses are known, connections open (incoming ones included), and peers were banned."""

    known: int
    connected: int
    banned: int


class _Link(NamedTuple):
    """An open connection: the listed address of the peer, if that is known, and when the connection began.

    ``number`` is 2 where one was dialled and another came from the very address, as of a peer that dials from its port.
    """

    listed: Optional[Address]
    since: float
    number: int = 1


def canonical(address: Address) -> Optional[Address]:
    """The one way to write an address, or None if no peer can be there."""
    host = numeric_host(address[0])
    if not host or not 1 <= address[1] <= 65535:
        return None
    return (host, address[1]) if address_scope.is_unicast(host) else None


class PeerList:
    """At most ``limit`` addresses of one torrent, and as many bans of each kind."""

    def __init__(self, *, limit: int, random: Random) -> None:
        self.last_failure = ""
        """Why the latest dial failed."""
        self._needed = False
        self._limit = limit
        self._known: Dict[Address, Known] = {}
        self._queue = DialQueue(random)
        self._links: Dict[Address, _Link] = {}
        self._open: Dict[Address, int] = {}
        """How many connections there are to a listed address; two at times, when both sides dialled."""
        self._shares = SourceShares()
        self._owned: Dict[str, Dict[Address, None]] = {}
        """The listed addresses of an owner of which only ``MAX_OF_OWNER`` are listed."""
        self._former: Dict[Address, Address] = {}
        """What ``bind`` said of connections that ended since: a piece may turn out bad after its sender left."""
        self._own: Dict[Address, None] = {}
        self._bans = Bans(limit)

    @property
    def counts(self) -> Counts:
        """Figures for the status."""
        return Counts(len(self._known), len(self._links), self._bans.count)

    @property
    def promising(self) -> bool:
        """Is there an address that was not tried in vain, be it connected or not?"""
        return any(not entry.failures for entry in self._known.values())

    # -- learning addresses ----------------------------------------------------------------------------------------

    def add(self, address: Address, source: Source, now: float, *, teller: str = "") -> bool:
        """List an address; returns False if it is listed already, not acceptable, banned, or there is no room.

        ``teller`` is the numeric host that told it, empty if that was the user or is not known: a host of the internet
        does not have us knock at services of this machine or network.  An address that the user gives (again) is to be
        dialled at once.
        """
        place = canonical(address)
        if place is None or place in self._own or self._refused(place):
            return False
        entry = self._known.get(place)
        if entry is not None:
            self._confirm(entry, source, now)
            return False
        owner = ""
        if source is not Source.USER:
            public, told_publicly = address_scope.is_public(place[0]), address_scope.is_public(teller)
            if told_publicly and not public and place[1] < FIRST_UNPRIVILEGED_PORT:
                return False
            owner = address_scope.owner(place[0]) if public or told_publicly else ""
        if not self._make_room(source, owner):
            return False
        entry = self._known[place] = Known(place, source, owner)
        self._shares.listed(source)
        if owner:
            self._owned.setdefault(owner, {})[place] = None
        if place not in self._open:
            self._rest(entry, now, now)
        return True

    def exclude(self, address: Address) -> None:
        """This address is our own: the connection to it ended at ourselves."""
        place = canonical(address)
        if place is not None:
            remember(self._own, place, None, limit=self._limit)
            self._forget(place)

    def bind(self, ephemeral: Address, listening: Address) -> bool:
        """The peer that dialled us from ``ephemeral`` says that it listens at ``listening``; True if that is believed.

        Believed only of its own host, once a connection, and only if we are not connected to that address by a dial of
        our own.
        """
        caller, place = canonical(ephemeral), canonical(listening)
        if caller is None or place is None or caller[0] != place[0]:
            return False
        link = self._links.get(caller)
        if link is None or link.listed is not None or place in self._links:
            return False
        self._links[caller] = link._replace(listed=place)
        self._opened(place)
        return True

    # -- dialling --------------------------------------------------------------------------------------------------

    def candidates(self, now: float, count: int) -> List[Address]:
        """Up to ``count`` addresses to dial now: the user's first, ports of other services last, then by failures.

        The order is random among equals.  They stay candidates until ``dialing`` is called.
        """
        return self._queue.candidates(now, count)

    def next_time(self, now: float) -> Optional[float]:
        """When there is a candidate, ``now`` if there is one already; None if there will be none by itself."""
        return self._queue.next_time(now)

    def dialing(self, address: Address) -> None:
        """The address is being dialled; ``connected`` or ``failed`` follows."""
        entry = self._known.get(address)
        if entry is not None:
            self._occupy(entry)
            entry.tried = entry.dialling = True

    def failed(self, address: Address, now: float, reason: str) -> None:
        """The dial came to nothing, or to no handshake: try again later, and at some point never."""
        self.last_failure = reason
        entry = self._known.get(address)
        if entry is None:
            return
        entry.dialling = False
        if address in self._open:
            return
        self._occupy(entry)
        entry.failures += 1
        if entry.failures >= backoff.MAX_FAILURES and not self._is_last_resort(entry):
            self._forget(address)
        else:
            self._rest(entry, now, now + backoff.after_dial(entry.failures, most=self._longest))

    def need(self, now: float, *, needed: bool) -> None:
        """Pieces are missing, or none is (any more): while they are, no address is put off for long."""
        if needed and not self._needed:
            self.forgive(now)
        self._needed = needed

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
        if place is None:
            return
        entry = self._known.get(place)
        if entry is not None and not incoming:
            entry.dialling = False
        link = self._links.get(place)
        if link is not None:
            self._links[place] = link._replace(number=link.number + 1)
            return
        listed = place if entry is not None or not incoming else None
        self._links[place] = _Link(listed, now)
        self._former.pop(place, None)
        if listed is not None:
            self._opened(listed)

    def closed(self, address: Address, now: float, *, useful: bool, productive: bool = False) -> None:
        """A connection ended; ``useful`` is False if dialling the peer again soon makes no sense.

        ``productive``: blocks went or came, however short the connection was.
        """
        place = canonical(address) or address
        link = self._links.pop(place, None)
        if link is not None and link.number > 1:
            self._links[place] = link._replace(number=link.number - 1)
            return
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
            pause = backoff.USELESS_PAUSE
        elif productive or now - link.since >= backoff.SHORT_CONNECTION:
            entry.failures = 0
            pause = backoff.RECONNECT_PAUSE
        else:
            pause = backoff.after_connection(entry.failures, most=self._longest)
            entry.failures += 1
        if not entry.dialling:  # what becomes of the dial decides, which is still under way
            self._rest(entry, now, now + pause)

    # -- bans ------------------------------------------------------------------------------------------------------

    def ban(self, address: Address) -> None:
        """Refuse this peer from now on, at each address it is known by; open connections are the caller's to close."""
        place = canonical(address)
        if place is None or self._refused(place):
            return
        listed = self._listed(place)
        if self._bans.add(place[0], (place, listed)):
            owner = address_scope.owner(place[0])
            for each in [each for each in self._known if address_scope.owner(each[0]) == owner]:
                self._forget(each)
        self._forget(place)
        self._forget(listed)

    def banned(self, address: Address) -> bool:
        """Is the peer to be refused, by its address or its host?"""
        place = canonical(address)
        return place is not None and self._refused(place)

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
            entry.tried = True

    def _rest(self, entry: Known, now: float, due: float) -> None:
        """The address is idle, and to be dialled from ``due`` on."""
        self._queue.put(entry, now, due)
        self._shares.idle(entry.address, entry.source, failures=entry.failures, tried=entry.tried)

    def _occupy(self, entry: Known) -> None:
        """The address is not idle any more: it is no candidate, and it cannot be forgotten to make room."""
        self._queue.take(entry)
        self._shares.busy(entry.address, entry.source, failures=entry.failures, tried=entry.tried)

    def _is_last_resort(self, entry: Known) -> bool:
        """Is the address kept, though dialling it came to nothing again and again?"""
        if entry.source is Source.USER:
            return True
        others_of_host = len(self._owned.get(entry.owner, ())) > 1
        return self._needed and len(self._known) <= backoff.LAST_RESORT and not others_of_host

    @property
    def _longest(self) -> float:
        return backoff.longest(len(self._known), needed=self._needed)

    # -- listed or not ---------------------------------------------------------------------------------------------

    def _confirm(self, entry: Known, source: Source, now: float) -> None:
        """A listed address is told again: it counts for the source that is believed more."""
        if source > entry.source or (source == entry.source and source is not Source.USER):
            return
        self._shares.busy(entry.address, entry.source, failures=entry.failures, tried=entry.tried)
        self._shares.forgotten(entry.source)
        self._shares.listed(source)
        entry.source = source
        if entry.turn and source is Source.USER:
            entry.failures = 0
            self._rest(entry, now, now)
        elif entry.turn:
            self._shares.idle(entry.address, source, failures=entry.failures, tried=entry.tried)

    def _make_room(self, source: Source, owner: str) -> bool:
        """Is there room for an address of this source and owner?  One that was tried in vain gives way."""
        of_owner = self._owned.get(owner, {})
        if len(of_owner) >= MAX_OF_OWNER:
            idle = [entry for entry in map(self._known.__getitem__, of_owner) if entry.turn and entry.failures]
            if not idle:
                return False
            self._forget(max(idle, key=lambda entry: entry.failures).address)
        if len(self._known) >= self._limit:
            yielding = self._shares.yielding(source)
            if yielding is None:
                return False
            self._forget(yielding)
        return True

    def _forget(self, address: Address) -> None:
        entry = self._known.pop(address, None)
        if entry is None:
            return
        self._occupy(entry)
        self._shares.forgotten(entry.source)
        if entry.owner:
            of_owner = self._owned[entry.owner]
            del of_owner[address]
            if not of_owner:
                del self._owned[entry.owner]
