"""How a limit on what is sent is shared among the peers of one torrent: which of them gets the next block.

What waits for the limit in the streams of many peers cannot be taken back, neither when these are choked nor when they
have it from another peer.  So at a low limit it is the turn of one peer for one block, and the block is of the piece
that fewest peers have.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Protocol, Sized

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK
from .rate_limits import RateLimits


class Uploader(Sized, Protocol):
    """The upload side of a peer; its length is the number of requests that wait."""

    served_at: float
    """When the last block was read for the peer."""
    begun: Dict[int, None]
    """Pieces of which the peer was sent something."""

    @property
    def ready(self) -> int:
        """Bytes that wait to be sent to the peer, or are being read for it."""


class Peer(Protocol):
    """A peer with its upload side."""

    bits: Bitfield

    @property
    def uploader(self) -> Uploader:
        """The upload side."""


class UploadTurns:
    """The turns of the peers of one torrent.

    Args:
        limits: The rate limits.
        peers: All peers that exchange pieces.
        availability: How many peers have a piece.
    """

    def __init__(self, limits: RateLimits, peers: Iterable[Peer], availability: Callable[[int], int]) -> None:
        self._limits = limits
        self._peers = peers
        self._availability = availability

    def ready(self, uploader: Uploader, water: int) -> int:
        """Bytes to be kept ready for a peer under the limit that there is; ``water`` would be without one."""
        limits = self._limits
        ready = uploader.ready
        others = sum([peer.uploader.ready for peer in self._peers]) - ready
        if not limits.narrow:
            return max(0, min(water, max(BLOCK, limits.ready_bytes), limits.most_ready - others))
        waiting = [peer.uploader for peer in self._peers if len(peer.uploader)]
        turn = min(waiting, key=lambda each: each.served_at, default=None)
        return ready + BLOCK if uploader is turn and ready + others <= limits.most_ready else 0

    def spread(self) -> Callable[[int], int]:
        """How many peers have a piece or are being sent some of it: at a low limit what few have goes first."""
        begun: Dict[int, int] = {}
        for peer in self._peers:
            for index in peer.uploader.begun:
                begun[index] = begun.get(index, 0) + (not peer.bits[index])
        availability = self._availability
        return lambda index: availability(index) + begun.get(index, 0)
