"""Local service discovery of a session (BEP 14): announces its torrents to the local network, and hears of peers there.

Private torrents are neither announced nor looked up (BEP 27), and the sockets are open only while there is another
torrent.  What comes costs little: at most ten datagrams a second are decoded, nothing is answered, and an address is
used only if it is of a network of this machine and of a torrent that is running, with the share of its source.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Protocol, Sequence, Tuple

from ..errors import ListenError
from ..net.interfaces import Address, MulticastSocket
from ..protocol import local_discovery
from ..settings import Settings
from ..status import LocalDiscoveryStatus
from ..swarm.local_announcer import LEAST_INTERVAL, LocalAnnouncer
from ..swarm.peer_list import PeerList
from ..swarm.source_shares import Source
from .interfaces.network import Network
from .interfaces.tracker_client import Endpoint
from .phase import Lifecycle

LOOK_INTERVAL = 5.0
"""Seconds between two looks for torrents to announce."""
MAX_RATE = 10
"""Datagrams taken in a second."""

UNUSED = LocalDiscoveryStatus()
"""That of a stopped torrent, and of every torrent of a session without local discovery."""
_PRIVATE = LocalDiscoveryStatus(state="private")
_WAITING = LocalDiscoveryStatus(state="waiting")
_WORKING = LocalDiscoveryStatus(state="working")
_EVERYWHERE = ("0.0.0.0", "::")
"""Addresses to listen on that stand for every interface."""


class Torrent(Protocol):
    """A torrent that may be announced."""

    lifecycle: Lifecycle
    peerlist: PeerList

    @property
    def private(self) -> bool:
        """Whether it is known to be private (BEP 27)."""

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers."""


class Session(Protocol):
    """The session."""

    port: int
    """The TCP port that it listens on; 0 for none."""

    @property
    def endpoints(self) -> Tuple[Endpoint, ...]:
        """Its local addresses, one for each address family that it listens on."""

    @property
    def torrents(self) -> Mapping[bytes, Torrent]:
        """By every form of 20 bytes of their infohashes."""


class LocalDiscovery:
    """The announces of a session.

    Args:
        session: Its torrents.
        network: Gives the sockets.
        settings: The address to listen on.
        random: Makes the cookie, by which our own announces are known.
    """

    def __init__(self, session: Session, network: Network, settings: Settings, random: Any) -> None:
        self._session = session
        self._network = network
        self._host = "" if settings.host in _EVERYWHERE else settings.host
        self._cookie = f"{random.getrandbits(64):016x}"
        self._announcer = LocalAnnouncer()
        self._sockets: Dict[int, MulticastSocket] = {}
        """By address family."""
        self._failure = ""
        """Why no socket could be opened, or why the last announce left on no interface of any family."""
        self._announced = False
        self._look_at = self._open_at = network.now()
        self._second = 0
        self._taken = 0
        """Datagrams taken in that second."""

    def tick(self, now: float) -> None:
        """Once a second: announce what is due, if a minute has passed since the last announce."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_INTERVAL
        active = [infohash for infohash, torrent in self._session.torrents.items() if _announced(torrent)]
        if not active:
            self.close()
            return
        self._open(now)
        if self._session.port and self._sockets and self._announcer.may_announce(now):
            infohashes = self._announcer.due(active, now)
            if infohashes:
                self._announce(infohashes, now)

    def close(self) -> None:
        """Close the sockets; they are opened again when there is a torrent to announce."""
        sockets, self._sockets = self._sockets, {}
        for sock in sockets.values():
            sock.close()
        self._announcer.clear()
        self._announced = False

    def status(self, torrent: Torrent) -> LocalDiscoveryStatus:
        """Return the search for peers of a torrent in the local network, as users see it."""
        if torrent.private:
            return _PRIVATE
        if self._failure:
            return LocalDiscoveryStatus(state="failing", error=self._failure)
        return _WORKING if self._announced else _WAITING

    def _open(self, now: float) -> None:
        """Open the sockets that are missing; those that cannot be had are asked for once a minute."""
        missing = [each for each in self._families if each not in self._sockets or self._sockets[each].closed]
        if not missing or now < self._open_at:
            return
        self._open_at = now + LEAST_INTERVAL
        for family in missing:
            self._sockets.pop(family, None)
            try:
                group = local_discovery.GROUPS[family]
                self._sockets[family] = self._network.multicast(group, self._on_datagram, self._host)
            except ListenError as error:
                self._failure = error.reason

    def _announce(self, infohashes: List[bytes], now: float) -> None:
        reasons = [self._announce_to(family, sock, infohashes) for family, sock in self._sockets.items()]
        self._failure = "" if "" in reasons else reasons[0]
        self._announced = True
        if not self._failure:
            self._announcer.announced(infohashes, now)

    def _announce_to(self, family: int, sock: MulticastSocket, infohashes: List[bytes]) -> str:
        group = local_discovery.GROUPS[family]
        return sock.send(local_discovery.encode(group, self._session.port, infohashes, self._cookie))

    @property
    def _families(self) -> List[int]:
        return [endpoint.family for endpoint in self._session.endpoints if endpoint.family]

    def _on_datagram(self, data: bytes, sender: Address) -> None:
        second = int(self._network.now())
        if second != self._second:
            self._second, self._taken = second, 0
        self._taken += 1
        if self._taken > MAX_RATE:
            return
        said = local_discovery.parse(data)
        if said is None or said.cookie == self._cookie:
            return
        for infohash in said.infohashes:
            torrent = self._session.torrents.get(infohash)
            if torrent is not None and _announced(torrent):
                torrent.learn([(sender[0], said.port)], Source.LSD, teller=sender[0])


def _announced(torrent: Torrent) -> bool:
    """Whether a torrent takes part: it accepts connections and is not private."""
    return torrent.lifecycle.connected and not torrent.private
