"""One torrent on the network thread: its infohash, its phase, its connections, its trackers.

It lives before its metadata is known, by its infohash alone.  Everything that needs pieces and files is in ``Payload``,
which is made once, when the metadata is known.  This class owns the parts and routes between them, and decides nothing
itself: the downloads decide what to request, the choker which peers to unchoke, the peer list which addresses to dial,
and the announcer which trackers to announce to.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Union

from .. import events
from ..disk.resume import Resume
from ..errors import MetadataUnknown, StateError
from ..metainfo.magnet import Magnet
from ..metainfo.metainfo import Metainfo
from ..net.interfaces import Address
from ..protocol.extension import ExtensionHandshake
from ..protocol.extension_table import ExtensionTable
from ..protocol.handshake import Handshake
from ..status import LocalDiscoveryStatus, Status
from ..swarm.external_address import ExternalAddress
from ..swarm.peer_list import PeerList, Source
from ..swarm.source_shares import PRIVATE_SOURCES
from .address_gate import AddressGate
from .announces import Announces, Progress
from .choking import Choking
from .connection import Connection
from .early_peer import EarlyPeer
from .event_publisher import EventPublisher
from .interfaces.event_dispatcher import EventDispatcher
from .interfaces.network import Stream
from .metadata import Metadata, NoMetadata
from .payload import Payload
from .peers import Peers
from .phase import Event, Lifecycle, Phase
from .rate_limits import RateLimits
from .snapshot import snapshot
from .torrent_dht import TorrentDht
from .torrent_params import TorrentParams
from .torrent_session import TorrentSession
from .torrent_ticker import TorrentTicker
from .transfer_rates import TransferRates
from .wait_group import WaitGroup


class Torrent:
    """One torrent.

    Args:
        session: Its session.
        source: Its metadata, or a magnet link.
        params: How it was added.
        event_dispatcher: Gets its events.

    Raises:
        StateError: The piece cache cannot be used.
        SettingsError: A limit is no rate.
    """

    def __init__(
        self,
        session: TorrentSession,
        source: Union[Metainfo, Magnet],
        params: TorrentParams,
        event_dispatcher: EventDispatcher,
    ) -> None:
        self.network = network = session.network
        self.settings = settings = session.settings
        self.message_budget = session.message_budget
        self.own_host: ExternalAddress = session.own_host
        self.address_filter = session.address_filter
        self.infohashes = source.infohashes
        self.infohash = source.infohash
        """20 bytes."""
        self.params = params
        self.name = source.name or self.infohash.hex()
        self.lifecycle = Lifecycle()
        self.wait_group = WaitGroup()
        """What a stopped torrent waits for: trackers and disk."""
        self.stowing = WaitGroup()
        """The part of it that is the disk's: a sync, resume data, files to be closed."""
        self.publisher = EventPublisher(self.infohash, event_dispatcher, session.wall)
        self.peerlist = PeerList(limit=settings.max_peer_list, random=session.random)
        self._gate = AddressGate(
            self,
            self.peerlist,
            session.lookups,
            self.publisher,
            timeout=settings.announce_timeout,
            now=network.now,
        )
        self.limits = RateLimits(network, session, params, slots=settings.upload_slots)
        self.peers = Peers(
            self,
            self.lifecycle,
            self.peerlist,
            self.limits,
            publisher=self.publisher,
            settings=settings,
            peerid=session.peerid,
            now=network.now,
        )
        self.rates = TransferRates(self.peers)
        self.choking = Choking(
            self.peers,
            self.lifecycle,
            self.limits,
            seeding=lambda: not self.progress.wanting,
            network=network,
            settings=settings,
            random=session.random,
        )
        self.payload: Optional[Payload] = None
        """The content; None before the metadata is known."""
        self.progress: Progress = NoMetadata()
        self.metadata = Metadata(self, source, params, session)
        self.announces = Announces(
            self.metadata.trackers,
            given=params.trackers,
            trusted=isinstance(source, Metainfo) and source.trackers_trusted,
            infohash=self.infohash,
            torrent=self,
            session=session,
            client=session.tracker_clients,
            peers=self.peers,
            peer_list=self.peerlist,
            wait_group=self.wait_group,
            settings=settings,
            random=session.random,
            now=network.now,
        )
        self.dht = TorrentDht(self, session)
        self._ticker = TorrentTicker(
            self,
            announces=self.announces,
            peers=self.peers,
            peerlist=self.peerlist,
            rates=self.rates,
            choking=self.choking,
            publisher=self.publisher,
        )
        self._session = session
        if isinstance(source, Metainfo):
            self._make_payload(source)
        self.status: Status = snapshot(self, session, network.now())

    # -- the metadata ------------------------------------------------------------------------------------------------

    def receive_metainfo(self, metainfo: Metainfo, priorities: Sequence[int]) -> None:
        """Take the metadata that came (BEP 9): the content is made, and the connections go on.

        Args:
            metainfo: What it is, as ``Metadata.parse`` made it.
            priorities: Those of its files; none for the usual ones.

        Raises:
            StateError: The metadata is known already, or the torrent is closed, or the piece cache cannot be used.
        """
        if self.payload is not None or self.lifecycle.closed:
            raise StateError("receive_metainfo", "the metadata is known already, or the torrent is closed")
        payload = self._make_payload(metainfo)
        if priorities:
            payload.set_priorities(priorities)
        self.metadata.known(metainfo)
        if self.params.stop_at_metadata:
            self.set_state("stopped")
        if self.lifecycle.phase is Phase.METADATA and (self.announces.running or len(self.peers)):
            self.lifecycle.handle(Event.METADATA_RECEIVED)
        payload.reconsider()
        if self.private:
            self.dht.stop()
            self.peers.keep_only(PRIVATE_SOURCES)
        for early in self.peers:
            if isinstance(early, EarlyPeer) and not early.closed:
                peer = payload.make_peer(early.stream, early.handshake, early)
                self.peers.replace(early, peer)
                peer.go_on(early)
        self.advance()
        self.choking.schedule()
        self.refresh()

    def _make_payload(self, metainfo: Metainfo) -> Payload:
        payload = Payload(metainfo, self, self._session, self.params)
        self.payload, self.progress, self.name = payload, payload.pieces, metainfo.name
        return payload

    @property
    def content(self) -> Payload:
        """The content.

        Raises:
            MetadataUnknown: The metadata is not known yet.
        """
        if self.payload is None:
            raise MetadataUnknown("metadata", f"that of {self.name!r} is not known yet")
        return self.payload

    # -- verbs -----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """What the user asked for last: ``active``, ``paused`` or ``stopped``."""
        return self.lifecycle.state

    def set_state(self, state: str) -> None:
        """Start, pause or stop.

        Args:
            state: ``active``, ``paused`` or ``stopped``.

        Raises:
            ListenError: No port can be had, and one is demanded.
            MetainfoError: The metadata that came cannot be used.
        """
        previous = self.state
        if state == previous or self.lifecycle.closed:
            return
        if state != "stopped":
            self.metadata.require_usable()
        if previous == "stopped":
            self._session.listen()
        self.lifecycle.ask(state)
        self.publish(events.StateChanged, state=state, previous=previous)
        if state == "stopped":
            self._stop()
        elif previous == "stopped" and self.payload is None:
            self.metadata.recall(self._join)
        else:
            self.advance()
        if self.payload is not None:
            if state == "paused":
                self.payload.exchange.withdraw()
            self.payload.reconsider()
        self.choking.schedule()
        self.refresh()

    def advance(self) -> None:
        """Go to the next phase, if it is known what that takes: the metadata, then what is on the disk."""
        payload, lifecycle = self.payload, self.lifecycle
        if payload is None:
            return
        if lifecycle.phase is Phase.METADATA:
            lifecycle.handle(Event.METADATA_KNOWN)
        if lifecycle.phase in (Phase.EXAMINING, Phase.JOINING) and payload.examine():
            lifecycle.go_live()
            payload.preparation.begin()
            payload.reconsider()
            self._join()

    def _join(self) -> None:
        """Announce and dial from now on, unless that is done already, or the torrent was stopped meanwhile."""
        if self.announces.running or not self.lifecycle.connected:
            return
        now = self.network.now()
        for host, port in self.metadata.peers:
            self.add_peer(host, port)
        self.peerlist.need(now, needed=self.progress.wanting)
        self.peerlist.forgive(now)
        self.announces.start()
        self.dht.start()
        self.wake_dialer()

    def _stop(self) -> None:
        self.announces.stop()
        self.dht.stop()
        self.peers.close_all("the torrent was stopped")
        self._session.drop_handshakes(self)
        self.rates.reset()
        if self.payload is not None:
            self.payload.stop()
        self._session.unlisten()

    def stop(self, done: Callable[[], None]) -> None:
        """Stop; ``done`` is called when the trackers were told and the files are closed."""
        self.set_state("stopped")
        self.wait_group.when_over(done)

    def close(self) -> None:
        """Stop for good."""
        if not self.lifecycle.closed:
            self.set_state("stopped")
            if self.payload is not None:
                self.payload.cancel()
            self.lifecycle.handle(Event.CLOSE)
            if self.payload is not None:
                self.payload.finish()
            self.refresh()

    def add_peer(self, host: str, port: int) -> None:
        """The user knows a peer, by address or by name."""
        self._gate.add_peer(host, port)

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers to dial; see ``AddressGate``."""
        self._gate.learn(addresses, source, teller=teller)

    def reannounce(self) -> None:
        """Announce as soon as each tracker allows it, and in the DHT."""
        self.announces.reannounce()
        self.dht.hurry()

    @property
    def kept(self) -> Optional[Resume]:
        """Resume data as of the last stop; None if there is none."""
        return None if self.payload is None else self.payload.resume_store.kept

    def keep(self, done: Callable[[Any], None]) -> None:
        """Sync the files; ``done`` is called with resume data, or with None if that failed or there are no files."""
        if self.payload is None:
            done(None)
        else:
            self.payload.resume_store.keep(clean=self.state == "stopped", done=done)

    # -- what the parts tell -----------------------------------------------------------------------------------------

    def open_connection(self, handshake: Handshake, stream: Stream) -> None:
        """Make a connection of a stream whose handshake is complete, and send what it begins with."""
        if self.payload is None:
            early = EarlyPeer(self, stream, handshake)
            self.peers.add(early)
            early.open()
        else:
            peer = self.payload.make_peer(stream, handshake)
            self.peers.add(peer)
            peer.open()

    def on_connection_closed(self) -> None:
        """A connection ended: there is a slot, and an address to dial."""
        self.choking.schedule()
        self.wake_dialer()

    def interest_changed(self) -> None:
        """A peer became interested, or lost its interest."""
        self.choking.schedule()

    def on_wanting_changed(self) -> None:
        """All that is wanted is there, or not any more: then seeds that left us are dialled again at once."""
        self.peers.tell_wanting()
        self.choking.schedule()
        if self.wanting:
            self.peerlist.forgive(self.network.now())
            self.wake_dialer()

    def on_content_complete(self) -> None:
        """Every piece of the torrent was downloaded."""
        self.announces.complete()

    def on_peers_cut_off(self) -> None:
        """Connections were closed that are to be made again, because we lost pieces that the peers were told of."""
        self.peerlist.forgive(self.network.now())
        self.wake_dialer()

    def ban(self, address: Address, reason: str) -> None:
        """Refuse the peer at this address from now on."""
        self.peers.ban(address, reason)

    def touch_all(self) -> None:
        """Blocks may be requested that could not before."""
        if self.payload is not None:
            self.payload.touch_all()

    def wake_dialer(self) -> None:
        """There may be an address to dial."""
        self._session.wake_dialer(self)

    # -- telling -----------------------------------------------------------------------------------------------------

    @property
    def extensions(self) -> ExtensionTable[Connection]:
        """The extension messages that we take."""
        return self._session.extensions

    @property
    def wanting(self) -> bool:
        """Whether pieces are missing that are wanted; true before the metadata is known."""
        return self.progress.wanting

    @property
    def upload_only(self) -> bool:
        """Whether peers are told that we want nothing (BEP 21); libtorrent leaves a peer that does and has nothing."""
        return not self.wanting and not (self.payload is not None and self.payload.seed_mode.on)

    @property
    def super_seeding(self) -> bool:
        """Whether the user wants to super-seed (BEP 16)."""
        return self.params.super_seeding if self.payload is None else self.payload.seed_mode.asked

    @property
    def private(self) -> bool:
        """Whether the torrent is known to be private (BEP 27)."""
        return self.payload is not None and self.payload.metainfo.private

    @property
    def full(self) -> bool:
        """Whether we have every piece."""
        return self.payload is not None and self.payload.have.full

    @property
    def reserved(self) -> bytes:
        """The 8 reserved bytes of our handshakes (BEP 3)."""
        return self.dht.reserved

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        """Hand out an event of this torrent."""
        self.publisher.publish(kind, **fields)

    def listening_port(self) -> int:
        """The TCP port that the session listens on; 0 for none."""
        return self._session.port

    @property
    def connecting(self) -> int:
        """Connections that are being made."""
        return self._session.connecting(self)

    @property
    def local_discovery(self) -> LocalDiscoveryStatus:
        """The search for peers in the local network, as users see it."""
        return self._session.local_discovery_status(self)

    def extension_handshake(self, address: Address) -> ExtensionHandshake:
        """What we tell the peer at this address of ourselves (BEP 10)."""
        return ExtensionHandshake(
            client=self._session.client,
            port=self.settings.announce_port or self._session.port,
            reqq=self.settings.reqq,
            yourip=address[0],
            upload_only=self.upload_only,
        )

    def refresh(self) -> None:
        """Make the snapshot that users read."""
        self.status = snapshot(self, self._session, self.network.now())
        self.publisher.refreshed()

    def look(self) -> Status:
        """Return a snapshot of this moment, also of the peers and what they have."""
        if not self.lifecycle.closed:
            self._ticker.refresh()
        return self.status

    def tick(self, now: float) -> None:
        """Once a second."""
        if self.lifecycle.started:
            self._ticker.tick(now)
