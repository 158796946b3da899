"""Which connections end when others find no room: the crowded of one host, and those of which nothing comes.

The rule: only a peer that had its chance gives way.  One that we choke, or that chokes us, waits and is given time; one
that we let ask and that asks nothing has shown what it is for.  A newcomer never takes the place of a peer with which
blocks are exchanged, for it may be of no use itself.
"""

from __future__ import annotations

import collections
from typing import Callable, Hashable, Iterable, List, Optional, Protocol, Sequence, Tuple, TypeVar

from ..address_scope import is_loopback, owner

CHANCE = 60.0
"""Seconds after it was let ask in which a peer that wants something, and of which we want nothing, takes a block.

As long as a turn of the choker; a peer that means it asks at once.
"""

INDIFFERENCE = 60.0
"""The same where neither end wants anything of the other."""

VAIN_WAIT = 600.0
"""The same where one end wants something and the other does not let it ask."""


class Peer(Protocol):
    """What the choice rests on; times are monotonic seconds."""

    @property
    def party(self) -> Optional[Hashable]:
        """The same for all connections of which few are wanted; None for one that crowds nobody."""

    @property
    def interested(self) -> bool:
        """The peer wants something of ours."""

    @property
    def interesting(self) -> bool:
        """We want something of the peer."""

    @property
    def choked(self) -> bool:
        """We do not let the peer ask."""

    @property
    def unchoked_at(self) -> Optional[float]:
        """When we last let it ask; None if never."""

    @property
    def connected_at(self) -> float:
        """When the handshake was complete."""

    @property
    def moved_at(self) -> float:
        """When a block last went to the peer or came from it; ``connected_at`` if none did."""


P = TypeVar("P", bound=Peer)


def yielding(peers: Sequence[P], *, share: int, now: float) -> List[P]:
    """The peers that give way to others, the first to go first.

    Of a party with more than ``share`` peers those beyond it: the useless, then the newest of those that never moved a
    block, then those that moved none for longest.  Then all that are useless.
    """
    sizes = collections.Counter(peer.party for peer in peers if peer.party is not None)
    parties = {party: size for party, size in sizes.items() if size > share}

    def badness(peer: P) -> Tuple[float, ...]:
        untested = peer.moved_at <= peer.connected_at
        idle = 0.0 if untested else now - peer.moved_at
        return parties.get(peer.party, 0), uselessness(peer, now), untested, idle, peer.connected_at

    crowded, useless = [], []
    for peer in sorted(peers, key=badness, reverse=True):
        if parties.get(peer.party, 0) > share:
            parties[peer.party] -= 1
            crowded.append(peer)
        elif uselessness(peer, now) > 0:
            useless.append(peer)
    return crowded + useless


def outranked(peers: Iterable[P], rank: Callable[[P], int], newcomer: int, *, now: float) -> Optional[P]:
    """The idle peer of lowest rank, if a newcomer of rank ``newcomer`` has a greater one; None if there is none.

    For a list full of peers none of which is known to be useless: idle is one on which no block moved for a while.
    """
    idle = [peer for peer in peers if now - peer.moved_at >= INDIFFERENCE]
    lowest = min(idle, key=rank, default=None)
    return lowest if lowest is not None and rank(lowest) < newcomer else None


def party(infohash: bytes, host: str) -> Optional[Hashable]:
    """The same for all peers of a torrent of which few are wanted; None for this machine, which may have many."""
    return None if is_loopback(host) else (infohash, owner(host))


def crowds(party: Optional[Hashable], peers: Sequence[Peer], *, share: int) -> bool:
    """Would one more of this party be more than its share?"""
    return party is not None and sum(1 for peer in peers if peer.party == party) >= share


def uselessness(peer: Peer, now: float) -> float:
    """Seconds since which the peer is known to be of no use; 0 if it is not."""
    idle = now - peer.moved_at
    if peer.unchoked_at is not None and peer.unchoked_at >= peer.moved_at and peer.interested and not peer.interesting:
        return max(0.0, now - peer.unchoked_at - CHANCE)
    if peer.interested or peer.interesting:
        return max(0.0, idle - VAIN_WAIT)
    return max(0.0, idle - INDIFFERENCE)
