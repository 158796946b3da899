"""Pieces that failed, and who is to blame: carries out what ``Blame`` finds for open pieces.

One sender of all of a piece is guilty at once.  Of several nobody is yet: the piece is fetched from one peer alone, and
compared with what the others sent.  A piece of stripes is not in memory any more and cannot be compared; there the
liar is found when a piece is its alone.
"""

from __future__ import annotations

from typing import Collection, Sequence, Set

from .blame import Blame, block_digests
from .pieces import OpenPiece
from .pipeline import PeerKey


class Suspects:
    """The suspicions of one torrent."""

    def __init__(self) -> None:
        self.alone: Set[int] = set()
        """Pieces that failed with several senders: each is fetched from one peer alone."""
        self._blame = Blame()

    def passed(self, piece: OpenPiece) -> Collection[PeerKey]:
        """The piece is right; returns who sent something else before."""
        self.alone.discard(piece.index)
        buffer = piece.buffer
        if buffer is None or not self._blame.suspected(piece.index):
            return ()
        return self._blame.passed(piece.index, block_digests(buffer, piece.size))  # type: ignore[return-value]

    def failed(self, piece: OpenPiece, senders: Sequence[PeerKey]) -> Collection[PeerKey]:
        """The piece is wrong; ``senders`` are those of its blocks in order, without those that were on disk before."""
        complete = len(senders) == piece.blocks
        if complete and len(set(senders)) == 1:
            return senders[:1]
        self.alone.add(piece.index)
        buffer = piece.buffer
        if complete and buffer is not None:
            self._blame.failed(piece.index, list(zip(senders, block_digests(buffer, piece.size))))
        return ()
