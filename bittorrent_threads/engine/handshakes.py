"""The connections of a session whose handshake is not finished, in both directions.

When a handshake is finished the torrent admits the connection or refuses it.  When it fails, the torrent's list of
addresses is told, so that the dialer waits before it tries the address again.
"""

from __future__ import annotations

from typing import Dict, Optional, Protocol

from .. import events
from ..net.interfaces import Address
from ..settings import Settings
from .address_filter import REFUSED, AddressFilter
from .handshaker import Handshaker
from .incoming_connections import IncomingConnections
from .interfaces.network import Network, Stream
from .joinable_torrent import JoinableTorrent


class Session(Protocol):
    """The torrents of the session and the room for connections."""

    address_filter: AddressFilter

    def torrent_of(self, infohash: bytes) -> Optional[JoinableTorrent]:
        """The torrent of this infohash, if it accepts connections now."""

    def make_room(self) -> bool:
        """Return whether there is room for one more connection, after closing another one if need be."""

    def wake_dialer(self, torrent: Optional[JoinableTorrent]) -> None:
        """A connection ended: there may be an address to dial."""


class Handshakes:
    """The unfinished handshakes of one session.

    Args:
        session: The torrents and the room for connections.
        network: Dials, and gives timers.
        settings: Time limits.
        peerid: Our own peer id, 20 bytes.
    """

    def __init__(self, session: Session, network: Network, settings: Settings, peerid: bytes) -> None:
        self.peerid = peerid
        self._session = session
        self._network = network
        self._settings = settings
        self._pending: Dict[Handshaker, None] = {}
        self._incoming = IncomingConnections()

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def half_open(self) -> int:
        """Connections that we dialled."""
        return sum(1 for handshaker in self._pending if handshaker.outgoing)

    def connecting(self, torrent: object) -> int:
        """Connections that are known to be for this torrent."""
        return sum(1 for handshaker in self._pending if handshaker.torrent is torrent)

    def give_way(self) -> bool:
        """Close an accepted connection that has not sent its handshake; False if there is none."""
        return self._incoming.give_way()

    def dial(self, torrent: JoinableTorrent, address: Address) -> None:
        """Connect to a peer of the torrent."""
        handshaker = self._handshaker(torrent, address)
        handshaker.attach(self._network.connect(address, handshaker, self._settings.connect_timeout))

    def accept(self, stream: Stream) -> None:
        """A connection came in: wait for its handshake, or close it if it is refused or there is no room."""
        if self._session.address_filter.refuses(stream.address[0]) or not self._session.make_room():
            stream.close()
            return
        handshaker = self._handshaker(None, stream.address)
        self._incoming.add(handshaker)
        handshaker.attach(stream)

    def drop(self, torrent: object) -> None:
        """The torrent stops: close its connections."""
        for handshaker in [handshaker for handshaker in self._pending if handshaker.torrent is torrent]:
            handshaker.close("the torrent was stopped")

    def close_refused(self) -> None:
        """The IP filter has changed: close connections that it refuses."""
        blocks = self._session.address_filter.blocks
        for handshaker in [handshaker for handshaker in self._pending if blocks(handshaker.address[0])]:
            handshaker.close(REFUSED)

    def close(self) -> None:
        """The session ends: close every connection."""
        for handshaker in list(self._pending):
            handshaker.close("the session was closed")

    # -- what a handshaker reports ---------------------------------------------------------------------------------

    def torrent_of(self, infohash: bytes) -> Optional[JoinableTorrent]:
        """The torrent of this infohash, if it accepts connections now."""
        return self._session.torrent_of(infohash)

    def on_done(self, handshaker: Handshaker, torrent: JoinableTorrent, stream: Stream) -> None:
        """A handshake is complete: the torrent takes the connection, or it is closed."""
        self._forget(handshaker)
        objection = torrent.peers.admit(handshaker.handshake, stream)
        if objection:
            stream.close()
            self._report(handshaker, objection)
        self._session.wake_dialer(torrent)

    def on_failed(self, handshaker: Handshaker, reason: str) -> None:
        """A dial or a handshake failed."""
        self._forget(handshaker)
        self._report(handshaker, reason)
        self._session.wake_dialer(handshaker.torrent)

    def _handshaker(self, torrent: Optional[JoinableTorrent], address: Address) -> Handshaker:
        timeout = self._settings.handshake_timeout
        handshaker = Handshaker(self, self._network, torrent, address, timeout=timeout)
        self._pending[handshaker] = None
        return handshaker

    def _forget(self, handshaker: Handshaker) -> None:
        self._pending.pop(handshaker, None)
        self._incoming.remove(handshaker)

    def _report(self, handshaker: Handshaker, reason: str) -> None:
        torrent = handshaker.torrent
        if torrent is None:
            return
        if handshaker.outgoing:
            torrent.peerlist.failed(handshaker.address, self._network.now(), reason)
            if handshaker.handshake.peerid == self.peerid and self._met_itself(torrent):
                torrent.peerlist.exclude(handshaker.address)
        torrent.publish(events.PeerClosed, address=handshaker.address, reason=reason)

    def _met_itself(self, torrent: JoinableTorrent) -> bool:
        """Is the other end of a dial that was answered with our own peer id among the accepted connections?

        Any peer may repeat our peer id.  An address is our own only if a connection to it came in at our port.
        """
        return any(
            not other.outgoing and other.torrent is torrent and other.handshake.peerid == self.peerid
            for other in self._pending
        )
