"""A piece in segments: five blocks and a byte, two blocks a segment, unless said otherwise."""

from __future__ import annotations

from support.block_sources import Record
from support.pieces import Owner, asked, order

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.segmented_piece import SegmentedPiece

SIZE = 5 * BLOCK + 1


def make(memory: BufferPool, size: int = SIZE) -> SegmentedPiece:
    piece = SegmentedPiece(0, size, 2 * BLOCK, *order(size))
    memory.reserve(piece.reserved, forced=True)
    return piece


def receive(piece: SegmentedPiece, block: int, memory: BufferPool) -> bool:
    begin, end = block * BLOCK, min((block + 1) * BLOCK, SIZE)
    return piece.put(block, begin, end, memoryview(bytes([block]) * (end - begin)), memory)


def test_segments_open_one_after_the_other() -> None:
    memory = BufferPool(1 << 20)
    piece = make(memory)
    assert piece.blocks == 6
    assert piece.segment_left == [2, 2, 2]
    assert [piece.segment_bytes(segment) for segment in range(3)] == [32768, 32768, 16385]
    assert piece.free == [1, 0]
    assert piece.askable
    assert piece.untouched
    assert memory.reserved == 32768
    assert asked(piece, "A", 1) == [0]
    piece.widen(3, memory)
    assert asked(piece, "A", 3) == [1, 2, 3]
    assert piece.askable
    assert memory.reserved == 65536
    piece.widen(1, memory)
    assert asked(piece, "A", 2) == [4, 5]
    assert not piece.askable
    assert piece.reserved == memory.reserved == SIZE


def test_no_segment_without_memory() -> None:
    memory = BufferPool(3 * BLOCK)
    piece = make(memory)
    piece.widen(6, memory)
    assert piece.free == [1, 0]
    assert piece.askable
    assert memory.reserved == 2 * BLOCK
    assert piece.expects(1)
    assert not piece.expects(2), "there is no place for it"


def test_each_segment_goes_to_the_disk_when_it_is_there() -> None:
    memory = BufferPool(1 << 20)
    piece = make(memory)
    piece.widen(6, memory)
    assert [receive(piece, block, memory) for block in (4, 0, 5, 1)] == [False, False, True, True]
    record, owner = Record(), Owner()
    piece.save(5, memory, record, owner)
    piece.save(1, memory, record, owner)
    assert piece.writing == 2
    (_, begin, data, written), (_, _, _, written_other) = record.segments
    assert begin == 4 * BLOCK
    assert data == b"\4" * BLOCK + b"\5"
    written(False)
    assert piece.writing == 1
    assert piece.unwritten == 2
    assert owner.news == [(piece, False, False)]
    assert memory.reserved == piece.reserved == 4 * BLOCK
    assert piece.view(4 * BLOCK, 4) is None
    assert bytes(piece.view(BLOCK, 3) or b"") == b"\1\1\1"
    assert piece.view(2 * BLOCK, BLOCK) is None, "nothing of it has come"
    piece.free.clear()
    piece.check()
    receive(piece, 2, memory)
    assert receive(piece, 3, memory)
    piece.save(3, memory, record, owner)
    written_other(False)
    record.segments[2][3](True)
    assert owner.news[1:] == [(piece, False, False), (piece, True, True)]
    assert not piece.writing


def test_what_is_not_written_is_given_back() -> None:
    memory = BufferPool(1 << 20)
    piece = make(memory)
    piece.widen(6, memory)
    receive(piece, 0, memory)
    buffer = piece.buffers[0]
    piece.release(memory)
    assert memory.reserved == 0
    assert piece.buffers == [None] * 3
    assert memory.take(2 * BLOCK) is buffer


def test_what_is_on_disk_is_not_asked_for_and_needs_no_memory() -> None:
    piece = SegmentedPiece(0, SIZE, 2 * BLOCK, *order(SIZE))
    assert piece.restore([0, 1, 3]) == [1], "of this one some is missing"
    assert piece.free == [2]
    assert not piece.untouched
    assert piece.unwritten == 2
    assert piece.reserved == 2 * BLOCK
    piece.bring(1, b"x" * 2 * BLOCK, BufferPool(1 << 20))
    assert bytes(piece.view(3 * BLOCK, 2) or b"") == b"xx"
    piece.check()


def test_segments_that_are_on_disk_are_opened_with_the_one_before_them() -> None:
    memory = BufferPool(1 << 20)
    piece = SegmentedPiece(0, SIZE, 2 * BLOCK, *order(SIZE))
    assert piece.restore([0, 1, 4, 5]) == []
    assert piece.unopened == 2
    assert piece.askable
    piece.widen(1, memory)
    assert asked(piece, "A", 2) == [2, 3]
    assert piece.unopened == 0
    assert not piece.askable
