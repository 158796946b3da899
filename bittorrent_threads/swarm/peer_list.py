"""Addresses of the peers of one torrent: which to dial next, which later, and which are banned.

An address is idle (to be dialled now, or later), being dialled, or connected.  Only idle addresses are in the queue of
those to be dialled, and only idle ones are removed to make room.

The rule: a peer that dialled us has a port that cannot be dialled.  The address of such a connection is never listed.
When the peer tells its listening port (BEP 10 ``p``), ``bind`` connects the two: the listed address then counts as
connected, and a ban covers both.  A connection has one such port, the first that the peer tells.

A peer is identified by its address.  Peer ids are not used here: they are in every handshake, and any peer can repeat
the id of another.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional

from .. import address_scope
from ..protocol.addresses import Address, numeric_host
from . import backoff
from .bans import Bans, remember
from .dial_queue import FIRST_UNPRIVILEGED_PORT, DialQueue, ListedAddress, Random
from .source_shares import Source as Source
from .source_shares import SourceShares

MAX_OF_OWNER = 8
"""Addresses listed of one host of the internet, or of one network in which an owner has every address (IPv6 /64).

Without a limit an attacker could make us dial thousands of ports of one victim.  Honest peers that share a host, as
behind a carrier's NAT, are few in one swarm.
"""


class Counts(NamedTuple):
    """Figures for the status."""

    known: int
    """Listed addresses."""
    connected: int
    """Connections, incoming ones included."""
    banned: int
    """Peers that were banned."""


class _Link(NamedTuple):
    """A connection."""

    listed: Optional[Address]
    """The listed address of the peer, if that is known."""
    since: float
    """When it began."""
    number: int = 1
    """Connections with the same other end: 2 if we dialled a peer that dialled us from its listening port."""


def normalised(address: Address) -> Optional[Address]:
    """Normalise an address; None if no peer can have it.

    A link-local IPv6 address has the number of its interface as zone, which only the system gives (``fe80::1%2``): one
    without a zone, as another host may tell it, cannot be dialled.  No other address has a zone.
    """
    text, percent, zone = address[0].partition("%")
    host = numeric_host(text)
    if not host or not 1 <= address[1] <= 65535 or not address_scope.is_unicast(host):
        return None
    if address_scope.is_link_local(host) != bool(percent) or bool(percent) != bool(zone):
        return None
    return f"{host}{percent}{zone}", address[1]


class PeerList:
    """The addresses of one torrent.

    Args:
        limit: How many addresses are listed, and how many bans of each kind are remembered.
        random: The source of chance.
    """

    def __init__(self, *, limit: int, random: Random) -> None:
        self.last_failure = ""
        """Why the last failed dial failed."""
        self._needed = False
        self._limit = limit
        self._known: Dict[Address, ListedAddress] = {}
        self._queue = DialQueue(random)
        self._links: Dict[Address, _Link] = {}
        self._open: Dict[Address, int] = {}
        """How many connections there are to a listed address: two if both ends dialled."""
        self._shares = SourceShares()
        self._owned: Dict[str, Dict[Address, None]] = {}
        """By owner, its listed addresses, where at most ``MAX_OF_OWNER`` may be listed."""
        self._former: Dict[Address, Address] = {}
        """The listed addresses of connections that have ended: a piece may fail after its sender has left."""
        self._own: Dict[Address, None] = {}
        self._bans = Bans(limit)

    @property
    def counts(self) -> Counts:
        """Figures for the status."""
        return Counts(len(self._known), len(self._links), self._bans.count)

    @property
    def by_source(self) -> Dict[Source, int]:
        """How many listed addresses there are of each source that has some."""
        return self._shares.counts

    def prefer(self, preference: Callable[[Address], Optional[float]]) -> None:
        """Have ``DialQueue.preference`` decide between addresses of the same rank, from now on."""
        self._queue.preference = preference

    @property
    def promising(self) -> bool:
        """Whether there is an address, connected or not, without a failed dial."""
        return any(not entry.failures for entry in self._known.values())

    # -- learning addresses ----------------------------------------------------------------------------------------

    def add(self, address: Address, source: Source, now: float, *, teller: str = "") -> bool:
        """List an address.  One that the user gives (again) is to be dialled at once.

        Args:
            address: The address.
            source: How it became known.
            now: Monotonic seconds.
            teller: The numeric host that told it, empty if that was the user or is not known.  A host of the internet
                cannot make us dial services of this machine or network.

        Returns:
            Whether it is listed now and was not before; False if it cannot be the address of a peer, is our own or
            banned, or there is no room.
        """
        place = normalised(address)
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
        entry = self._known[place] = ListedAddress(place, source, owner)
        self._shares.listed(source)
        if owner:
            self._owned.setdefault(owner, {})[place] = None
        if place not in self._open:
            self._make_idle(entry, now, now)
        return True

    def source(self, address: Address) -> Optional[Source]:
        """Return how the address of a connection became known; None if it is not listed."""
        entry = self._known.get(self._listed(address))
        return None if entry is None else entry.source

    def remove(self, unwanted: Callable[[Address, Source], bool]) -> None:
        """Forget every address of which ``unwanted`` is true, given the address and how it became known."""
        for entry in [entry for entry in self._known.values() if unwanted(entry.address, entry.source)]:
            self.forget(entry.address)

    def exclude(self, address: Address) -> None:
        """Never list this address again: it is our own, because a connection to it ended at ourselves."""
        place = normalised(address)
        if place is not None:
            remember(self._own, place, None, limit=self._limit)
            self.forget(place)

    def bind(self, ephemeral: Address, listening: Address) -> bool:
        """Connect an incoming connection with the address at which the peer says that it listens.

        Args:
            ephemeral: The other end of the connection.
            listening: Where the peer says that it listens.

        Returns:
            Whether that is accepted: only of the same host, once a connection, and only if we have not dialled that
            address ourselves and are connected to it.
        """
        caller, place = normalised(ephemeral), normalised(listening)
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
        """The addresses to dial now; they stay candidates until ``dialing`` is called.

        Args:
            now: Monotonic seconds.
            count: How many at most.

        Returns:
            Those of the user first, those with ports of other services last, then by failures, then by ``prefer``.
        """
        return self._queue.candidates(now, count)

    def next_time(self, now: float) -> Optional[float]:
        """When there is a candidate: ``now`` if there is one already, None if time alone will bring none."""
        return self._queue.next_time(now)

    def dialing(self, address: Address) -> None:
        """Take the news that an address is being dialled; ``connected`` or ``failed`` follows."""
        entry = self._known.get(address)
        if entry is not None:
            self._make_busy(entry)
            entry.tried = entry.dialling = True

    def failed(self, address: Address, now: float, reason: str) -> None:
        """Take the news that a dial or its handshake failed: the address is tried later, and at last removed."""
        self.last_failure = reason
        entry = self._known.get(address)
        if entry is None:
            return
        entry.dialling = False
        if address in self._open:
            return
        self._make_busy(entry)
        entry.failures += 1
        if entry.failures >= backoff.MAX_FAILURES and not self._is_last_resort(entry):
            self.forget(address)
        else:
            self._make_idle(entry, now, now + backoff.after_dial(entry.failures, most=self._longest))

    def need(self, now: float, *, needed: bool) -> None:
        """Tell whether peers are needed; while they are, the pauses before further dials are short.

        Args:
            now: Monotonic seconds.
            needed: Whether pieces are missing.
        """
        if needed and not self._needed:
            self.forgive(now)
        self._needed = needed

    def forgive(self, now: float) -> None:
        """End all pauses: the torrent starts again, and what failed before may have been our own fault."""
        for entry in self._known.values():
            if entry.ticket:
                self._make_busy(entry)
                entry.failures = 0
                self._make_idle(entry, now, now)

    # -- connections -----------------------------------------------------------------------------------------------

    def connected(self, address: Address, *, incoming: bool, now: float) -> None:
        """Take the news that a handshake is complete.

        Args:
            address: The other end of the connection.
            incoming: Whether the peer dialled us.
            now: Monotonic seconds.
        """
        place = normalised(address)
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
        """Take the news that a connection ended.

        Args:
            address: The other end.
            now: Monotonic seconds.
            useful: Whether it makes sense to dial the peer again soon.
            productive: Whether blocks were sent or received.
        """
        place = normalised(address) or address
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
        if not entry.dialling:  # else the outcome of that dial decides
            self._make_idle(entry, now, now + pause)

    # -- bans ------------------------------------------------------------------------------------------------------

    def ban(self, address: Address) -> None:
        """Refuse a peer from now on, at each address it is known by; the caller closes its connections."""
        place = normalised(address)
        if place is None or self._refused(place):
            return
        listed = self._listed(place)
        if self._bans.add(place[0], (place, listed)):
            owner = address_scope.owner(place[0])
            for each in [each for each in self._known if address_scope.owner(each[0]) == owner]:
                self.forget(each)
        self.forget(place)
        self.forget(listed)

    def banned(self, address: Address) -> bool:
        """Whether a peer is banned, by its address or its host."""
        place = normalised(address)
        return place is not None and self._refused(place)

    def _refused(self, place: Address) -> bool:
        return self._bans.covers(place) or self._bans.covers(self._listed(place))

    def _listed(self, place: Address) -> Address:
        """The listed address of the peer at this end of a connection, or the same if that is not known."""
        link = self._links.get(place)
        return (self._former.get(place) if link is None else link.listed) or place

    # -- idle or not -----------------------------------------------------------------------------------------------

    def _opened(self, listed: Address) -> None:
        self._open[listed] = self._open.get(listed, 0) + 1
        entry = self._known.get(listed)
        if entry is not None:
            self._make_busy(entry)
            entry.tried = True

    def _make_idle(self, entry: ListedAddress, now: float, due: float) -> None:
        """Make an address idle, to be dialled from ``due`` on."""
        self._queue.put(entry, now, due)
        self._shares.idle(entry.address, entry.source, failures=entry.failures, tried=entry.tried)

    def _make_busy(self, entry: ListedAddress) -> None:
        """Make an address not idle: it is no candidate, and it cannot be removed to make room."""
        self._queue.take(entry)
        self._shares.busy(entry.address, entry.source, failures=entry.failures, tried=entry.tried)

    def _is_last_resort(self, entry: ListedAddress) -> bool:
        """Whether an address is kept though dialling it failed again and again."""
        if entry.source is Source.USER:
            return True
        others_of_host = len(self._owned.get(entry.owner, ())) > 1
        return self._needed and len(self._known) <= backoff.LAST_RESORT and not others_of_host

    @property
    def _longest(self) -> float:
        return backoff.longest(len(self._known), needed=self._needed)

    # -- listed or not ---------------------------------------------------------------------------------------------

    def _confirm(self, entry: ListedAddress, source: Source, now: float) -> None:
        """A listed address becomes known again: it counts for the source with the lower number."""
        if source > entry.source or (source == entry.source and source is not Source.USER):
            return
        self._shares.busy(entry.address, entry.source, failures=entry.failures, tried=entry.tried)
        self._shares.forgotten(entry.source)
        self._shares.listed(source)
        entry.source = source
        if entry.ticket and source is Source.USER:
            entry.failures = 0
            self._make_idle(entry, now, now)
        elif entry.ticket:
            self._shares.idle(entry.address, source, failures=entry.failures, tried=entry.tried)

    def _make_room(self, source: Source, owner: str) -> bool:
        """Make room for an address of this source and owner; returns whether there is room."""
        of_owner = self._owned.get(owner, {})
        if len(of_owner) >= MAX_OF_OWNER:
            idle = [entry for entry in map(self._known.__getitem__, of_owner) if entry.ticket and entry.failures]
            if not idle:
                return False
            self.forget(max(idle, key=lambda entry: entry.failures).address)
        if len(self._known) >= self._limit:
            replaceable = self._shares.replaceable(source)
            if replaceable is None:
                return False
            self.forget(replaceable)
        return True

    def forget(self, address: Address) -> None:
        """Take an address off the list; without effect if it is not listed."""
        entry = self._known.pop(address, None)
        if entry is None:
            return
        self._make_busy(entry)
        self._shares.forgotten(entry.source)
        if entry.owner:
            of_owner = self._owned[entry.owner]
            del of_owner[address]
            if not of_owner:
                del self._owned[entry.owner]
