"""The accepted connections whose handshake is not finished, by host: which of them is closed first.

The rule: a connection that sends nothing takes no place from one that sends its handshake.  When there is no room, the
oldest unfinished connection of the host that has most of them is closed for a new one.  So a flood of silent
connections shortens the time of each of them, and keeps no honest peer out: it sends its handshake at once.
"""

from __future__ import annotations

from typing import Dict

from ..address_scope import owner
from .handshaker import Handshaker


class IncomingConnections:
    """The unfinished accepted connections of a session, by the owner of their address, in the order they came."""

    def __init__(self) -> None:
        self._by_host: Dict[str, Dict[Handshaker, None]] = {}

    def add(self, handshaker: Handshaker) -> None:
        """Remember an accepted connection."""
        self._by_host.setdefault(owner(handshaker.address[0]), {})[handshaker] = None

    def remove(self, handshaker: Handshaker) -> None:
        """Forget a connection whose handshake ended; harmless for one that was not accepted."""
        host = owner(handshaker.address[0])
        theirs = self._by_host.get(host, {})
        if theirs.pop(handshaker, self) is None and not theirs:
            del self._by_host[host]

    def give_way(self) -> bool:
        """Close the oldest connection of the host that has most of them; False if there is none."""
        if not self._by_host:
            return False
        greediest = max(self._by_host.values(), key=len)
        next(iter(greediest)).close("said no handshake, and others find no room")
        return True
