"""One torrent and the DHT (BEP 5): its lookups, and what it tells its peers of our node and takes of theirs.

The rule: a torrent that is known to be private (BEP 27) has no part in the DHT.  Its handshakes do not have the bit,
its peers are told no port, and the port that a peer tells is not used.
"""

from __future__ import annotations

from typing import Optional, Protocol

from ..net.interfaces import Address
from ..protocol.handshake import RESERVED, RESERVED_DHT
from ..status import DhtSearchStatus
from . import dht_announces
from .dht_announces import DhtAnnounces
from .dht_node import DhtNode
from .payload import Payload


class Session(Protocol):
    """The DHT of the session."""

    dht: DhtNode
    dht_announces: DhtAnnounces


class Torrent(dht_announces.Torrent, Protocol):
    """The torrent."""

    @property
    def payload(self) -> Optional[Payload]:
        """The content; None before the metadata is known."""


class TorrentDht:
    """The part of one torrent in the DHT.

    Args:
        torrent: The torrent.
        session: Its session.
    """

    def __init__(self, torrent: Torrent, session: Session) -> None:
        self._torrent = torrent
        self._node = session.dht
        self._announces = session.dht_announces

    def start(self) -> None:
        """Look the torrent up and announce it, from now on."""
        payload = self._torrent.payload
        self._announces.start(self._torrent, () if payload is None else payload.metainfo.nodes)

    def stop(self) -> None:
        """Look it up no more; harmless if it was not started."""
        self._announces.stop(self._torrent)

    def hurry(self) -> None:
        """Look it up as soon as possible, if it is started."""
        self._announces.hurry(self._torrent)

    @property
    def status(self) -> DhtSearchStatus:
        """The search for its peers, as users see it."""
        return self._announces.status(self._torrent)

    @property
    def reserved(self) -> bytes:
        """The reserved bytes of our handshakes, 8."""
        return RESERVED_DHT if self._node.enabled and not self._torrent.private else RESERVED

    def port_of(self, family: int) -> int:
        """Return the UDP port of our node in an address family, 4 or 6, to tell peers; 0 for none."""
        return 0 if self._torrent.private else self._node.port_of(family)

    def add_node(self, address: Address) -> None:
        """Take a node that a peer has told."""
        if not self._torrent.private:
            self._node.add_node(address)
