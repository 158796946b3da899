"""The session on the network thread: its torrents, its one listening port, and the strangers at its door.

Network, disk, look-ups and random source come from outside, so the same engine runs on sockets or in virtual time.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from .. import events
from ..errors import ListenError, StateError
from ..metainfo.metainfo import Metainfo
from ..protocol.peer_id import make_peerid
from ..settings import Settings
from ..swarm import eviction
from ..swarm.buffer_pool import BufferPool
from ..swarm.external_address import ExternalAddress
from ..swarm.message_quota import Budget
from ..text import printable
from ..version import __version__
from .dialer import Dialer
from .handshaker import Handshaker
from .incoming_connections import IncomingConnections
from .interfaces import Disk, Endpoint, EventDispatcher, Listener, Lookups, Network, Stream
from .peer import Peer
from .torrent import Torrent
from .tracker_clients import TrackerClients
from .wait_group import WaitGroup

TICK = 1.0

LEAST_CONNECTIONS = 10
"""Connections that are allowed however short the system is of descriptors."""

EXHAUSTED_INTERVAL = 60.0
"""Seconds between two events that tell of it."""


class Engine:
    """All torrents of one session."""

    def __init__(
        self,
        *,
        network: Network,
        disk: Disk,
        lookups: Lookups,
        settings: Settings,
        random: Any,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.network = network
        self.disk = disk
        self.lookups = lookups
        self.tracker_clients = TrackerClients(lookups)
        self.settings = settings
        self.random = random
        self.wall = wall
        self.peerid = make_peerid(random)
        self.key = f"{random.randrange(2**32):08X}"
        """Tells trackers that it is still us after our address changed."""
        self.client = settings.user_agent or f"bittorrent_threads {__version__}"
        self.memory = BufferPool(settings.piece_memory, self._ask_again, network.receive_pool)
        self.message_budget = Budget()
        self.torrents: Dict[bytes, Torrent] = {}
        self.faults = 0
        """Times that our own code failed."""
        self.last_fault = ""
        self.greetings: Dict[Handshaker, None] = {}
        """Connections whose handshake is not done, in both directions."""
        self.strangers = IncomingConnections(self)
        self.own_host = ExternalAddress()
        self.downloading = 1
        """Torrents that share the download limit, at least 1; as of the last tick."""
        self.uploading = 1
        self.port = 0
        self._listener: Optional[Listener] = None
        self._connection_limit = min(settings.max_connections, network.capacity * 4 // 5)
        self._exhausted_at = -EXHAUSTED_INTERVAL
        self.dialer = Dialer(self)
        self._ticker = network.call_later(TICK, self._tick)

    def add(self, metainfo: Metainfo, basedir: str, *, event_dispatcher: EventDispatcher, **options: Any) -> Torrent:
        """A new torrent, stopped; raises StateError when the session has it already."""
        if metainfo.infohash in self.torrents:
            raise StateError("add", f"the session has the torrent {metainfo.name!r} already")
        torrent = Torrent(self, metainfo, basedir, event_dispatcher=event_dispatcher, **options)
        self.torrents[metainfo.infohash] = torrent
        return torrent

    def remove(self, torrent: Torrent, *, done: Callable[[], None]) -> None:
        """Close a torrent and forget it; ``done`` is called when its files are closed and its trackers told."""
        torrent.close()
        self.torrents.pop(torrent.metainfo.infohash, None)
        self.dialer.forget(torrent)
        torrent.wait_group.when_over(done)

    def _ask_again(self) -> None:
        for torrent in self.torrents.values():
            torrent.peers.touch_all()

    def close(self, done: Callable[[], None]) -> None:
        """Close every torrent and the door, then call ``done``."""
        over = WaitGroup()
        over.expect()
        for torrent in list(self.torrents.values()):
            over.expect()
            self.remove(torrent, done=over.answered)
        for handshaker in list(self.greetings):
            handshaker.close("the session was closed")
        self._ticker.cancel()
        over.answered()
        over.when_over(done)

    # -- the door --------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Open the port unless it is open; raises ListenError only when the settings demand the port."""
        if self._listener is not None:
            return
        settings = self.settings
        try:
            self._listener = self.network.listen(settings.host, self.port or settings.port, self.strangers.accept)
        except ListenError as error:
            if settings.port_strict:
                raise
            for torrent in self.torrents.values():
                torrent.publish(events.ListenFailed, reason=str(error))
            return
        self.port = self._listener.port
        for torrent in self.torrents.values():
            torrent.publish(events.Listening, port=self.port)

    @property
    def endpoints(self) -> Tuple[Endpoint, ...]:
        """Where we listen, one for each address family; any family without a listening socket, for peers are wanted."""
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
        if self._listener is not None and all(torrent.state == "stopped" for torrent in self.torrents.values()):
            self._listener.close()
            self._listener = None

    def exhausted(self, reason: str) -> None:
        """The system is out of descriptors: allow fewer connections from now on, and close one that nobody misses."""
        now = self.network.now()
        self._connection_limit = max(LEAST_CONNECTIONS, min(self._connection_limit, self.connections) - 1)
        idle = [peer for torrent in self.torrents.values() for peer in torrent.peers if not peer.interesting]
        if not self._give_way() and idle:
            min(idle, key=lambda peer: peer.timeouts.received_at).close(reason)
        if now - self._exhausted_at >= EXHAUSTED_INTERVAL:
            self._exhausted_at = now
            for torrent in self.torrents.values():
                torrent.publish(events.ConnectionsLimited, limit=self._connection_limit, reason=reason)

    def fault(self, error: Exception) -> None:
        """Our own code failed, and the loop gave up what it was at: every torrent tells it."""
        self.faults += 1
        self.last_fault = printable(f"{type(error).__name__}: {error}")
        for torrent in self.torrents.values():
            torrent.publish(events.InternalFailed, reason=self.last_fault, count=self.faults)
            torrent.refresh()

    @property
    def connection_room(self) -> int:
        """How many connections more the session may have."""
        return self._connection_limit - self.connections

    def make_room(self) -> bool:
        """Is there room for one connection more?  The oldest stranger, else the least useful peer, gives way."""
        return self.connection_room > 0 or self._give_way()

    def _give_way(self) -> bool:
        if self.strangers.give_way():
            return True
        yielding = self.yielding()
        if yielding:
            yielding[0].give_way()
        return bool(yielding)

    def yielding(self) -> List[Peer]:
        """The peers that give way to others when the session is full, the first to go first."""
        peers = [peer for torrent in self.torrents.values() for peer in torrent.peers]
        return eviction.yielding(peers, share=self.settings.max_connections_per_host, now=self.network.now())

    def serving(self, infohash: bytes) -> Optional[Torrent]:
        """The live torrent of this infohash."""
        torrent = self.torrents.get(infohash)
        return torrent if torrent is not None and torrent.live else None

    # -- greetings -------------------------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """All connections, those being made included."""
        return len(self.greetings) + sum(len(torrent.peers) for torrent in self.torrents.values())

    @property
    def half_open(self) -> int:
        """Connections we are making."""
        return sum(1 for handshaker in self.greetings if handshaker.outgoing)

    def connecting(self, torrent: Torrent) -> int:
        """Connections to peers of this torrent that are being made."""
        return sum(1 for handshaker in self.greetings if handshaker.torrent is torrent)

    def greeted(self, handshaker: Handshaker, torrent: Torrent, stream: Stream) -> None:
        """A handshake is done."""
        self._forget(handshaker)
        objection = torrent.peers.welcome(handshaker, stream)
        if objection:
            stream.close()
            self._failed(handshaker, objection)
        self.dialer.wake(handshaker.torrent)

    def greeting_failed(self, handshaker: Handshaker, reason: str) -> None:
        """A dial or a handshake came to nothing."""
        self._forget(handshaker)
        self._failed(handshaker, reason)
        self.dialer.wake(handshaker.torrent)

    def _forget(self, handshaker: Handshaker) -> None:
        self.greetings.pop(handshaker, None)
        self.strangers.gone(handshaker)

    def _failed(self, handshaker: Handshaker, reason: str) -> None:
        torrent = handshaker.torrent
        if torrent is None:
            return
        if handshaker.outgoing:
            torrent.peerlist.failed(handshaker.address, self.network.now(), reason)
            if handshaker.handshake.peerid == self.peerid and self._met_itself(torrent):
                torrent.peerlist.exclude(handshaker.address)
        torrent.publish(events.PeerClosed, address=handshaker.address, reason=reason)

    def _met_itself(self, torrent: Torrent) -> bool:
        """Is the other end of a dial that was answered with our own peer id here, among the strangers?

        Anyone may repeat our peer id.  An address is our own if a connection to it came in at our port.
        """
        return any(
            not other.outgoing and other.torrent is torrent and other.handshake.peerid == self.peerid
            for other in self.greetings
        )

    def drop_greetings(self, torrent: Torrent) -> None:
        """The torrent stops: give up the connections that are being made for it."""
        for handshaker in [handshaker for handshaker in self.greetings if handshaker.torrent is torrent]:
            handshaker.close("the torrent was stopped")

    def _tick(self) -> None:
        self._ticker = self.network.call_later(TICK, self._tick)
        now = self.network.now()
        busy = [torrent for torrent in self.torrents.values() if torrent.live and len(torrent.peers)]
        self.downloading = max(1, sum([torrent.picker.missing for torrent in busy]))
        self.uploading = max(1, sum([any([peer.interested for peer in torrent.peers]) for torrent in busy]))
        for torrent in list(self.torrents.values()):
            torrent.tick(now)
        if self.connection_room <= 0 and self.yielding():
            for torrent in self.torrents.values():
                self.dialer.wake(torrent)
        if not any([torrent.moving for torrent in self.torrents.values()]):
            self.memory.drop_spare()


def _endpoint(address: str) -> Endpoint:
    # From a loopback address only this machine can be reached, and the tracker may be elsewhere.
    near = ipaddress.ip_address(address.partition("%")[0])
    return Endpoint(near.version, "" if near.is_unspecified or near.is_loopback else address)
