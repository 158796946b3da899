"""The data of a piece in one buffer."""

from __future__ import annotations

from support.block_sources import Record
from support.pieces import Owner, opened, put

from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.open_piece import RESTORED


def test_blocks_come_into_one_buffer() -> None:
    memory = BufferPool(100_000)
    piece = opened(0, 32768 + 5)
    assert piece.view(0, 5) is None
    assert piece.reserved == 32768 + 5
    memory.reserve(piece.reserved)
    assert not put(piece, 2, b"three", memory)
    assert not put(piece, 0, b"1" * 16384, memory)
    assert put(piece, 1, b"2" * 16384, memory), "all of it is here"
    assert piece.whole == b"1" * 16384 + b"2" * 16384 + b"three"
    assert bytes(piece.view(32768, 5) or b"") == b"three"
    buffer = piece.buffer
    piece.release(memory)
    assert memory.reserved == 0
    assert piece.buffer is None
    assert memory.take(piece.size) is buffer


def test_what_was_on_disk_is_not_asked_for() -> None:
    piece = opened(0, 4 * 16384)
    assert piece.restore([1, 3]) == [0]
    assert piece.free == [2, 0]
    assert piece.left == 2
    assert not piece.untouched
    assert piece.owners[1] is RESTORED
    piece.bring(0, b"x" * 4 * 16384, BufferPool(65536))
    assert bytes(piece.view(16384, 2) or b"") == b"xx"
    piece.check()


def test_the_whole_piece_goes_to_the_writer() -> None:
    memory, record = BufferPool(100_000), Record()
    piece = opened(0, 5)
    piece.widen(5, memory)
    assert piece.askable
    assert not piece.unopened
    assert put(piece, 0, b"block", memory)
    piece.save(0, memory, record, Owner())
    assert record.pieces == [piece]
    assert bytes(piece.whole) == b"block"
    assert not piece.writing
