"""A piece too large for the memory: written in segments as they are received, and hashed from disk at the end.

A *segment* is a run of blocks with a buffer of its own.  Segments are opened in order: the next one when every block of
those before is requested and the memory has room.  Only the blocks of opened segments are free or requested.
"""

from __future__ import annotations

from typing import Iterable, List, Optional

from ..buffers import Memory
from ..metainfo.layout import BLOCK
from .buffer_pool import BufferPool
from .interfaces import Buffer, PieceWriter
from .open_piece import RESTORED, OpenPiece, PieceOwner


class SegmentedPiece(OpenPiece):
    """Blocks of one piece in segments of ``buffer_size`` bytes, a multiple of a block; the last may be shorter."""

    __slots__ = ("_writing", "buffers", "opened", "per_segment", "segment_left", "unopened", "unwritten")

    def __init__(self, index: int, size: int, buffer_size: int, blocks: int, order: List[int]) -> None:
        super().__init__(index, size, buffer_size, blocks, order)
        self.per_segment = per_segment = buffer_size // BLOCK
        count = -(-self.blocks // per_segment)
        self.segment_left = [per_segment] * (count - 1) + [self.blocks - per_segment * (count - 1)]
        """Blocks of each segment that were not received."""
        self.buffers: List[Optional[Memory]] = [None] * count
        """The data of each segment; taken with its first block, returned when it is written."""
        self.unwritten = count
        """Segments that are not on disk."""
        self._writing = 0
        self.free = []
        self.reserved = 0
        self.opened = 0
        """Segments whose blocks may be requested, the first ones."""
        self.unopened = count
        self._open()

    @property
    def untouched(self) -> bool:
        """Whether no block is requested, and none was received."""
        return self.left == self.blocks and len(self.free) == min(self.opened * self.per_segment, self.blocks)

    @property
    def writing(self) -> int:
        """Segments that are being written."""
        return self._writing

    # -- data --------------------------------------------------------------------------------------------------------

    def put(self, block: int, begin: int, end: int, data: memoryview, memory: BufferPool) -> bool:
        """Copy a block into the buffer of its segment; returns True when the segment is complete."""
        segment = begin // self.buffer_size
        first = segment * self.buffer_size
        buffer = self.buffers[segment]
        if buffer is None:
            buffer = self.buffers[segment] = memory.take(self.buffer_size)
        buffer[begin - first : end - first] = data
        self.received[block] = 1
        self.left -= 1
        self.segment_left[segment] -= 1
        return not self.segment_left[segment]

    def save(self, block: int, memory: BufferPool, writer: PieceWriter, owner: PieceOwner) -> None:
        """Give the segment of this block to the writer."""
        segment = block // self.per_segment
        begin, size = segment * self.buffer_size, self.segment_bytes(segment)
        data = self.view(begin, size)
        assert data is not None

        def done(failed: bool) -> None:
            self._writing -= 1
            self.unwritten -= 1
            self.reserved -= size
            memory.release(size)
            self._drop(segment, memory)
            owner.written(self, failed=failed, whole=not self.unwritten)

        self._writing += 1
        writer.received_segment(self.index, begin, data, done)

    def view(self, begin: int, size: int) -> Optional[memoryview]:
        """These bytes of one segment, None if they are not in memory."""
        segment, start = divmod(begin, self.buffer_size)
        buffer = self.buffers[segment]
        return None if buffer is None else memoryview(buffer)[start : start + size]

    def release(self, memory: BufferPool) -> None:
        """Return the buffers of all segments that are not written."""
        memory.release(self.reserved)
        self.reserved = 0
        for segment in range(self.opened):
            self._drop(segment, memory)

    def _drop(self, segment: int, memory: BufferPool) -> None:
        buffer, self.buffers[segment] = self.buffers[segment], None
        if buffer is not None:
            memory.give((buffer,))

    def restore(self, blocks: Iterable[int]) -> List[int]:
        """Mark blocks as received; a segment is to be read if it lacks some of its blocks and has others."""
        self.free, self.opened, self.unopened, self.reserved = [], 0, len(self.buffers), 0
        begun = set()
        for block in blocks:
            self.received[block] = 1
            self.owners[block] = RESTORED
            self.left -= 1
            self.segment_left[block // self.per_segment] -= 1
            begun.add(block // self.per_segment)
        segments = sorted(segment for segment in begun if self.segment_left[segment])
        self.unwritten = sum(1 for left in self.segment_left if left)
        while self.opened <= max(segments, default=0):
            self._open()
        return segments

    def bring(self, segment: int, data: Buffer, memory: BufferPool) -> None:
        """Copy what was read from disk into the buffer of the segment."""
        buffer = self.buffers[segment] = memory.take(self.buffer_size)
        buffer[: len(data)] = data

    # -- opening -----------------------------------------------------------------------------------------------------

    def segment_bytes(self, segment: int) -> int:
        """Bytes of a segment; the last may be shorter."""
        return min(self.buffer_size, self.size - segment * self.buffer_size)

    def widen(self, count: int, memory: BufferPool) -> None:
        """Open segments until ``count`` blocks are free, as far as the memory has room for them."""
        while len(self.free) < count and self.unopened:
            if not memory.reserve(self.segment_bytes(self.opened)):
                break
            self._open()

    def _open(self) -> None:
        """Make the blocks of the next segment free, and open those behind it that are on disk: they need no memory."""
        first = self.opened * self.per_segment
        last = min(first + self.per_segment, self.blocks)
        if self.segment_left[self.opened]:
            self.reserved += self.segment_bytes(self.opened)
        self.opened += 1
        self.unopened -= 1
        self.free[:0] = [block for block in range(last - 1, first - 1, -1) if not self.received[block]]
        while self.unopened and not self.segment_left[self.opened]:
            self.opened += 1
            self.unopened -= 1

    def check(self) -> None:
        """Assert the invariants; for tests."""
        super().check()
        assert self.left == sum(self.segment_left)
        assert self.opened + self.unopened == len(self.buffers)
        assert all(block < self.opened * self.per_segment for block in self.free)
        held = [each for each in range(self.opened) if self.segment_left[each] or self.buffers[each] is not None]
        assert self.reserved == sum(self.segment_bytes(each) for each in held)
