"""Looks the torrents of a session up in the DHT, and announces them there (BEP 5).

A torrent has one entry for each form of its infohash, as a hybrid torrent is in two swarms (BEP 52).  When an entry is
looked up is decided by ``swarm.dht_schedule``; what is found enters through the gate of the torrent.

The rule: a private torrent is never started here, and is stopped as soon as it is known to be private (BEP 27).
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, NamedTuple, Optional, Protocol, Sequence, Tuple

from .. import events
from ..metainfo.infohash import InfoHash
from ..net.interfaces import Address
from ..settings import Settings
from ..status import DhtSearchStatus
from ..swarm.dht_schedule import DhtSchedule, Random
from ..swarm.peer_list import PeerList, Source
from .dht_node import DhtNode, Search
from .interfaces.network import Network, Timer


class Progress(Protocol):
    """How much of a torrent is there."""

    @property
    def wanting(self) -> bool:
        """Whether pieces of wanted files are missing."""


class Torrent(Protocol):
    """A torrent that is looked up."""

    infohashes: InfoHash
    infohash: bytes
    peerlist: PeerList

    @property
    def private(self) -> bool:
        """Whether it is known to be private (BEP 27)."""

    @property
    def progress(self) -> Progress:
        """How much of it is there."""

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers."""

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        """Hand out an event of this torrent."""

    def refresh(self) -> None:
        """Update the status that the user reads."""


class Session(Protocol):
    """What others are told of the session."""

    port: int
    """Listening port, 0 for none."""


class _Result(NamedTuple):
    """What a lookup found."""

    peers: int
    replies: int


class _Lookup:
    """A lookup that is under way."""

    def __init__(self, torrent: Torrent, ended: Callable[[_Result], None]) -> None:
        self.search: Optional[Search] = None
        self.found = 0
        self._torrent = torrent
        self._ended = ended

    def on_peers(self, addresses: Sequence[Address]) -> None:
        """List the addresses."""
        self.found += len(addresses)
        self._torrent.learn(addresses, Source.DHT)

    def on_search_ended(self, replies: int) -> None:
        """Tell the owner."""
        self._ended(_Result(self.found, replies))


class DhtAnnounces:
    """The lookups of the torrents of one session.

    Args:
        node: The DHT node.
        session: Its port.
        network: Clock and timers.
        settings: The port to announce.
        random: Random source.
    """

    def __init__(
        self, node: DhtNode, session: Session, *, network: Network, settings: Settings, random: Random
    ) -> None:
        self._node = node
        self._session = session
        self._network = network
        self._settings = settings
        self._schedule = DhtSchedule(random)
        self._torrents: Dict[bytes, Torrent] = {}
        self._lookups: Dict[bytes, _Lookup] = {}
        self._results: Dict[bytes, _Result] = {}
        self._timer: Optional[Timer] = None
        self._timer_due = 0.0
        node.on_announced = self._on_announced

    # -- verbs -----------------------------------------------------------------------------------------------------

    def start(self, torrent: Torrent, nodes: Sequence[Tuple[str, int]]) -> None:
        """Look a torrent up and announce it, from now on.

        Args:
            torrent: The torrent; nothing happens if it is private.
            nodes: Nodes that it names, as host and port.
        """
        if torrent.private or not self._node.enabled:
            return
        self._node.use(torrent)
        self._node.bootstrap.hint(nodes)
        now = self._network.now()
        for infohash in torrent.infohashes.short:
            self._torrents[infohash] = torrent
            self._schedule.add(infohash, now, wanting=_wants_peers(torrent))
        self._arm()

    def stop(self, torrent: Torrent) -> None:
        """Look a torrent up no more; harmless if it is not started here."""
        for infohash in torrent.infohashes.short:
            lookup = self._lookups.pop(infohash, None)
            if lookup is not None and lookup.search is not None:
                self._node.cancel(lookup.search)
            self._schedule.remove(infohash)
            self._torrents.pop(infohash, None)
            self._results.pop(infohash, None)
        self._node.release(torrent)
        self._arm()

    def hurry(self, torrent: Torrent) -> None:
        """Look a torrent up as soon as possible, if it is started here."""
        for infohash in torrent.infohashes.short:
            self._schedule.hurry(infohash, self._network.now(), wanting=_wants_peers(torrent))
        self._arm()

    # -- what users see --------------------------------------------------------------------------------------------

    def status(self, torrent: Torrent) -> DhtSearchStatus:
        """Return the search for peers of a torrent, as users see it."""
        infohash = torrent.infohash
        if torrent.private:
            return DhtSearchStatus(state="private")
        if infohash not in self._torrents:
            return DhtSearchStatus()
        node = self._node.status
        result = self._results.get(infohash)
        due = self._schedule.next_of(infohash)
        state = "searching"
        if result is not None and not self._schedule.searching(infohash):
            state = "working" if result.replies else "failing"
        peers, replies = result or _Result(0, 0)
        remaining = -1.0 if due is None else max(0.0, due - self._network.now())
        return DhtSearchStatus(
            state=state,
            peers=peers,
            replies=replies,
            next_search=remaining,
            searched=result is not None,
            nodes=node.nodes,
            error=node.error,
        )

    # -- lookups ---------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Set the timer for the next lookup, unless it is set for an earlier time."""
        due = self._schedule.next_time()
        if due is None or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        now = self._network.now()
        self._timer_due = max(due, now)
        self._timer = self._network.call_later(self._timer_due - now, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        for infohash in self._schedule.due(self._network.now()):
            lookup = _Lookup(self._torrents[infohash], functools.partial(self._on_ended, infohash))
            self._lookups[infohash] = lookup
            port = self._settings.announce_port or self._session.port
            lookup.search = self._node.search(infohash, lookup, announce_port=port or None)
        self._arm()

    def _on_announced(self, infohash: bytes, address: Address) -> None:
        """List a peer that was announced to our own node, which the lookups of a small network may not find again."""
        torrent = self._torrents.get(infohash)
        if torrent is not None and _wants_peers(torrent):
            torrent.learn([address], Source.DHT, teller=address[0])

    def _on_ended(self, infohash: bytes, result: _Result) -> None:
        del self._lookups[infohash]
        torrent = self._torrents[infohash]
        self._results[infohash] = result
        self._schedule.ended(
            infohash,
            self._network.now(),
            answered=result.replies > 0,
            found=result.peers,
            wanting=_wants_peers(torrent),
        )
        torrent.refresh()
        torrent.publish(events.DhtSearched, peers=result.peers, replies=result.replies)
        self._arm()


def _wants_peers(torrent: Torrent) -> bool:
    return torrent.progress.wanting
