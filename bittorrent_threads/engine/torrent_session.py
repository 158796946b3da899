"""What a torrent uses of its session: the narrow view that ``Engine`` gives to ``Torrent``."""

from __future__ import annotations

from typing import Any, Callable, Optional, Protocol

from ..protocol.extension_table import ExtensionTable
from ..status import LocalDiscoveryStatus
from ..swarm.message_quota import Budget
from .address_filter import AddressFilter
from .announces import AnnouncingSession
from .connection import Connection
from .dht_announces import DhtAnnounces
from .dht_node import DhtNode
from .interfaces.lookups import Lookups
from .interfaces.tracker_client import TrackerClient
from .joinable_torrent import JoinableTorrent
from .payload import Session
from .rate_limits import Shares
from .snapshot import Faults


class TorrentSession(Session, AnnouncingSession, Shares, Faults, Protocol):
    """The session of a torrent."""

    lookups: Lookups
    address_filter: AddressFilter
    message_budget: Budget
    extensions: ExtensionTable[Connection]
    wall: Callable[[], float]
    client: str
    """Our name and version, for peers."""
    dht: DhtNode
    dht_announces: DhtAnnounces

    @property
    def tracker_clients(self) -> TrackerClient:
        """Carries announces to trackers."""

    def listen(self) -> None:
        """Open the port unless it is open; raises ListenError if that is demanded and fails."""

    def unlisten(self) -> None:
        """Close the port if no torrent is started."""

    def local_discovery_status(self, torrent: Any) -> LocalDiscoveryStatus:
        """The search for peers of a torrent in the local network, as users see it."""

    def connecting(self, torrent: object) -> int:
        """Connections to peers of this torrent that are being made."""

    def drop_handshakes(self, torrent: object) -> None:
        """Give up the connections that are being made for this torrent."""

    def wake_dialer(self, torrent: Optional[JoinableTorrent]) -> None:
        """There may be an address to dial."""
