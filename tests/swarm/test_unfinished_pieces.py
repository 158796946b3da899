"""Taking open pieces apart and putting them together; blocks are strings, ``x`` is there."""

from __future__ import annotations

import random
from typing import List

import pytest

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK, Layout
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.open_piece import RESTORED
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.piece_factory import PieceFactory
from bittorrent_threads.swarm.unfinished_pieces import UnfinishedPieces, unfinished


def bits(text: str) -> Bitfield:
    found = Bitfield(len(text))
    for block, char in enumerate(text):
        if char == "x":
            found.set(block)
    return found


def make(blocks: int = 6, *, memory: int = 100) -> UnfinishedPieces:
    """With memory for 8 blocks, pieces are in segments of 2."""
    picker = Picker(Bitfield(2), random=random.Random(0))
    counted = BufferPool(memory * BLOCK)
    factory = PieceFactory(Layout([2 * blocks * BLOCK], blocks * BLOCK), picker, counted)
    return UnfinishedPieces(factory, picker, counted)


def begin(restoring: UnfinishedPieces, text: str) -> List[int]:
    """The segments to be read."""
    return [segment for segment, _, _ in restoring.begin(0, bits(text))]


def test_there_and_back() -> None:
    restoring = make()
    assert restoring.begin(0, bits("x.x..x")) == [(0, 0, 6 * BLOCK)]
    assert restoring.ready(0) is None
    assert len(restoring) == 1
    data = bytes(block for block in range(6) for _ in range(BLOCK))
    piece = restoring.bring(0, 0, data)
    assert piece is not None
    assert len(restoring) == 0
    assert piece.free == [4, 3, 1]
    assert piece.left == 3
    assert piece.owners[0] is RESTORED
    piece.check()
    index, blocks, runs = unfinished(piece)
    assert (index, blocks) == (0, b"\xa4")
    assert [(begin // BLOCK, bytes(view) == bytes([begin // BLOCK]) * BLOCK) for begin, view in runs] == [
        (0, True),
        (2, True),
        (5, True),
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [("xx....", []), ("xxx...", [1]), ("x....x", [0, 2]), ("xxxxx.", [2]), ("xx..xx", [])],
)
def test_only_segments_that_are_begun_are_read(text: str, read: List[int]) -> None:
    restoring = make(memory=8)
    assert begin(restoring, text) == read
    for segment in read:
        assert restoring.ready(0) is None
        restoring.bring(0, segment, bytes(2 * BLOCK))
    piece = restoring.ready(0)
    assert (piece is None) == bool(read)


def test_no_memory_no_piece() -> None:
    restoring = make(memory=8)
    assert begin(restoring, "x....x") == [0, 2]
    assert len(restoring) == 1
    assert restoring.begin(1, bits("x....x")) == []
    assert len(restoring) == 1
    assert restoring.ready(1) is None


def test_a_piece_is_restored_once() -> None:
    restoring = make()
    assert restoring.begin(0, bits("x.....")) == [(0, 0, BLOCK)], "the file may end there"
    assert restoring.begin(0, bits("x.....")) == []


def test_a_segment_that_cannot_be_read_gives_the_piece_up() -> None:
    restoring = make(memory=8)
    assert begin(restoring, "x..x..") == [0, 1]
    assert restoring.bring(0, 1, None) is not None
    assert len(restoring) == 0
    assert restoring.bring(0, 0, bytes(2 * BLOCK)) is None
