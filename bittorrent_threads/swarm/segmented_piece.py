"""A piece too large for the memory: written in stripes as they come, and hashed from the disk when all are there.

A *stripe* is a run of blocks that is opened, buffered and written as a whole.  They are opened in order, each when the
blocks before it are all asked for and the memory has room; only the blocks of open stripes are free or asked for.
"""

from __future__ import annotations

from typing import Iterable, List, Optional, Tuple

from ..metainfo.layout import BLOCK
from .buffer_pool import BufferPool
from .open_piece import RESTORED, Buffer, OpenPiece


class SegmentedPiece(OpenPiece):
    """Blocks of one piece in stripes of ``buffer_size`` bytes, a multiple of a block, of which the last is shorter."""

    __slots__ = ("_writing", "buffers", "opened", "per_stripe", "stripe_left", "unwritten")

    def __init__(self, index: int, size: int, buffer_size: int) -> None:
        super().__init__(index, size, buffer_size)
        self.per_stripe = per_stripe = buffer_size // BLOCK
        count = -(-self.blocks // per_stripe)
        self.stripe_left = [per_stripe] * (count - 1) + [self.blocks - per_stripe * (count - 1)]
        """Blocks of each stripe that have not come."""
        self.buffers: List[Optional[bytearray]] = [None] * count
        """What came of each stripe; taken with its first block, given back when it is written."""
        self.unwritten = count
        """Stripes that are not on disk."""
        self._writing = 0
        self.free = []
        self.reserved = 0
        self.opened = 0
        """Stripes whose blocks may be asked for, the first ones."""
        self._open()

    @property
    def askable(self) -> bool:
        """There are blocks to ask for, or a stripe to open that has some."""
        return bool(self.free) or self.opened < len(self.buffers)

    @property
    def untouched(self) -> bool:
        """Nobody is asked for anything, and nothing came."""
        return self.left == self.blocks and len(self.free) == min(self.opened * self.per_stripe, self.blocks)

    @property
    def writing(self) -> int:
        """Stripes that the disk is writing."""
        return self._writing

    # -- what comes and goes -----------------------------------------------------------------------------------------

    def put(self, block: int, begin: int, end: int, data: memoryview, memory: BufferPool) -> bool:
        """Take in a block, the bytes from ``begin`` to ``end``; returns True when its stripe is there."""
        stripe = begin // self.buffer_size
        first = stripe * self.buffer_size
        buffer = self.buffers[stripe]
        if buffer is None:
            buffer = self.buffers[stripe] = memory.take(self.buffer_size)
        buffer[begin - first : end - first] = data
        self.received[block] = 1
        self.left -= 1
        self.stripe_left[stripe] -= 1
        return not self.stripe_left[stripe]

    def write(self, block: int) -> int:
        """The stripe of this block goes to the disk; returns its number."""
        self._writing += 1
        return block // self.per_stripe

    def content(self, stripe: int) -> Tuple[int, memoryview]:
        """Where a stripe that is in memory begins in the piece, and its bytes."""
        buffer = self.buffers[stripe]
        assert buffer is not None
        return stripe * self.buffer_size, memoryview(buffer)[: self.stripe_bytes(stripe)]

    def written(self, stripe: int, memory: BufferPool) -> None:
        """The disk is done with a stripe: it needs no memory any more."""
        self._writing -= 1
        self.unwritten -= 1
        size = self.stripe_bytes(stripe)
        self.reserved -= size
        memory.release(size)
        self._drop(stripe, memory)

    def view(self, begin: int, size: int) -> Optional[memoryview]:
        """These bytes of one stripe, None if they are not in memory."""
        stripe, start = divmod(begin, self.buffer_size)
        buffer = self.buffers[stripe]
        return None if buffer is None else memoryview(buffer)[start : start + size]

    def release(self, memory: BufferPool) -> None:
        """Give back the memory of all stripes that are not written."""
        super().release(memory)
        for stripe in range(self.opened):
            self._drop(stripe, memory)

    def _drop(self, stripe: int, memory: BufferPool) -> None:
        buffer, self.buffers[stripe] = self.buffers[stripe], None
        if buffer is not None:
            memory.give((buffer,))

    def restore(self, blocks: Iterable[int]) -> List[int]:
        """These blocks are on disk; returns the stripes of which some are missing, that ``bring`` must be told of."""
        self.free, self.opened, self.reserved = [], 0, 0
        begun = set()
        for block in blocks:
            self.received[block] = 1
            self.owners[block] = RESTORED
            self.left -= 1
            self.stripe_left[block // self.per_stripe] -= 1
            begun.add(block // self.per_stripe)
        stripes = sorted(stripe for stripe in begun if self.stripe_left[stripe])
        self.unwritten = sum(1 for left in self.stripe_left if left)
        while self.opened <= max(stripes, default=0):
            self._open()
        return stripes

    def bring(self, stripe: int, data: Buffer, memory: BufferPool) -> None:
        """The bytes of a stripe as they are on disk."""
        buffer = self.buffers[stripe] = memory.take(self.buffer_size)
        buffer[: len(data)] = data

    # -- opening -----------------------------------------------------------------------------------------------------

    def stripe_bytes(self, stripe: int) -> int:
        """Bytes of a stripe; the last may be shorter."""
        return min(self.buffer_size, self.size - stripe * self.buffer_size)

    def widen(self, count: int, memory: BufferPool) -> None:
        """Open stripes until ``count`` blocks are free, as far as the memory has room for them."""
        while len(self.free) < count and self.opened < len(self.buffers):
            if self.stripe_left[self.opened] and not memory.reserve(self.stripe_bytes(self.opened)):
                break
            self._open()

    def _open(self) -> None:
        """The blocks of one stripe more may be asked for; what is on disk already needs no memory."""
        first = self.opened * self.per_stripe
        last = min(first + self.per_stripe, self.blocks)
        if self.stripe_left[self.opened]:
            self.reserved += self.stripe_bytes(self.opened)
        self.opened += 1
        self.free[:0] = [block for block in range(last - 1, first - 1, -1) if not self.received[block]]

    def check(self) -> None:
        """Assert what must hold; for tests."""
        super().check()
        assert self.left == sum(self.stripe_left)
        assert all(block < self.opened * self.per_stripe for block in self.free)
        held = [stripe for stripe in range(self.opened) if self.stripe_left[stripe] or self.buffers[stripe] is not None]
        assert self.reserved == sum(self.stripe_bytes(stripe) for stripe in held)
