"""A session on the network thread: its torrents and its one listening port.

Network, disk, look-ups and random source come from outside, so the same engine runs on sockets or in virtual time.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Callable, Dict, List, Optional, Protocol, Tuple, Union

from .. import events
from ..errors import ListenError, StateError
from ..metainfo.magnet import Magnet
from ..metainfo.metainfo import Metainfo
from ..protocol.peer_id import make_peerid
from ..settings import Settings
from ..status import LocalDiscoveryStatus
from ..swarm.buffer_pool import BufferPool
from ..swarm.external_address import ExternalAddress
from ..swarm.ip_ranges import IpRanges
from ..swarm.message_quota import Budget
from ..text import printable
from ..version import __version__
from .address_filter import AddressFilter
from .connection import Connection
from .connection_limit import ConnectionLimit
from .datagrams import Datagrams
from .dht_announces import DhtAnnounces
from .dht_node import DhtNode
from .dialer import Dialer
from .extensions import extension_table
from .handshakes import Handshakes
from .http_tracker import HttpTracker
from .interfaces.disk import Disk
from .interfaces.event_dispatcher import EventDispatcher
from .interfaces.lookups import Lookups
from .interfaces.network import Listener, Network
from .interfaces.tracker_client import Endpoint
from .joinable_torrent import JoinableTorrent
from .local_discovery import UNUSED, LocalDiscovery
from .torrent import Torrent
from .torrent_params import TorrentParams
from .tracker_clients import TrackerClients
from .udp_tracker import UdpTrackerClient
from .wait_group import WaitGroup

TICK = 1.0

ANY_HOST = ("0.0.0.0", "::")
"""Addresses that stand for all of this machine's, one of each family."""


class PeerSource(Protocol):
    """What finds peers for all torrents of a session, besides their trackers and their peers."""

    def tick(self, now: float) -> None:
        """Once a second."""

    def close(self) -> None:
        """No torrent is started any more: close the sockets, which a later tick may open again."""


