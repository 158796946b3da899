"""A piece of a single block: kept where it was received, or copied."""

from __future__ import annotations

from support.lender import Lender

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.blockpiece import BlockPiece
from bittorrent_threads.swarm.memory import PieceMemory
from bittorrent_threads.swarm.pieces import OpenPiece


def test_it_is_what_any_open_piece_is_at_first() -> None:
    piece, other = BlockPiece(3, 100, BLOCK, "A"), OpenPiece(3, 100, BLOCK, "A")
    for name in OpenPiece.__slots__:
        assert getattr(piece, name) == getattr(other, name), name
    piece.check()
    assert piece.askable and piece.untouched and not piece.writing and piece.loan is None


def test_the_block_is_kept_where_it_came() -> None:
    memory = PieceMemory(1000, lender=Lender(1))
    piece = BlockPiece(3, 5, BLOCK)
    data = memoryview(bytearray(b"block"))
    assert piece.put(0, 0, 5, data, memory)
    assert piece.whole is data and piece.view(1, 3) == b"loc" and not piece.left
    piece.free.clear()
    piece.check()


def test_without_a_loan_it_is_copied() -> None:
    memory = PieceMemory(BLOCK * 2, lender=Lender(0))
    piece = BlockPiece(3, 5, BLOCK)
    data = bytearray(b"block")
    assert piece.put(0, 0, 5, memoryview(data), memory)
    data[:] = b"other"
    assert piece.loan is None and piece.whole == b"block"
    buffer = piece.buffer
    piece.release(memory)
    assert memory.take(BLOCK) is buffer


def test_what_it_borrowed_is_given_back_once() -> None:
    lender = Lender(1)
    memory = PieceMemory(1000, lender=lender)
    piece = BlockPiece(3, 5, BLOCK)
    memory.reserve(piece.reserved)
    piece.put(0, 0, 5, memoryview(b"block"), memory)
    assert lender.out == [piece.loan]
    piece.release(memory)
    piece.release(memory)
    assert lender.out == [] and piece.buffer is None and memory.reserved == 0
