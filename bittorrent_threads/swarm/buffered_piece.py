"""A piece in one buffer: hashed in memory when every block was received, and only then written."""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Sequence

from ..metainfo.layout import BLOCK
from .buffer_pool import BufferPool
from .interfaces import Buffer, PieceWriter
from .open_piece import RESTORED, OpenPiece, PieceOwner


class BufferedPiece(OpenPiece):
    """Blocks of one piece, in a buffer that is taken from the pool with the first of them."""

    __slots__ = ()

    def put(self, block: int, begin: int, end: int, data: memoryview, memory: BufferPool) -> bool:
        """Copy a block into the buffer; returns True when it was the last one."""
        buffer = self.buffer
        if buffer is None:
            buffer = self.buffer = memory.take(self.buffer_size)
        buffer[begin:end] = data
        self.received[block] = 1
        self.left -= 1
        return not self.left

    def put_run(self, first: int, data: Sequence[memoryview], pipeline: Any, memory: BufferPool) -> Optional[bool]:
        """Copy blocks into the buffer, if all are of full length and requested to ``pipeline`` alone."""
        count = len(data)
        stop = first + count
        if (
            self.extra
            or stop * BLOCK > self.size
            or self.received.find(1, first, stop) >= 0
            or self.owners[first:stop].count(pipeline) < count
        ):
            return None
        buffer = self.buffer
        if buffer is None:
            buffer = self.buffer = memory.take(self.buffer_size)
        begin = first * BLOCK
        for block in data:
            buffer[begin : begin + BLOCK] = block
            begin += BLOCK
        self.received[first:stop] = b"\x01" * count
        self.left -= count
        return not self.left

    def save(self, block: int, memory: BufferPool, writer: PieceWriter, owner: PieceOwner) -> None:
        """Give the piece to the writer."""
        writer.received(self)

    @property
    def whole(self) -> memoryview:
        """The content of the piece, once every block was received."""
        assert self.buffer is not None
        return memoryview(self.buffer)[: self.size]

    def view(self, begin: int, size: int) -> Optional[memoryview]:
        """These bytes of the piece, None while they are being read from disk."""
        return None if self.buffer is None else memoryview(self.buffer)[begin : begin + size]

    def release(self, memory: BufferPool) -> None:
        """Return the buffer."""
        memory.release(self.reserved)
        self.reserved = 0
        if self.buffer is not None:
            memory.give((self.buffer,))
            self.buffer = None

    def restore(self, blocks: Iterable[int]) -> List[int]:
        """Mark blocks as received; the whole piece is the one segment to be read."""
        for block in blocks:
            self.received[block] = 1
            self.owners[block] = RESTORED
        self.free = [block for block in self.free if not self.received[block]]
        self.left = len(self.free)
        return [0]

    def bring(self, segment: int, data: Buffer, memory: BufferPool) -> None:
        """Copy what was read from disk into a buffer."""
        self.buffer = memory.take(self.buffer_size)
        self.buffer[: len(data)] = data

    def widen(self, count: int, memory: BufferPool) -> None:
        """Nothing: every block is free from the start."""
