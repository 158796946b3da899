"""Opening pieces: how many the memory has room for, which the picker prefers, and of which kind they are."""

from __future__ import annotations

from typing import Collection, List, Optional, Type

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK, Layout
from .buffer_pool import BufferPool
from .buffered_piece import BufferedPiece
from .open_piece import OpenPiece
from .picker import Picker
from .segmented_piece import SegmentedPiece
from .single_block_piece import SingleBlockPiece

MAX_SEGMENT = 4 * 1024 * 1024
"""Bytes of a segment at most."""

LEAST_BUFFERS = 4
"""The memory has room for at least so many buffers: a larger piece is written in segments."""


class PieceFactory:
    """Makes the open pieces of one torrent."""

    def __init__(self, layout: Layout, picker: Picker, memory: BufferPool) -> None:
        self._layout = layout
        self._picker = picker
        self._memory = memory
        self._piece_length = layout.piece_length
        self._last = layout.piece_count - 1
        self.buffer_size = layout.piece_length
        """Bytes of a buffer: of a piece, or of a segment."""
        if layout.piece_length > memory.limit // LEAST_BUFFERS:
            self.buffer_size = max(BLOCK, min(MAX_SEGMENT, memory.limit // LEAST_BUFFERS) // BLOCK * BLOCK)
        self._kind = self._kind_of(layout.piece_length)
        self._blocks = -(-layout.piece_length // BLOCK)
        self._order = list(range(self._blocks - 1, -1, -1))

    def affordable(self, count: int) -> int:
        """How many of ``count`` pieces the memory has room for."""
        affordable = self._memory.affordable(self.buffer_size)
        if self.buffer_size < self._piece_length:
            # One piece of segments is opened at a time: its later segments need the memory.
            return min(1, affordable)
        return min(count, affordable)

    @property
    def exhausted(self) -> bool:
        """Whether no further piece can be opened, for want of pieces or of memory."""
        memory = self._memory
        return self._picker.exhausted or memory.limit - memory.reserved < self.buffer_size

    def open(
        self, offered: Bitfield, count: int, *, within: Optional[Collection[int]], first: Collection[int] = ()
    ) -> List[OpenPiece]:
        """Take pieces out of the picker's queue and reserve memory for them.

        Args:
            offered: The pieces to choose from.
            count: How many to open at most.
            within: The only pieces to choose from, if not None (allowed-fast pieces of a peer that chokes us, BEP 6).
            first: The pieces to be preferred; without effect if ``within`` is given.
        """
        if not count:
            return []
        indexes: List[int] = []
        if first and within is None:
            indexes = self._picker.pick(offered, count, first)
        if len(indexes) < count:
            indexes += self._picker.pick(offered, count - len(indexes), within)
        last, kind = self._last, self._kind
        size, buffer_size, blocks, order = self._piece_length, self.buffer_size, self._blocks, self._order
        # Not by a call for each: with pieces of one block, this is done for each block.
        pieces = [
            kind(index, size, buffer_size, blocks, order) if index != last else self.piece(index) for index in indexes
        ]
        self._memory.reserve(sum([piece.reserved for piece in pieces]), forced=True)
        return pieces

    def piece(self, index: int) -> OpenPiece:
        """Make an open piece; no memory is reserved for it."""
        if index != self._last:
            return self._kind(index, self._piece_length, self.buffer_size, self._blocks, self._order)
        size = self._layout.piece_size(index)
        blocks = -(-size // BLOCK)
        return self._kind_of(size)(index, size, self.buffer_size, blocks, self._order[-blocks:])

    def _kind_of(self, size: int) -> Type[OpenPiece]:
        """The kind of a piece of so many bytes."""
        if size <= BLOCK:
            return SingleBlockPiece
        return BufferedPiece if size <= self.buffer_size else SegmentedPiece
