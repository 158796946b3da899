"""Which connections are closed when new ones find no room: too many of one host, and those without traffic.

The rule: only a peer that had its chance is closed.  A peer that we choke, or that chokes us, is given more time than
one that we unchoked and that requests nothing.  A new peer never replaces one with which blocks are exchanged, because
the new one may be of no use.
"""

from __future__ import annotations

import collections
from typing import Callable, Hashable, Iterable, List, Optional, Protocol, Sequence, Tuple, TypeVar

from ..address_scope import is_loopback, owner

CHANCE = 60.0
"""Seconds in which an unchoked, interested peer that has nothing for us must take a block.

As long as a turn of the choker; a peer that is really interested requests at once.
"""

INDIFFERENCE = 60.0
"""Seconds without traffic after which a connection is useless if neither end is interested."""

VAIN_WAIT = 600.0
"""The same if an end is interested and choked."""


class Peer(Protocol):
    """What the choice depends on; times are monotonic seconds."""

    @property
    def group(self) -> Optional[Hashable]:
        """Equal for all connections whose number is limited together; None if there is no limit."""

    @property
    def interested(self) -> bool:
        """Whether the peer is interested in our pieces."""

    @property
    def interesting(self) -> bool:
        """Whether we are interested in pieces of the peer."""

    @property
    def choked(self) -> bool:
        """Whether we choke the peer."""

    @property
    def unchoked_at(self) -> Optional[float]:
        """When we last unchoked the peer; None if never."""

    @property
    def connected_at(self) -> float:
        """When the handshake was complete."""

    @property
    def moved_at(self) -> float:
        """When a block was last sent or received; ``connected_at`` if none was."""


P = TypeVar("P", bound=Peer)


def yielding(peers: Sequence[P], *, share: int, now: float) -> List[P]:
    """The peers that may be closed to make room, the first one first.

    Of a group with more than ``share`` peers, those that are too many: the useless, then the newest of those without
    any traffic, then those without traffic for the longest time.  Behind them all other useless peers.

    Args:
        peers: The connected peers.
        share: How many connections a group may have.
        now: Monotonic seconds.
    """
    sizes = collections.Counter(peer.group for peer in peers if peer.group is not None)
    groups = {group: size for group, size in sizes.items() if size > share}

    def badness(peer: P) -> Tuple[float, ...]:
        untested = peer.moved_at <= peer.connected_at
        idle = 0.0 if untested else now - peer.moved_at
        return groups.get(peer.group, 0), uselessness(peer, now), untested, idle, peer.connected_at

    crowded, useless = [], []
    for peer in sorted(peers, key=badness, reverse=True):
        if groups.get(peer.group, 0) > share:
            groups[peer.group] -= 1
            crowded.append(peer)
        elif uselessness(peer, now) > 0:
            useless.append(peer)
    return crowded + useless


def outranked(peers: Iterable[P], rank: Callable[[P], int], newcomer: int, *, now: float) -> Optional[P]:
    """The idle peer of lowest rank, to be replaced by a new peer of a higher one; None if there is none.

    For a torrent that is full, and where no peer is known to be useless.  A peer is idle without traffic for
    ``INDIFFERENCE`` seconds.

    Args:
        peers: The connected peers.
        rank: The rank of a connected peer.
        newcomer: The rank of the new peer.
        now: Monotonic seconds.
    """
    idle = [peer for peer in peers if now - peer.moved_at >= INDIFFERENCE]
    lowest = min(idle, key=rank, default=None)
    return lowest if lowest is not None and rank(lowest) < newcomer else None


def group(infohash: bytes, host: str) -> Optional[Hashable]:
    """The group of a connection: that of the torrent and the owner of the host; None for hosts of this machine."""
    return None if is_loopback(host) else (infohash, owner(host))


def crowds(group: Optional[Hashable], peers: Sequence[Peer], *, share: int) -> bool:
    """Whether one peer more would be too many of this group."""
    return group is not None and sum(1 for peer in peers if peer.group == group) >= share


def uselessness(peer: Peer, now: float) -> float:
    """For how many seconds the peer has been useless; 0 if it is not."""
    idle = now - peer.moved_at
    if peer.unchoked_at is not None and peer.unchoked_at >= peer.moved_at and peer.interested and not peer.interesting:
        return max(0.0, now - peer.unchoked_at - CHANCE)
    if peer.interested or peer.interesting:
        return max(0.0, idle - VAIN_WAIT)
    return max(0.0, idle - INDIFFERENCE)
