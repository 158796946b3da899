"""A piece that is being downloaded: the state of its blocks, and where each was requested.

A block is free (to be requested), requested, or received.  ``owners`` has for each block the pipeline to which it was
requested, and once the block was received, the pipeline that sent it; the blame for a bad piece follows from that.

What is common to all open pieces is here.  Each kind keeps the data of its blocks in its own way:

    BufferedPiece     in one buffer, hashed in memory and then written
    SingleBlockPiece  in the memory that its only block was received into
    SegmentedPiece    in segments, written as they come and hashed from disk
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, Iterable, List, Optional, Protocol, Sequence, Tuple, Union

from ..buffers import Memory
from .buffer_pool import BufferPool
from .interfaces import Buffer, PieceWriter, Sender

MAX_COPIES = 3
"""Peers to which one block is requested at once in the endgame, the first included."""


class Restored:
    """Owner of a block that was on disk when the torrent started."""

    sender = None


RESTORED = Restored()


class PieceOwner(Protocol):
    """What opens and closes pieces."""

    def written(self, piece: OpenPiece, *, failed: bool, whole: bool) -> None:
        """Take the news that a part of a piece was written.

        Args:
            piece: The piece.
            failed: Whether the part could not be written.
            whole: Whether every part was written or tried.
        """


class OpenPiece(ABC):
    """Blocks of one piece.

    Args:
        index: The index of the piece.
        size: Its bytes.
        buffer_size: Bytes of a buffer from the pool.
        blocks: How many blocks it has.
        order: The numbers of its blocks in the order of requests, the first one last.
    """

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

    unopened: int = 0
    """Segments whose blocks may not be requested yet."""

    def __init__(self, index: int, size: int, buffer_size: int, blocks: int, order: List[int]) -> None:
        self.index = index
        self.size = size
        self.buffer_size = buffer_size
        self.buffer: Union[Memory, memoryview, None] = None
        """The data of the whole piece: a buffer of the pool, or borrowed memory; None while there is none."""
        self.reserved = size
        """Bytes that are counted against the buffer pool for this piece."""
        self.free = order[:]
        """Blocks to request, the next one last."""
        self.blocks = self.left = blocks
        self.received = bytearray(blocks)
        self.owners: List[Any] = [None] * blocks
        self.extra: Dict[int, List[Any]] = {}
        """Endgame: the other pipelines to which a block was requested."""

    # -- data --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def put(self, block: int, begin: int, end: int, data: memoryview, memory: BufferPool) -> bool:
        """Keep a received block.

        The caller has ``begin`` and ``end`` at hand; the hot path does not compute them twice.

        Args:
            block: The number of the block in the piece.
            begin: Where it begins in the piece, in bytes.
            end: Where it ends.
            data: Its content, valid during the call.
            memory: The pool of buffers.

        Returns:
            Whether ``save`` is to be called.
        """

    def put_run(self, first: int, data: Sequence[memoryview], pipeline: Any, memory: BufferPool) -> Optional[bool]:
        """Keep neighbouring blocks at once.

        Args:
            first: The number of the first block in the piece.
            data: The content of each, of full length.
            pipeline: That of the source, which was asked for all of them.
            memory: The pool of buffers.

        Returns:
            Whether ``save`` is to be called; None if nothing was kept, and each block is to be ``put``.
        """
        return None

    @abstractmethod
    def save(self, block: int, memory: BufferPool, writer: PieceWriter, owner: PieceOwner) -> None:
        """Give the writer what ``block`` completed.

        Args:
            block: The block for which ``put`` returned True.
            memory: The pool of buffers.
            writer: Hashes and writes.
            owner: Told of each part that is written before the piece is whole.
        """

    @abstractmethod
    def view(self, begin: int, size: int) -> Optional[memoryview]:
        """These bytes of one block, None if they are not in memory."""

    @abstractmethod
    def release(self, memory: BufferPool) -> None:
        """Return everything that the piece holds of the memory."""

    @abstractmethod
    def restore(self, blocks: Iterable[int]) -> List[int]:
        """Mark blocks as received: they are on disk.

        Returns:
            The segments that must be read from disk, for ``bring``.
        """

    @abstractmethod
    def bring(self, segment: int, data: Buffer, memory: BufferPool) -> None:
        """Keep the bytes of a segment as read from disk."""

    @abstractmethod
    def widen(self, count: int, memory: BufferPool) -> None:
        """Make more blocks free, up to ``count``; called while ``unopened`` is not 0."""

    # -- requests ----------------------------------------------------------------------------------------------------

    @property
    def senders(self) -> List[Optional[Sender]]:
        """What sent each block, in order; None for a block that was on disk."""
        return [owner.sender for owner in self.owners]

    @property
    def askable(self) -> bool:
        """Whether there are blocks to request, now or after ``widen``."""
        return bool(self.free or self.unopened)

    @property
    def untouched(self) -> bool:
        """Whether no block is requested, and none was received."""
        return len(self.free) == self.blocks

    @property
    def writing(self) -> int:
        """Parts of the piece that are being written before it is whole."""
        return 0

    def expects(self, block: int) -> bool:
        """Whether a block that was not received may be taken: it is free or requested, in memory that is reserved."""
        return self.owners[block] is not None or block in self.free

    def asked(self) -> List[Tuple[int, Any]]:
        """The blocks that are requested, each with every pipeline to which it was requested."""
        found: List[Tuple[int, Any]] = []
        for block, owner in enumerate(self.owners):
            if owner is not None and not self.received[block]:
                found += [(block, pipeline) for pipeline in (owner, *self.extra.get(block, ()))]
        return found

    def settle(self, block: int, pipeline: Any) -> List[Any]:
        """Make ``pipeline`` the owner of a block that it sent.

        Returns:
            The other pipelines to which the block was requested.
        """
        others = self.extra.pop(block, [])
        owner, self.owners[block] = self.owners[block], pipeline
        if owner is None:
            self.free.remove(block)
        else:
            others.append(owner)
        return [other for other in others if other is not pipeline]

    def give_back(self, block: int, pipeline: Any) -> bool:
        """Forget that a block was requested to ``pipeline``.

        Returns:
            Whether the block is free now.
        """
        if self.received[block]:
            return False
        others = self.extra.get(block)
        if others is not None:
            if self.owners[block] is pipeline:
                self.owners[block] = others.pop()
            elif pipeline in others:
                others.remove(pipeline)
            if not others:
                del self.extra[block]
            return False
        if self.owners[block] is not pipeline:
            return False
        self.owners[block] = None
        self.free.append(block)
        return True

    def duplicable(self, block: int, pipeline: Any) -> bool:
        """Whether a block that is requested elsewhere may be requested to ``pipeline`` too (endgame)."""
        owner = self.owners[block]
        if self.received[block] or owner is None or owner is pipeline:
            return False
        others = self.extra.get(block, ())
        return pipeline not in others and len(others) < MAX_COPIES - 1

    def check(self) -> None:
        """Assert the invariants; for tests."""
        assert self.left == self.received.count(0)
        assert len(set(self.free)) == len(self.free)
        for block in self.free:
            assert not self.received[block]
            assert self.owners[block] is None
            assert block not in self.extra
        for block, others in self.extra.items():
            assert others
            assert self.owners[block] is not None
            assert not self.received[block]
            assert len(set(map(id, [self.owners[block], *others]))) == len(others) + 1