class Engine:
    """All torrents of one session.

    Args:
        network: Sockets, clock and timers.
        disk: Where torrents keep their files.
        lookups: Name resolution and HTTP.
        settings: Limits and intervals.
        random: A ``random.Random``.
        secrets: A source of chance that nobody can guess, a ``random.SystemRandom``; ``random`` if it is None.
        wall: Seconds since 1970, for events.
    """

    def __init__(
        self,
        *,
        network: Network,
        disk: Disk,
        lookups: Lookups,
        settings: Settings,
        random: Any,
        secrets: Any = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.network = network
        self.disk = disk
        self.lookups = lookups
        hosts = [settings.host] if settings.host else ANY_HOST
        self.datagrams = Datagrams(network, hosts)
        self.tracker_clients = TrackerClients(
            HttpTracker(lookups, network), UdpTrackerClient(lookups, self.datagrams, network, settings, random)
        )
        self.settings = settings
        self.random = random
        self.wall = wall
        self.peerid = make_peerid(random)
        self.key = f"{random.randrange(2**32):08X}"
        """Identifies the session to trackers after its address changed (BEP 7)."""
        self.client = settings.user_agent or f"bittorrent_threads {__version__}"
        self.memory = BufferPool(settings.piece_memory, self._request_again, network.receive_pool)
        self.message_budget = Budget()
        self.extensions = extension_table(settings)
        self.torrents: Dict[bytes, Torrent] = {}
        """By every form of 20 bytes that their infohash has in handshakes."""
        self.faults = 0
        """Times that our own code failed."""
        self.last_fault = ""
        self.full = False
        """It has as many connections as it may have, as of the last tick."""
        self.own_host = ExternalAddress()
        self.address_filter = AddressFilter(network)
        self.downloading = 1
        """Torrents that share the download limit, at least 1; as of the last tick."""
        self.uploading = 1
        self.port = 0
        self.dht = DhtNode(
            self,
            datagrams=self.datagrams,
            network=network,
            disk=disk,
            lookups=lookups,
            settings=settings,
            own_host=self.own_host,
            address_filter=self.address_filter,
            random=secrets or random,
        )
        self.dht_announces = DhtAnnounces(self.dht, self, network=network, settings=settings, random=random)
        self._listener: Optional[Listener] = None
        self.handshakes = Handshakes(self, network, settings, self.peerid)
        self.connection_limit = ConnectionLimit(self, self.handshakes, network, settings)
        self.dialer = Dialer(self.handshakes, self, network, settings)
        self.peer_sources: List[PeerSource] = []
        self._local_discovery: Optional[LocalDiscovery] = None
        if settings.local_discovery:
            self._local_discovery = LocalDiscovery(self, network, settings, random)
            self.peer_sources.append(self._local_discovery)
        self._ticker = network.call_later(TICK, self._tick)

    # -- torrents --------------------------------------------------------------------------------------------------

    def add(
        self,
        source: Union[Metainfo, Magnet],
        params: TorrentParams,
        event_dispatcher: EventDispatcher,
    ) -> Torrent:
        """Add a torrent, stopped.

        Args:
            source: What it is, or a magnet link, whose metadata is fetched once the torrent is started.
            params: Where and how it is downloaded.
            event_dispatcher: Gets its events.

        Raises:
            StateError: The session has it already, or the piece cache cannot be used.
            SettingsError: A limit is no rate.
        """
        for form in source.infohashes.short:
            if form in self.torrents:
                made = self.torrents[form].params.origin
                by = f", by the client made at {made}; close that one first" if made else ""
                name = source.name or source.infohash.hex()
                raise StateError("add", f"the session has the torrent {name!r} already{by}")
        torrent = Torrent(self, source, params, event_dispatcher)
        for form in source.infohashes.short:
            self.torrents[form] = torrent
        return torrent

    def _all(self) -> List[Torrent]:
        """Every torrent once."""
        return list(dict.fromkeys(self.torrents.values()))

    def remove(self, torrent: Torrent, *, done: Callable[[], None]) -> None:
        """Close a torrent and forget it; ``done`` is called when its files are closed and its trackers told."""
        torrent.close()
        for form in torrent.infohashes.short:
            self.torrents.pop(form, None)
        self.dialer.forget(torrent)
        torrent.wait_group.when_over(done)

    def close(self, done: Callable[[], None]) -> None:
        """Close every torrent and the port, then call ``done``."""
        over = WaitGroup()
        over.expect()
        for torrent in self._all():
            over.expect()
            self.remove(torrent, done=over.answered)
        self.handshakes.close()
        for source in self.peer_sources:
            source.close()
        over.expect()
        self.dht.close(over.answered)
        self._ticker.cancel()
        over.answered()
        over.when_over(done)

    def torrent_of(self, infohash: bytes) -> Optional[Torrent]:
        """The torrent of this infohash, if it accepts connections now."""
        torrent = self.torrents.get(infohash)
        return torrent if torrent is not None and torrent.lifecycle.connected else None

    def _request_again(self) -> None:
        """There is room for pieces again."""
        for torrent in self._all():
            torrent.touch_all()

    # -- the port --------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Open the port for TCP and UDP, unless it is open; raises ListenError only when the settings demand it."""
        if self._listener is not None:
            return
        settings = self.settings
        try:
            self._listener = self.network.listen(settings.host, self.port or settings.port, self.handshakes.accept)
        except ListenError as error:
            if settings.port_strict:
                raise
            self.datagrams.open_any(self.port or settings.port)
            self.publish(events.ListenFailed, reason=str(error))
            return
        self.port = self._listener.port
        self.datagrams.open(self._listener.addresses, self.port)
        self.publish(events.Listening, port=self.port, udp_port=self.datagrams.port)

    @property
    def endpoints(self) -> Tuple[Endpoint, ...]:
        """Local addresses to announce from, one for each family; of any family if there is no listening socket."""
        if self._listener is None:
            return (Endpoint(0, ""),)
        return tuple([_endpoint(address) for address in self._listener.addresses])

    @property
    def public_port(self) -> int:
        """The port to tell others."""
        # Trackers refuse port 0; without a listening socket no port is right, and peers are wanted all the same.
        return self.settings.announce_port or self.port or self.settings.port or 1

    def unlisten(self) -> None:
        """Close the port if no torrent is started."""
        if any(torrent.lifecycle.started for torrent in self._all()):
            return
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for source in self.peer_sources:
            source.close()
        if not self.dht.running:
            self.datagrams.close()

    def open_datagrams(self) -> None:
        """Open the UDP sockets unless they are open: the DHT may run while no torrent is started."""
        settings = self.settings
        if self._listener is None:
            self.datagrams.open([settings.host] if settings.host else ANY_HOST, self.port or settings.port)

    # -- connections -----------------------------------------------------------------------------------------------

    def connecting(self, torrent: object) -> int:
        """Connections to peers of this torrent that are being made."""
        return self.handshakes.connecting(torrent)

    def drop_handshakes(self, torrent: object) -> None:
        """Give up the connections that are being made for this torrent."""
        self.handshakes.drop(torrent)

    def wake_dialer(self, torrent: Optional[JoinableTorrent]) -> None:
        """There may be an address to dial, or room for one."""
        self.dialer.wake(torrent)

    def make_room(self) -> bool:
        """Return whether there is room for one more connection, after closing another one if need be."""
        return self.connection_limit.make_room()

    @property
    def peers(self) -> List[Connection]:
        """The connections past their handshake, of every torrent."""
        return [peer for torrent in self._all() for peer in torrent.peers]

    def change_filter(self, before: IpRanges, after: IpRanges) -> bool:
        """Refuse other addresses from now on; see ``AddressFilter.change``."""
        torrents = self._all()
        changed = self.address_filter.change(before, after, [torrent.peerlist for torrent in torrents])
        if changed:
            self.handshakes.close_refused()
            self.dht.forget_refused()
            for torrent in torrents:
                torrent.peers.close_refused()
        return changed

    def local_discovery_status(self, torrent: Torrent) -> LocalDiscoveryStatus:
        """The search for peers of a torrent in the local network, as users see it."""
        found = self._local_discovery
        return UNUSED if found is None or not torrent.lifecycle.started else found.status(torrent)

    # -- the rest --------------------------------------------------------------------------------------------------

    def fault(self, error: Exception) -> None:
        """Our own code failed, and the loop gave up what it was doing: every torrent reports it."""
        self.faults += 1
        self.last_fault = printable(f"{type(error).__name__}: {error}")
        for torrent in self._all():
            torrent.publish(events.InternalFailed, reason=self.last_fault, count=self.faults)
            torrent.refresh()

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        """Publish an event of every torrent."""
        for torrent in self._all():
            torrent.publish(kind, **fields)

    def _tick(self) -> None:
        self._ticker = self.network.call_later(TICK, self._tick)
        now = self.network.now()
        torrents = self._all()
        busy = [torrent for torrent in torrents if torrent.lifecycle.connected and len(torrent.peers)]
        self.downloading = max(1, sum([torrent.progress.wanting for torrent in busy]))
        self.uploading = max(1, sum([any([peer.interested for peer in torrent.peers]) for torrent in busy]))
        self.dht.tick(now)
        for torrent in torrents:
            torrent.tick(now)
        for source in self.peer_sources:
            source.tick(now)
        self.full = self.connection_limit.full
        if self.full and self.connection_limit.yielding:
            for torrent in torrents:
                self.dialer.wake(torrent)
        if not any([torrent.rates.receiving for torrent in torrents]):
            self.memory.drop_spare()


def _endpoint(address: str) -> Endpoint:
    # From a loopback address only this machine can be reached, and the tracker may be elsewhere.
    near = ipaddress.ip_address(address.partition("%")[0])
    return Endpoint(near.version, "" if near.is_unspecified or near.is_loopback else address)
