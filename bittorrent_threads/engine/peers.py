"""The connections of one torrent: which are taken in, which are closed for others, which are banned."""

from __future__ import annotations

from typing import Callable, Collection, Dict, Iterator, List, Optional, Protocol, Sequence, Tuple

from .. import events
from ..net.interfaces import Address
from ..protocol.handshake import Handshake
from ..settings import Settings
from ..status import PeerStatus
from ..swarm import duplicate_connections, eviction
from ..swarm.external_address import ExternalAddress
from ..swarm.peer_list import PeerList, Source
from ..swarm.peer_priority import HIGHEST, priority
from . import upload_only
from .address_filter import REFUSED, AddressFilter
from .connection import Connection
from .event_publisher import Publisher
from .interfaces.network import Stream
from .phase import Lifecycle
from .rate_limits import RateLimits


class Torrent(Protocol):
    """The torrent of the connections."""

    infohash: bytes
    own_host: ExternalAddress
    address_filter: AddressFilter

    @property
    def wanting(self) -> bool:
        """Whether pieces are missing that are wanted."""

    @property
    def upload_only(self) -> bool:
        """Whether peers are told that we want nothing (BEP 21)."""

    def listening_port(self) -> int:
        """The TCP port that the session listens on; 0 for none."""

    def open_connection(self, handshake: Handshake, stream: Stream) -> None:
        """Make a connection of a stream whose handshake is complete, ``add`` it, and send what it begins with."""

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers."""

    def on_connection_closed(self) -> None:
        """A connection ended."""

    def wake_dialer(self) -> None:
        """There may be an address to dial."""


class Peers:
    """The connections past their handshake, in the order in which they came.

    Args:
        torrent: Their torrent.
        lifecycle: Connections are taken only while the torrent is connected.
        peerlist: The known addresses.
        limits: The rate limits.
        publisher: Gets the events of peers.
        settings: How many connections there may be.
        peerid: Our own peer id.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        torrent: Torrent,
        lifecycle: Lifecycle,
        peerlist: PeerList,
        limits: RateLimits,
        *,
        publisher: Publisher,
        settings: Settings,
        peerid: bytes,
        now: Callable[[], float],
    ) -> None:
        self._torrent = torrent
        self._lifecycle = lifecycle
        self._peerlist = peerlist
        self._limits = limits
        self._publisher = publisher
        self._settings = settings
        self._peerid = peerid
        self._now = now
        self._connected: Dict[Connection, None] = {}
        self.changes = 0
        """How often a connection came, ended, or told its listening port."""
        self._downloaded_before = 0
        self._uploaded_before = 0
        self._wasted_before = 0
        self.rows: Tuple[PeerStatus, ...] = ()
        """The peers as of the last tick."""
        peerlist.prefer(self._preference)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connected))

    def __len__(self) -> int:
        return len(self._connected)

    @property
    def wanted(self) -> int:
        """How many connections more would be welcome."""
        return self._settings.max_connections_per_torrent - len(self) if self._lifecycle.connected else 0

    @property
    def places(self) -> int:
        """How many peers could be taken in: where there is no room, useless and crowding ones are closed for them."""
        return self.wanted or (len(self.yielding()) if self._lifecycle.connected else 0)

    def yielding(self) -> List[Connection]:
        """The peers that are closed for others, the first to go first."""
        share = self._settings.max_connections_per_host
        return eviction.yielding(list(self._connected), share=share, now=self._now())

    # -- coming and going --------------------------------------------------------------------------------------------

    def admit(self, handshake: Handshake, stream: Stream) -> str:
        """A handshake is complete: take the peer in, or return the reason why not."""
        if not self._lifecycle.connected:
            return "the torrent is not started"
        if self._peerlist.banned(stream.address):
            return "the peer is banned"
        if self.wanted <= 0 and not self._make_room(stream, handshake.peerid):
            return f"the torrent has {len(self)} connections"
        self._limits.refresh()
        self._limits.apply(stream)
        self._torrent.open_connection(handshake, stream)
        return ""

    def add(self, connection: Connection) -> None:
        """A connection was made."""
        self.changes += 1
        self._connected[connection] = None
        address, incoming = connection.address, connection.incoming
        self._peerlist.connected(address, incoming=incoming, now=self._now())
        self._publisher.publish(events.PeerConnected, address=address, client=connection.client, incoming=incoming)

    def replace(self, before: Connection, after: Connection) -> None:
        """One connection took over the stream of another."""
        del self._connected[before]
        self._connected[after] = None

    def _make_room(self, stream: Stream, peerid: bytes) -> bool:
        """Close a connection for a new one, unless the host of the new one has its share already."""
        address = stream.address
        if duplicate_connections.completes(self._connected, address=address, peerid=peerid, incoming=stream.incoming):
            return True
        share = self._settings.max_connections_per_host
        group = eviction.group(self._torrent.infohash, address[0])
        if eviction.crowds(group, list(self._connected), share=share):
            return False
        leaving = next(iter(self.yielding()), None) or self._outranked(address)
        if leaving is not None:
            leaving.give_way()
        return leaving is not None

    def _own_address(self, other: Address) -> Optional[Address]:
        """Our own address as this peer sees it; None while it is not known."""
        host = self._torrent.own_host.seen_by(other[0])
        return (host, self._torrent.listening_port()) if host else None

    def _preference(self, address: Address) -> Optional[float]:
        """Where an address to be dialled stands among all others, from 0 (first) to 1 (BEP 40)."""
        own = self._own_address(address)
        return None if own is None else 1.0 - priority(own, address) / HIGHEST

    def _outranked(self, newcomer: Address) -> Optional[Connection]:
        """An idle peer whose connection is worth less than one with the newcomer (BEP 40)."""
        own = self._own_address(newcomer)
        if own is None:
            return None

        def rank(peer: Connection) -> int:
            return priority(own, (peer.address[0], peer.listening or peer.address[1]))

        return eviction.outranked(self._connected, rank, priority(own, newcomer), now=self._now())

    def closed(self, connection: Connection, reason: str, *, useful: bool) -> None:
        """A connection ended."""
        self.changes += 1
        del self._connected[connection]
        now = self._now()
        self._peerlist.closed(connection.address, now, useful=useful, productive=connection.moved > 0)
        duplicate = duplicate_connections.duplicate(connection, self._connected)
        if duplicate is not None and (
            duplicate.listening
            or now - max(connection.connected_at, duplicate.connected_at) < duplicate_connections.RELATED_TIME
        ):
            # One of two connections with the same peer: it is not to be dialled while the other lasts.
            self._peerlist.bind(duplicate.address, connection.address)
        self._downloaded_before += connection.downloaded
        self._uploaded_before += connection.uploaded
        self._wasted_before += connection.wasted
        self._publisher.publish(events.PeerClosed, address=connection.address, reason=reason)
        self._torrent.on_connection_closed()

    def close_all(self, reason: str) -> None:
        """Close every connection."""
        for peer in self:
            peer.close(reason)
        self.rows = ()

    def ban(self, address: Address, reason: str) -> None:
        """Refuse this peer from now on."""
        if self._peerlist.banned(address):
            return
        self._peerlist.ban(address)
        self._publisher.publish(events.PeerBanned, address=address, reason=reason)
        for peer in self:
            if self._peerlist.banned(peer.address):
                peer.close(reason, useful=False)

    def keep_only(self, sources: Collection[Source]) -> None:
        """The torrent is known to be private: close connections to addresses of other sources, and forget these."""
        for peer in self:
            if self._peerlist.source(peer.address) not in (None, *sources):
                peer.close("the torrent is private, and its tracker did not name the peer", useful=False)
        self._peerlist.remove(lambda address, source: source not in sources)

    def close_refused(self) -> None:
        """The IP filter has changed: close connections that it refuses."""
        for peer in self:
            if self._torrent.address_filter.blocks(peer.address[0]):
                peer.close(REFUSED, useful=False)

    def learned_port(self, connection: Connection, port: int) -> None:
        """An incoming peer said where it listens (BEP 10 ``p``); what it says later is ignored."""
        if connection.listening is not None:
            return
        self.changes += 1
        connection.listening = port
        address = (connection.address[0], port)
        if self._peerlist.bind(connection.address, address):
            self._torrent.learn([address], Source.INCOMING, teller=connection.address[0])
            if self._peerlist.banned(connection.address):
                connection.close("the peer is banned", useful=False)

    def on_upload_only(self, connection: Connection) -> None:
        """A peer wants no piece (BEP 21): if we want none either, the connection is of no use."""
        if not self._torrent.wanting:
            connection.close("neither end wants anything", useful=False)

    def tell_wanting(self) -> None:
        """We want no piece any more, or some again: tell every peer (BEP 21)."""
        ours = upload_only.encode(self._torrent.upload_only)
        for peer in self:
            if peer.upload_only:
                self.on_upload_only(peer)
            if not peer.closed and not peer.extensions.send(upload_only.NAME, ours):
                peer.introduce()

    def tick(self, now: float) -> None:
        """Once a second: close duplicates, and those that are silent."""
        for peer in duplicate_connections.surplus(self._connected, peerid=self._peerid, now=now):
            peer.close("connected twice")
        self._limits.refresh()
        for peer in self:
            peer.tick(now)
        if self.wanted <= 0 and self.yielding():
            self._torrent.wake_dialer()

    def refresh(self) -> None:
        """Make the rows that users read."""
        source = self._peerlist.source
        self.rows = tuple([peer.status(source(peer.address) or Source.INCOMING) for peer in self._connected])

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def downloaded(self) -> int:
        """Payload bytes received."""
        return self._downloaded_before + sum(peer.downloaded for peer in self._connected)

    @property
    def uploaded(self) -> int:
        """Payload bytes sent."""
        return self._uploaded_before + sum(peer.uploaded for peer in self._connected)

    @property
    def wasted(self) -> int:
        """Payload bytes received that were of no use to any piece when they came, by connection."""
        return self._wasted_before + sum(peer.wasted for peer in self._connected)
