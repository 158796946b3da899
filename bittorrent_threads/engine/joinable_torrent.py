"""A torrent as the parts of a session see it that make and accept connections: dialer and handshakes."""

from __future__ import annotations

from typing import Any, Callable, Protocol

from ..events import Event
from ..protocol.handshake import Handshake
from ..swarm.peer_list import PeerList
from .interfaces.network import Stream


class Admission(Protocol):
    """The connections of a torrent, as the session sees them."""

    @property
    def places(self) -> int:
        """Connections that could be taken, those included for which another one would be closed."""

    def admit(self, handshake: Handshake, stream: Stream) -> str:
        """Take a connection whose handshake is complete, or return the reason why not."""


class JoinableTorrent(Protocol):
    """A torrent, as the parts of the session see it that make and accept connections."""

    infohash: bytes
    """20 bytes, as in a handshake."""
    peerlist: PeerList
    """The known addresses."""

    @property
    def reserved(self) -> bytes:
        """The 8 reserved bytes of our handshakes (BEP 3)."""

    @property
    def peers(self) -> Admission:
        """Its connections."""

    def publish(self, kind: Callable[..., Event], **fields: Any) -> None:
        """Hand out an event of this torrent."""
