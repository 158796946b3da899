"""Two connections between the same two peers, one dialled by each end: which of them ends, and which end says so.

Both ends may dial at once, and a peer that comes back may be here before it is noticed that it left.  If each end
closed one of the two at sight, each could close the one that the other keeps, or the one that has just ended.

The rule: for a moment both stay.  If both are still there then, the end with the greater peer id closes one; the other
end does so much later, and only if the first knows no such rule.  A peer id proves nothing: it tells something only of
an incoming connection and a dialled one with the same host, and a connection that serves us is never the one to end.
"""

from __future__ import annotations

from typing import Collection, Iterable, List, Optional, Protocol, Tuple, TypeVar

from ..protocol.addresses import Address

MOMENT = 1.0
"""Seconds for which two connections stay that are going to be one: time to hear that one of them has ended."""

FORBEARANCE = 10.0
"""The same at the end that leaves the choice to the other; many times a round trip, so that both never choose."""

PARTED = 2 * FORBEARANCE
"""Seconds after which the end of one of the two says nothing of the other."""


class Peer(Protocol):
    """What the choice rests on."""

    @property
    def address(self) -> Address:
        """The other end of the connection."""

    @property
    def peerid(self) -> bytes:
        """What the peer calls itself."""

    @property
    def incoming(self) -> bool:
        """The peer dialled us."""

    @property
    def connected_at(self) -> float:
        """When the handshake was complete; monotonic seconds."""

    @property
    def listening(self) -> Optional[int]:
        """The port at which an incoming peer says that it listens."""

    @property
    def moved(self) -> int:
        """Bytes of blocks that went to the peer and came from it."""


P = TypeVar("P", bound=Peer)


def twin(peer: P, peers: Iterable[P]) -> Optional[P]:
    """The other connection with the same peer, as far as can be told; None if there is none."""
    return next((other for other in peers if _same(peer, other)), None)


def completes(peers: Iterable[Peer], *, address: Address, peerid: bytes, incoming: bool) -> bool:
    """Would a new connection be the second with a peer that has one the other way?  It needs no place of its own.

    Two peers that have one place left each, and dial at once, would else refuse each other.
    """
    same = [peer.incoming for peer in peers if peer.peerid == peerid and peer.address[0] == address[0]]
    return same == [not incoming]


def surplus(peers: Collection[P], *, peerid: bytes, now: float) -> List[P]:
    """Of each two connections with one peer the one to close now; ``peerid`` is our own."""
    dialled = {}
    for peer in peers:
        if not peer.incoming:
            dialled[peer.address[0], peer.peerid] = peer
    pairs: List[Tuple[P, P]] = []
    for peer in peers if dialled else ():
        other = dialled.get((peer.address[0], peer.peerid))
        if other is not None and _same(peer, other):
            pairs.append((peer, other))
    return [
        # Of equals the dialled one stays: its address is one at which a peer listens, and not a claim.
        other if other.moved < peer.moved else peer
        for peer, other in pairs
        if now - max(peer.connected_at, other.connected_at) >= (MOMENT if peerid > peer.peerid else FORBEARANCE)
    ]


def _same(one: Peer, other: Peer) -> bool:
    if one.incoming == other.incoming or one.peerid != other.peerid or one.address[0] != other.address[0]:
        return False
    incoming, dialled = (one, other) if one.incoming else (other, one)
    return incoming.listening in (None, dialled.address[1])
