"""A connection past its handshake, whether or not the metadata of the torrent is known: identity, limits, time-outs.

``EarlyPeer`` is one before the metadata is known, ``Peer`` one after.  What both do is here: the extension handshake
(BEP 10), keep-alive, closing, and the figures by which the list of connections chooses which to close.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Iterator, Optional, Protocol, Sequence, Tuple

from ..net.interfaces import Address
from ..protocol import messages
from ..protocol.extension import HANDSHAKE_ID, ExtensionHandshake
from ..protocol.extension_table import ExtensionTable
from ..protocol.handshake import Handshake
from ..protocol.peer_extensions import PeerExtensions
from ..protocol.peer_id import client_name
from ..protocol.wire import Wire
from ..settings import Settings
from ..status import PeerStatus
from ..swarm import eviction, message_quota
from ..swarm.external_address import ExternalAddress
from ..swarm.message_quota import Budget
from ..swarm.source_shares import Source
from .flow_control import FlowControl
from .interfaces.network import Network, Stream
from .metadata import Metadata
from .peer_timeouts import PeerTimeouts
from .rate_limits import RateLimits


class Owner(Protocol):
    """The list of the connections of a torrent."""

    changes: int
    """How often a connection came, ended, or told its listening port."""

    def __iter__(self) -> Iterator[Connection]:
        """The connections."""

    def __len__(self) -> int:
        """How many there are."""

    def closed(self, connection: Any, reason: str, *, useful: bool) -> None:
        """A connection ended."""

    def learned_port(self, connection: Any, port: int) -> None:
        """An incoming peer said at which port it listens (BEP 10 ``p``)."""

    def on_upload_only(self, connection: Any) -> None:
        """A peer said that it wants no piece (BEP 21)."""


class DhtLink(Protocol):
    """The part of a torrent in the DHT, as its connections use it."""

    def port_of(self, family: int) -> int:
        """Return the UDP port of our node in an address family, 4 or 6, to tell peers; 0 for none."""

    def add_node(self, address: Address) -> None:
        """Take a node that a peer has told (BEP 5)."""


class Host(Protocol):
    """The torrent of a connection."""

    infohash: bytes
    settings: Settings
    network: Network
    message_budget: Budget
    own_host: ExternalAddress
    metadata: Metadata
    limits: RateLimits

    @property
    def dht(self) -> DhtLink:
        """Its part in the DHT."""

    @property
    def extensions(self) -> ExtensionTable[Connection]:
        """The extension messages that we take (BEP 10)."""

    @property
    def private(self) -> bool:
        """Whether the torrent is known to be private (BEP 27)."""

    @property
    def full(self) -> bool:
        """Whether we have every piece."""

    @property
    def peers(self) -> Owner:
        """The list that the connection is in."""

    def extension_handshake(self, address: Address) -> ExtensionHandshake:
        """What we tell the peer at this address of ourselves."""

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers."""

    def ban(self, address: Address, reason: str) -> None:
        """Refuse the peer at this address from now on."""

    def interest_changed(self) -> None:
        """A peer became interested, or lost its interest."""


