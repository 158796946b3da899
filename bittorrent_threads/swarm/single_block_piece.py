"""A piece of a single block, kept in the memory that the block was received into, if that can be borrowed."""

from __future__ import annotations

from .buffer_pool import BufferPool
from .buffered_piece import BufferedPiece


class SingleBlockPiece(BufferedPiece):
    """A piece no longer than a block."""

    __slots__ = ()

    def put(self, block: int, begin: int, end: int, data: memoryview, memory: BufferPool) -> bool:
        """Borrow the memory of the block, or copy it."""
        if not memory.lender.borrow(data):
            return super().put(block, begin, end, data, memory)
        self.buffer = data
        self.received[0] = 1
        self.left = 0
        return True
