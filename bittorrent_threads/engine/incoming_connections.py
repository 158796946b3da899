"""Connections that came in and have not finished their handshake: how many there may be, and which goes first.

The rule: a connection that says nothing takes no place from one that speaks.  When there is no room, the oldest
stranger of the host that has most of them gives way to the newcomer, so that a flood of silent connections costs each
of them its time and nobody else's: a peer that means it says its handshake with the first packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict

from ..address_scope import owner
from .handshaker import Handshaker

if TYPE_CHECKING:
    from .engine import Engine
    from .interfaces import Stream


class IncomingConnections:
    """The strangers of a session, by the owner of their address, in the order in which they came."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._of: Dict[str, Dict[Handshaker, None]] = {}

    def accept(self, stream: Stream) -> None:
        """A connection came in: wait for its handshake, or close it if nothing gives way to it."""
        engine = self._engine
        if not engine.make_room():
            stream.close()
            return
        handshaker = Handshaker(engine, None, stream.address)
        engine.greetings[handshaker] = None
        self._of.setdefault(owner(stream.address[0]), {})[handshaker] = None
        handshaker.attach(stream)

    def gone(self, handshaker: Handshaker) -> None:
        """The greeting is over; harmless for one that is no stranger's."""
        host = owner(handshaker.address[0])
        theirs = self._of.get(host, {})
        if theirs.pop(handshaker, self) is None and not theirs:
            del self._of[host]

    def give_way(self) -> bool:
        """Close the oldest stranger of the host that has most of them; False if there is none."""
        if not self._of:
            return False
        greediest = max(self._of.values(), key=len)
        next(iter(greediest)).close("said no handshake, and others find no room")
        return True
