"""A piece that is being downloaded: its blocks, who was asked for each and who sent it.

A block is free, asked for, or received.  ``owners`` says who was asked, and after the block came, who sent it; that
is all the blame for a bad piece rests on.

This is the ordinary piece: one buffer, hashed in memory and only then written.  What is too large for that is a
``SegmentedPiece``, what is no longer than a block a ``SingleBlockPiece``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

from ..metainfo.layout import BLOCK
from .buffer_pool import BufferPool

Buffer = Union[bytes, bytearray, memoryview]

MAX_COPIES = 3
"""Peers asked for one block at once in the endgame, the first included."""


class Restored:
    """Stands for the sender of a block that was on disk."""

    key = None


RESTORED = Restored()


class OpenPiece:
    """Blocks of one piece of ``size`` bytes, which come into a buffer of ``buffer_size`` bytes."""

    __slots__ = (
        "blocks",
        "buffer",
        "buffer_size",
        "extra",
        "free",
        "index",
        "left",
        "owners",
        "received",
        "reserved",
        "size",
    )

    def __init__(self, index: int, size: int, buffer_size: int) -> None:
        self.index = index
        self.size = size
        self.buffer_size = buffer_size
        self.buffer: Union[bytearray, memoryview, None] = None
        """What came; taken with the first block, given back when the disk is done with the piece.

        A view is of memory that is borrowed.
        """
        self.reserved = size
        """Bytes of the memory that are counted for this piece."""
        self.blocks = self.left = blocks = -(-size // BLOCK)
        self.free = list(range(blocks - 1, -1, -1))
        """Blocks to ask for; the last is the next."""
        self.received = bytearray(blocks)
        self.owners: List[Any] = [None] * blocks
        self.extra: Dict[int, List[Any]] = {}
        """Endgame: the other peers asked for a block."""

    @property
    def senders(self) -> List[Any]:
        """The key of who sent each block, in order; None for one that was on disk."""
        return [owner.key for owner in self.owners]

    @property
    def askable(self) -> bool:
        """There are blocks to ask for."""
        return bool(self.free)

    @property
    def untouched(self) -> bool:
        """Nobody is asked for anything, and nothing came."""
        return len(self.free) == self.blocks

    @property
    def writing(self) -> int:
        """Parts of the piece that the disk is writing before it is whole."""
        return 0

    # -- what comes and goes -----------------------------------------------------------------------------------------

    def put(self, block: int, begin: int, end: int, data: memoryview, memory: BufferPool) -> bool:
        """Take in a block, the bytes from ``begin`` to ``end``; returns True when there is something for the disk.

        The caller has all of these at hand: to work out two of them again here took 0.05 us a block.
        """
        buffer = self.buffer
        if buffer is None:
            buffer = self.buffer = memory.take(self.buffer_size)
        buffer[begin:end] = data
        self.received[block] = 1
        self.left -= 1
        return not self.left

    @property
    def whole(self) -> memoryview:
        """The piece, when every block is here."""
        assert self.buffer is not None
        return memoryview(self.buffer)[: self.size]

    def view(self, begin: int, size: int) -> Optional[memoryview]:
        """These bytes of the piece, None if they are not in memory."""
        return None if self.buffer is None else memoryview(self.buffer)[begin : begin + size]

    def release(self, memory: BufferPool) -> None:
        """Give back what the piece holds of the memory."""
        memory.release(self.reserved)
        self.reserved = 0
        if self.buffer is not None:
            memory.give((self.buffer,))
            self.buffer = None

    def restore(self, blocks: Iterable[int]) -> List[int]:
        """These blocks are on disk; returns the stripes of which ``bring`` must be told: the piece is one."""
        for block in blocks:
            self.received[block] = 1
            self.owners[block] = RESTORED
        self.free = [block for block in self.free if not self.received[block]]
        self.left = len(self.free)
        return [0]

    def bring(self, stripe: int, data: Buffer, memory: BufferPool) -> None:
        """The bytes of a stripe as they are on disk."""
        self.buffer = memory.take(self.buffer_size)
        self.buffer[: len(data)] = data

    # -- who is asked ------------------------------------------------------------------------------------------------

    def expects(self, block: int) -> bool:
        """Is there a place for this block, which has not come?"""
        return self.owners[block] is not None or block in self.free

    def asked(self) -> List[Tuple[int, Any]]:
        """The blocks that have not come, with each peer that was asked."""
        found: List[Tuple[int, Any]] = []
        for block, owner in enumerate(self.owners):
            if owner is not None and not self.received[block]:
                found += [(block, peer) for peer in (owner, *self.extra.get(block, ()))]
        return found

    def settle(self, block: int, peer: Any) -> List[Any]:
        """``peer`` has sent the block; returns the others that were asked."""
        others = self.extra.pop(block, [])
        owner, self.owners[block] = self.owners[block], peer
        if owner is None:
            self.free.remove(block)
        else:
            others.append(owner)
        return [other for other in others if other is not peer]

    def give_back(self, block: int, peer: Any) -> bool:
        """``peer`` will not send the block; returns True when it is free now."""
        if self.received[block]:
            return False
        others = self.extra.get(block)
        if others is not None:
            if peer in others:
                others.remove(peer)
            elif self.owners[block] is peer:
                self.owners[block] = others.pop()
            if not others:
                del self.extra[block]
            return False
        if self.owners[block] is not peer:
            return False
        self.owners[block] = None
        self.free.append(block)
        return True

    def duplicable(self, block: int, peer: Any) -> bool:
        """May ``peer`` be asked for this block, which somebody else was asked for (endgame)?"""
        owner = self.owners[block]
        if self.received[block] or owner is None or owner is peer:
            return False
        others = self.extra.get(block, ())
        return peer not in others and len(others) < MAX_COPIES - 1

    def check(self) -> None:
        """Assert what must hold; for tests."""
        assert self.left == self.received.count(0)
        assert len(set(self.free)) == len(self.free)
        for block in self.free:
            assert not self.received[block] and self.owners[block] is None and block not in self.extra
        for block, others in self.extra.items():
            assert others and self.owners[block] is not None and not self.received[block]
            assert len(set(map(id, [self.owners[block], *others]))) == len(others) + 1