class Connection(ABC):
    """One connection past its handshake.

    Args:
        host: The torrent.
        stream: The bytes; the connection becomes its handler.
        handshake: What the peer said in the handshake.
        wire: Cuts the bytes into messages.
        before: The connection whose stream this one takes over.
    """

    def __init__(
        self, host: Host, stream: Stream, handshake: Handshake, wire: Wire, before: Optional[Connection] = None
    ) -> None:
        now = host.network.now()
        self.stream = stream
        self.wire = wire
        self.handshake = handshake
        self.address: Address = stream.address
        self.peerid = handshake.peerid
        self.incoming = stream.incoming
        self.fast = handshake.fast
        self.extended = handshake.extended
        self.client = client_name(self.peerid)
        self.listening: Optional[int] = None
        """The port at which an incoming peer says that it listens (BEP 10 ``p``)."""
        self.reqq = 0
        """Requests that the peer says it keeps (BEP 10 ``reqq``); 0 if it said nothing."""
        self.upload_only = False
        """The peer says that it wants nothing (BEP 21)."""
        self.dht_port: Optional[int] = None
        """The UDP port at which the peer says that it has a DHT node (BEP 5)."""
        self.prefers_encryption = False
        """The peer says that it prefers encrypted connections (``e`` of the extension handshake)."""
        self.closed = ""
        """Why the connection ended; empty while it lives."""
        self.connected_at = now
        self.last_sent = now
        self.moved_at = now
        """When a block was last sent or received, as of the last tick."""
        self.group = eviction.group(host.infohash, self.address[0])
        """The same for all connections of one host, of which few are wanted."""
        self.interested = False
        """The peer wants something of ours."""
        self.interesting = False
        """We told the peer that we want something of its."""
        self.choked = True
        """We do not let the peer ask."""
        self.unchoked_at: Optional[float] = None
        self.host = host
        """The torrent."""
        self._peers = host.peers
        self._settings = host.settings
        self._now = host.network.now
        if before is None:
            self.extensions: PeerExtensions[Connection] = PeerExtensions(host.extensions, self, private=host.private)
            """The extension messages of both ends, and the ids of the peer's."""
            self.flow = FlowControl(self, host, host.settings)
            self.timeouts = PeerTimeouts(stream, wire, self.flow, host.settings, now)
        else:
            self.extensions = before.extensions
            self.flow, self.timeouts = before.flow, before.timeouts
            self.flow.reader = self
            self._take_over(before)
        self._sent_before = stream.sent
        stream.reader = wire
        stream.handler = self

    def _take_over(self, before: Connection) -> None:
        self.client, self.listening, self.reqq = before.client, before.listening, before.reqq
        self.upload_only, self.dht_port = before.upload_only, before.dht_port
        self.prefers_encryption = before.prefers_encryption
        self.connected_at, self.last_sent, self.moved_at = before.connected_at, before.last_sent, before.moved_at

    def introduce(self) -> None:
        """Send our extension handshake, if the peer takes one."""
        if self.extended:
            handshake = self.extensions.offer(self.host.extension_handshake(self.address))
            self.send(messages.extended(HANDSHAKE_ID, handshake.encode()))

    def tell_dht_port(self) -> None:
        """Tell the peer the UDP port of our DHT node, if both have one (BEP 5)."""
        port = self.host.dht.port_of(6 if ":" in self.address[0] else 4) if self.handshake.dht else 0
        if port:
            self.send(messages.port(port))

    def send(self, message: bytes) -> None:
        """Queue one message, or several joined."""
        self.stream.send((message,))

    def close(self, reason: str, *, useful: bool = True) -> None:
        """End the connection; idempotent.

        Args:
            reason: Why, for the user.
            useful: False when dialling the peer again soon makes no sense.
        """
        if not self.closed:
            self.closed = reason
            self.flow.close()
            self.stream.close()
            self.extensions.close(self._now())
            self.on_end()
            self._peers.closed(self, reason, useful=useful)

    @abstractmethod
    def on_end(self) -> None:
        """Let go of what the connection used; it is closed."""

    def give_way(self) -> None:
        """End the connection because others find no room, and this one is of little use."""
        self.close("gave way to another that found no room")

    # -- the stream ------------------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        """Do nothing: the dial ended before the handshake."""
        return

    @abstractmethod
    def on_received(self, data: memoryview) -> None:
        """Read messages."""

    @abstractmethod
    def on_readable_again(self) -> None:
        """The flow control lets messages through again: first those that were read already."""

    @abstractmethod
    def on_drained(self) -> None:
        """There is room for more to send."""

    def on_closed(self, reason: str) -> None:
        """The other end or the system closed the stream."""
        self.close(reason)

    # -- once a second ---------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Look at the time limits, and send a keep-alive if nothing else was sent."""
        reason = self.timeouts.spent(now)
        if reason:
            self.close(reason)
            return
        self.extensions.tick(now)
        self.on_tick(now)
        self.measure_sent(now)
        if now - self.last_sent >= self._settings.keepalive_interval:
            self.send(messages.KEEPALIVE_MESSAGE)
            self.last_sent = now

    @abstractmethod
    def on_tick(self, now: float) -> None:
        """Do what else is due once a second."""

    def measure_sent(self, now: float) -> None:
        """Note when the system took bytes of what waits for the peer."""
        sent = self.stream.sent
        if sent != self._sent_before:
            self._sent_before = sent
            self.last_sent = self.timeouts.taken_at = now
        elif not self.stream.blocked:
            self.timeouts.taken_at = now

    # -- what we decide --------------------------------------------------------------------------------------------

    def choke(self) -> None:
        """Let the peer ask no more."""
        if not self.choked:
            self.choked = True
            self.send(messages.CHOKE_MESSAGE)

    def unchoke(self, now: float) -> None:
        """Let the peer ask."""
        if self.choked:
            self.choked = False
            self.unchoked_at = now
            self.send(messages.UNCHOKE_MESSAGE)

    # -- what the peer says ----------------------------------------------------------------------------------------

    def set_interested(self, interested: bool) -> None:
        """The peer is interested in what we have, or is not any more."""
        if self.interested != interested:
            self.interested = interested
            self.flow.work += message_quota.INTEREST
            self.host.interest_changed()

    def on_port(self, port: int) -> None:
        """The peer said at which UDP port it has a DHT node; what it says later is ignored."""
        if self.dht_port is None and port:
            self.dht_port = port
            self.host.dht.add_node((self.address[0], port))

    @abstractmethod
    def take_back(self, index: int) -> str:
        """The peer does not have a piece any more (BEP 54).

        Returns:
            The reason to close the connection, empty if there is none.
        """

    def set_upload_only(self, upload_only: bool) -> None:
        """The peer says that it wants no piece (BEP 21), or that it wants some again."""
        if self.upload_only != upload_only:
            self.upload_only = upload_only
            self.flow.work += message_quota.INTEREST
            self.host.interest_changed()
        if upload_only:
            self._peers.on_upload_only(self)

    def on_extended(self, sub_id: int, payload: bytes) -> None:
        """An extension message came (BEP 10): the extension handshake, or one that a handler takes."""
        if not self.extended:
            return
        parsed = self.extensions.parsed(sub_id, len(payload))
        self.flow.work += message_quota.EXTENSION + parsed * message_quota.EXTENSION_BYTE
        if sub_id != HANDSHAKE_ID:
            objection = self.extensions.receive(sub_id, payload, self._now())
            if objection:
                self.close(objection, useful=False)
            return
        said = ExtensionHandshake.parse(payload)
        if said.failed:
            self.close(said.failed, useful=False)
            return
        if said.client:
            self.client = said.client
        if said.reqq:
            self.reqq = said.reqq
        self.prefers_encryption = bool(said.extra.get(b"e"))
        self.extensions.on_handshake(said)
        self.host.own_host.report(said.yourip, self.address[0])
        if said.port and self.incoming:
            self._peers.learned_port(self, said.port)
        if said.upload_only is not None and not self.closed:
            self.set_upload_only(said.upload_only)

    # -- figures ---------------------------------------------------------------------------------------------------

    @property
    def moved(self) -> int:
        """Bytes of blocks that went to the peer, and of those that came from it and were wanted."""
        return 0

    @property
    def downloaded(self) -> int:
        """Bytes of blocks that came from the peer, wanted or not."""
        return 0

    @property
    def uploaded(self) -> int:
        """Bytes of blocks that went to the peer."""
        return 0

    @property
    def wasted(self) -> int:
        """Bytes of blocks that came for nothing."""
        return 0

    @property
    def download_rate(self) -> float:
        """Bytes a second of blocks from the peer."""
        return 0.0

    @property
    def upload_rate(self) -> float:
        """Bytes a second to the peer."""
        return 0.0

    @property
    def snubbed(self) -> bool:
        """The peer holds our requests and sends nothing."""
        return False

    def status(self, source: Source) -> PeerStatus:
        """The peer, as the user sees it; ``source`` is how its address became known."""
        pieces, seed, choked, requests, remote_requests = self.exchanged()
        return PeerStatus(
            address=self.address,
            peerid=self.peerid,
            client=self.client,
            incoming=self.incoming,
            source=source.name.lower(),
            pieces=pieces,
            seed=seed,
            downloaded=self.downloaded - self.wasted,
            uploaded=self.uploaded,
            download_rate=self.download_rate,
            upload_rate=self.upload_rate,
            interested=self.interesting,
            choked=choked,
            remote_interested=self.interested,
            remote_choked=self.choked,
            snubbed=self.snubbed,
            upload_only=self.upload_only,
            requests=requests,
            remote_requests=remote_requests,
        )

    def exchanged(self) -> Tuple[int, bool, bool, int, int]:
        """Pieces of the peer, whether it has all, whether it chokes us, our requests to it and its requests to us."""
        return 0, False, True, 0, 0
