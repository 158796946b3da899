"""The table of open pieces; two blocks a piece, the last piece has one and a byte."""

from __future__ import annotations

import random
from typing import List

from support.block_sources import Record, RecordingSource

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK, Layout
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.open_pieces import OpenPieces
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.pipeline import Pipeline

COUNT = 4


class Bench:
    def __init__(self, memory: int = 100 * BLOCK) -> None:
        self.picker = Picker(Bitfield(COUNT), random=random.Random(0), sequential=True)
        self.memory = BufferPool(memory)
        self.record = Record()
        self.pieces = OpenPieces(Layout([7 * BLOCK + 1], 2 * BLOCK), self.picker, self.memory)

    def pipeline(self, name: str) -> Pipeline:
        return Pipeline(RecordingSource(name, self.record), Bitfield.filled(COUNT), Settings())

    def open(self, count: int) -> List[int]:
        pieces = self.pieces.open(Bitfield.filled(COUNT), count, within=None, first=())
        self.pieces.askable.update({piece.index: piece for piece in pieces})
        return [piece.index for piece in pieces]

    def ask(self, index: int, *pipelines: Pipeline) -> None:
        """Request the next block of a piece to these."""
        piece = self.pieces.by_index[index]
        block = piece.free.pop()
        piece.owners[block] = pipelines[0]
        if pipelines[1:]:
            piece.extra[block] = list(pipelines[1:])
        if not piece.askable:
            del self.pieces.askable[index]
        for pipeline in pipelines:
            pipeline.outstanding[index * 2 + block] = 0.0


def test_the_last_block_of_the_torrent_is_shorter() -> None:
    bench = Bench()
    assert bench.pieces.request(6) == (3, 0, BLOCK)
    assert bench.pieces.request(7) == (3, BLOCK, 1)


def test_opening_reserves_memory_and_closing_returns_it() -> None:
    bench = Bench()
    assert bench.open(2) == [0, 1]
    assert len(bench.pieces) == 2
    assert bench.memory.reserved == 4 * BLOCK
    assert not bench.pieces.reopen(0), "it is open"
    assert bench.pieces.reopen(3)
    assert bench.memory.reserved == 5 * BLOCK + 1
    bench.pieces.check()
    bench.pieces.close_all()
    assert len(bench.pieces) == 0
    assert bench.memory.reserved == 0
    assert bench.picker.take(0)


def test_a_piece_is_not_reopened_without_memory() -> None:
    bench = Bench(memory=8 * BLOCK)
    bench.open(4)
    bench.pieces.close(bench.pieces.by_index[0])
    bench.memory.reserve(2 * BLOCK)
    assert not bench.pieces.reopen(0)


def test_closing_cancels_all_requests() -> None:
    bench = Bench()
    bench.open(1)
    one, other = bench.pipeline("one"), bench.pipeline("other")
    bench.ask(0, one, other)
    bench.pieces.close(bench.pieces.by_index[0])
    assert bench.record.cancels == [("one", (0, 0, BLOCK)), ("other", (0, 0, BLOCK))]
    assert not one.outstanding
    assert list(one.late) == [0]


def test_a_piece_without_blocks_and_requests_is_closed() -> None:
    bench = Bench()
    bench.open(1)
    one = bench.pipeline("one")
    bench.ask(0, one)
    bench.ask(0, one)
    assert not bench.pieces.askable
    bench.pieces.give_back(one, [1, 1, 5])
    assert list(bench.pieces.askable) == [0]
    bench.pieces.give_back(one, [0])
    assert len(bench.pieces) == 0


def test_only_the_requests_to_certain_senders_are_cancelled() -> None:
    bench = Bench()
    bench.open(1)
    one, other = bench.pipeline("one"), bench.pipeline("other")
    bench.ask(0, one)
    bench.ask(0, other)
    bench.pieces.cancel_requests(3, (one.sender,))
    bench.pieces.cancel_requests(0, (one.sender,))
    assert bench.record.cancels == [("one", (0, 0, BLOCK))]
    assert other.outstanding
    assert bench.pieces.by_index[0].free == [0]
    bench.pieces.check()


def test_a_received_block_cancels_its_other_requests() -> None:
    bench = Bench()
    bench.open(1)
    one, other = bench.pipeline("one"), bench.pipeline("other")
    bench.ask(0, one, other)
    piece = bench.pieces.by_index[0]
    del other.outstanding[0]
    piece.put(0, 0, BLOCK, memoryview(bytes(BLOCK)), bench.memory)
    bench.pieces.settle(piece, 0, 0, other)
    assert bench.record.cancels == [("one", (0, 0, BLOCK))]
    assert list(bench.pieces.askable) == [0]
    piece.put(1, BLOCK, 2 * BLOCK, memoryview(bytes(BLOCK)), bench.memory)
    bench.pieces.settle(piece, 1, 1, other)
    assert not bench.pieces.askable
    assert piece.owners == [other, other]


def test_an_unfinished_piece_is_restored() -> None:
    bench = Bench()
    bench.open(2)
    assert bench.pieces.unfinished() == []
    piece = bench.pieces.by_index[1]
    bench.ask(1, bench.pipeline("one"))
    piece.put(0, 0, BLOCK, memoryview(b"x" * BLOCK), bench.memory)
    ((index, blocks, runs),) = bench.pieces.unfinished()
    assert (index, blocks) == (1, b"\x80")
    assert [(begin, bytes(data)) for begin, data in runs] == [(0, b"x" * BLOCK)]

    again = Bench()
    assert again.pieces.restore(1, Bitfield(2, blocks)) == [(0, 0, BLOCK)]
    assert again.pieces.busy
    assert len(again.pieces) == 1
    again.pieces.restored(1, 5, b"")
    assert again.pieces.busy, "that is no segment of it"
    again.pieces.restored(1, 0, b"x" * BLOCK)
    assert not again.pieces.busy
    assert again.pieces.askable[1].free == [1]
    again.pieces.check()


def test_a_piece_that_cannot_be_read_is_closed() -> None:
    bench = Bench()
    bench.pieces.restore(1, Bitfield(2, b"\x80"))
    bench.pieces.restored(1, 0, None)
    assert len(bench.pieces) == 0
    assert bench.memory.reserved == 0
    assert bench.picker.take(1)


def test_a_piece_is_closed_when_its_last_segment_is_written() -> None:
    bench = Bench(memory=4 * BLOCK)
    bench.open(1)
    piece = bench.pieces.by_index[0]
    bench.ask(0, bench.pipeline("one"))
    assert piece.put(0, 0, BLOCK, memoryview(bytes(BLOCK)), bench.memory)

    class Owner:
        def written(self, piece: object, *, failed: bool, whole: bool) -> None:
            pass

    piece.save(0, bench.memory, bench.record, Owner())
    assert bench.pieces.busy
    bench.pieces.close(piece)
    assert bench.pieces.written(piece), "another segment is being written"
    assert bench.pieces.busy
    assert list(bench.pieces.held) == [piece]
    assert [*bench.pieces.unopenable] == [0]
    bench.record.segments[0][3](False)
    assert bench.pieces.written(piece)
    assert not bench.pieces.written(piece)
    assert not bench.pieces.busy
    assert bench.memory.reserved == 0


def test_a_piece_of_which_no_segment_must_be_read_is_open_at_once() -> None:
    bench = Bench(memory=4 * BLOCK)
    assert bench.pieces.restore(0, Bitfield(2, b"\x80")) == []
    assert bench.pieces.askable[0].unopened == 1
    assert not bench.pieces.busy
    assert bench.pieces.unfinished() == [(0, b"\x80", ())], "its first block is on disk, in no memory"
