"""Opening pieces: how many the memory has room for, which the picker thinks best, and of which kind they are."""

from __future__ import annotations

from typing import Collection, List, Optional

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK, Layout
from .buffer_pool import BufferPool
from .open_piece import OpenPiece
from .picker import Picker
from .segmented_piece import SegmentedPiece
from .single_block_piece import SingleBlockPiece

STRIPE = 4 * 1024 * 1024
OPEN_AT_LEAST = 4
"""A piece that does not fit so many times into the memory is written in stripes, of so many bytes at most."""


class PieceFactory:
    """Makes the open pieces of one torrent."""

    def __init__(self, layout: Layout, picker: Picker, memory: BufferPool) -> None:
        self._layout = layout
        self._picker = picker
        self._memory = memory
        self._piece_length = layout.piece_length
        self._last = layout.piece_count - 1
        self.buffer_size = layout.piece_length
        """Bytes of a buffer: of a piece, or of a stripe."""
        if layout.piece_length > memory.limit // OPEN_AT_LEAST:
            self.buffer_size = max(BLOCK, min(STRIPE, memory.limit // OPEN_AT_LEAST) // BLOCK * BLOCK)

    def affordable(self, count: int) -> int:
        """How many of ``count`` pieces the memory has room for."""
        affordable = self._memory.affordable(self.buffer_size)
        if self.buffer_size < self._piece_length:
            # Of pieces in stripes one is opened at a time: their later stripes need the memory.
            return min(1, affordable)
        return min(count, affordable)

    @property
    def exhausted(self) -> bool:
        """Is there no piece more to open, or no memory for it?"""
        memory = self._memory
        return self._picker.exhausted or memory.limit - memory.reserved < self.buffer_size

    def open(
        self, offered: Bitfield, count: int, *, within: Optional[Collection[int]], first: Collection[int] = ()
    ) -> List[OpenPiece]:
        """Up to ``count`` of the pieces offered, counted in the memory.

        ``within`` restricts the choice; without it those to be opened ``first`` come first.
        """
        if not count:
            return []
        indexes: List[int] = []
        if first and within is None:
            indexes = self._picker.pick(offered, count, first)
        if len(indexes) < count:
            indexes += self._picker.pick(offered, count - len(indexes), within)
        pieces = [self.piece(index) for index in indexes]
        self._memory.reserve(sum([piece.reserved for piece in pieces]), forced=True)
        return pieces

    def piece(self, index: int) -> OpenPiece:
        """This piece, its memory not counted yet."""
        size = self._piece_length if index != self._last else self._layout.piece_size(index)
        kind = SingleBlockPiece if size <= BLOCK else OpenPiece if size <= self.buffer_size else SegmentedPiece
        return kind(index, size, self.buffer_size)
