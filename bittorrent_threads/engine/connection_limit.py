"""The limit on all connections of a session: who gives way to a newcomer, and what a system without descriptors allows.

The rule: a connection without a handshake gives way first, the oldest before the others, then the least useful peer;
a peer that is useful is never closed for an unknown one.
"""

from __future__ import annotations

from typing import Any, Callable, List, Protocol

from .. import events
from ..settings import Settings
from ..swarm import eviction
from .connection import Connection
from .handshakes import Handshakes
from .interfaces.network import Network

LEAST_CONNECTIONS = 10
"""Connections that are allowed however short the system is of descriptors."""

DESCRIPTOR_SHARE = 4 / 5
"""Share of the descriptors that connections may take; files and other sockets have the rest."""

EXHAUSTED_INTERVAL = 60.0
"""Seconds between two events that tell of a lack of descriptors."""


class Session(Protocol):
    """The torrents whose connections are counted."""

    @property
    def peers(self) -> List[Connection]:
        """The connections past their handshake, of every torrent."""

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        """Publish an event of every torrent."""


class ConnectionLimit:
    """How many connections a session has, and may have.

    Args:
        session: Its torrents.
        handshakes: Its connections whose handshake is not finished.
        network: The descriptors that there are, and the clock.
        settings: The limits.
    """

    def __init__(self, session: Session, handshakes: Handshakes, network: Network, settings: Settings) -> None:
        self._session = session
        self._handshakes = handshakes
        self._network = network
        self._share = settings.max_connections_per_host
        self._most = min(settings.max_connections, int(network.capacity * DESCRIPTOR_SHARE))
        self._exhausted_at = -EXHAUSTED_INTERVAL

    @property
    def connections(self) -> int:
        """All connections, those being made included."""
        return len(self._handshakes) + len(self._session.peers)

    @property
    def full(self) -> bool:
        """There are as many connections as there may be."""
        return self.connections >= self._most

    @property
    def yielding(self) -> List[Connection]:
        """The peers that are closed for others when the session is full, the first to go first."""
        return eviction.yielding(self._session.peers, share=self._share, now=self._network.now())

    def make_room(self) -> bool:
        """Return whether there is room for one more connection, after closing another one if need be."""
        return not self.full or self._give_way()

    def exhausted(self, reason: str) -> None:
        """The system is out of descriptors: allow fewer connections from now on, and close one of no use."""
        now = self._network.now()
        self._most = max(LEAST_CONNECTIONS, min(self._most, self.connections) - 1)
        idle = [peer for peer in self._session.peers if not peer.interesting]
        if not self._give_way() and idle:
            min(idle, key=lambda peer: peer.timeouts.received_at).close(reason)
        if now - self._exhausted_at >= EXHAUSTED_INTERVAL:
            self._exhausted_at = now
            self._session.publish(events.ConnectionsLimited, limit=self._most, reason=reason)

    def _give_way(self) -> bool:
        """Close the connection that gives way; False if none does."""
        if self._handshakes.give_way():
            return True
        yielding = self.yielding
        if yielding:
            yielding[0].give_way()
        return bool(yielding)
