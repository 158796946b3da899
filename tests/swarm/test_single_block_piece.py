"""A piece of a single block: kept where it was received, or copied."""

from __future__ import annotations

from support.lender import Lender

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.single_block_piece import SingleBlockPiece


def test_the_block_is_kept_where_it_came() -> None:
    lender = Lender(1)
    memory = BufferPool(1000, lender=lender)
    piece = SingleBlockPiece(3, 5, BLOCK, 1, [0])
    data = memoryview(bytearray(b"block"))
    assert piece.put(0, 0, 5, data, memory)
    assert piece.buffer is data
    assert bytes(piece.whole) == b"block"
    assert not piece.left
    assert bytes(piece.view(1, 3) or b"") == b"loc"
    piece.free.clear()
    piece.check()
    assert lender.out == [id(data)]
    piece.release(memory)
    piece.release(memory)
    assert lender.out == []
    assert piece.buffer is None


def test_what_is_not_lent_is_copied() -> None:
    memory = BufferPool(BLOCK * 2, lender=Lender(0))
    piece = SingleBlockPiece(3, 5, BLOCK, 1, [0])
    data = bytearray(b"block")
    assert piece.put(0, 0, 5, memoryview(data), memory)
    data[:] = b"other"
    assert bytes(piece.whole) == b"block"
    buffer = piece.buffer
    piece.release(memory)
    assert memory.take(BLOCK) is buffer
