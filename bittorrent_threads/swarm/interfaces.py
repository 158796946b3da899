"""What the policies of a torrent ask of the engine.  No answer comes from inside a call."""

from __future__ import annotations

from typing import Any, List, Protocol, Tuple

from .open_piece import OpenPiece
from .segmented_piece import SegmentedPiece

BlockRequest = Tuple[int, int, int]
"""Index, begin and length."""


class DownloadPort(Protocol):
    """What the downloads ask of the engine; each method only enqueues."""

    def request(self, peer: Any, blocks: List[BlockRequest]) -> None:
        """Send these requests in one go."""

    def cancel(self, peer: Any, blocks: List[BlockRequest]) -> None:
        """Take these requests back."""

    def received(self, piece: OpenPiece) -> None:
        """Every block of a piece is here: hash it, write it, and call ``saved``."""

    def received_stripe(self, piece: SegmentedPiece, stripe: int) -> None:
        """Every block of a stripe is here: write it, and call ``written``."""

    def written_whole(self, piece: SegmentedPiece) -> None:
        """Every stripe of a piece is on disk: hash it there, and call ``saved``."""

    def accuse(self, key: Any, index: int) -> None:
        """The peer of this key sent bad data in this piece."""
