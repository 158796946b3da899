"""Two connections between the same two peers, one dialled by each end: which of them is closed, and by which end.

Both ends may dial at once, and a peer may reconnect before its lost connection is noticed.  If each end closed one of
the two immediately, each could close the one that the other keeps, or the one that has just been lost.

The rule: both stay for ``GRACE_TIME``.  If both are still open then, the end with the greater peer id closes one.  The
other end waits for ``LATE_GRACE_TIME``, in case the first end does not have this rule.  A peer id proves nothing: it is
compared only for an incoming and a dialled connection with the same host, and the connection with less traffic ends.
"""

from __future__ import annotations

from typing import Collection, Iterable, List, Optional, Protocol, Tuple, TypeVar

from ..protocol.addresses import Address

GRACE_TIME = 1.0
"""Seconds before one of two connections is closed: time to hear that one of them was lost."""

LATE_GRACE_TIME = 10.0
"""The same at the end with the smaller peer id; many times a round trip, so that the two ends never both close one."""

RELATED_TIME = 2 * LATE_GRACE_TIME
"""Seconds after the start of the later connection in which the end of one is taken as the choice between the two."""


class Peer(Protocol):
    """What the choice depends on."""

    @property
    def address(self) -> Address:
        """The other end of the connection."""

    @property
    def peerid(self) -> bytes:
        """The peer id of the handshake."""

    @property
    def incoming(self) -> bool:
        """Whether the peer dialled us."""

    @property
    def connected_at(self) -> float:
        """When the handshake was complete; monotonic seconds."""

    @property
    def listening(self) -> Optional[int]:
        """The port at which an incoming peer says that it listens (BEP 10 ``p``); None if it does not."""

    @property
    def moved(self) -> int:
        """Bytes of blocks that were sent and received."""


P = TypeVar("P", bound=Peer)


def duplicate(peer: P, peers: Iterable[P]) -> Optional[P]:
    """The other connection with the same peer; None if there is none."""
    return next((other for other in peers if _same(peer, other)), None)


def completes(peers: Iterable[Peer], *, address: Address, peerid: bytes, incoming: bool) -> bool:
    """Whether a new connection is the second one with a peer, of the other direction; it needs no place of its own.

    Else two peers that have one place left each, and dial at once, would refuse each other.

    Args:
        peers: The connected peers.
        address: The other end of the new connection.
        peerid: The peer id of its handshake.
        incoming: Whether the peer dialled us.
    """
    same = [peer.incoming for peer in peers if peer.peerid == peerid and peer.address[0] == address[0]]
    return same == [not incoming]


def surplus(peers: Collection[P], *, peerid: bytes, now: float) -> List[P]:
    """Of each two connections with one peer the one to be closed now.

    Args:
        peers: The connected peers.
        peerid: Our own peer id.
        now: Monotonic seconds.
    """
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
        # Of equals the dialled one stays: its address is proven to be one at which the peer listens.
        other if other.moved < peer.moved else peer
        for peer, other in pairs
        if now - max(peer.connected_at, other.connected_at) >= (GRACE_TIME if peerid > peer.peerid else LATE_GRACE_TIME)
    ]


def _same(one: Peer, other: Peer) -> bool:
    if one.incoming == other.incoming or one.peerid != other.peerid or one.address[0] != other.address[0]:
        return False
    incoming, dialled = (one, other) if one.incoming else (other, one)
    return incoming.listening in (None, dialled.address[1])
