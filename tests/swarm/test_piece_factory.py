"""How many pieces are opened, which, and of which kind."""

from __future__ import annotations

import random

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK, Layout
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.buffered_piece import BufferedPiece
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.piece_factory import MAX_SEGMENT, PieceFactory
from bittorrent_threads.swarm.segmented_piece import SegmentedPiece
from bittorrent_threads.swarm.single_block_piece import SingleBlockPiece

MIB = 1 << 20


def make(piece_length: int, *, size: int, memory: int) -> PieceFactory:
    layout = Layout([size], piece_length)
    picker = Picker(Bitfield(layout.piece_count), random=random.Random(0), sequential=True)
    return PieceFactory(layout, picker, BufferPool(memory))


def everything(pieces: int) -> Bitfield:
    return Bitfield.filled(pieces)


def test_as_many_as_the_memory_has_room_for() -> None:
    factory = make(2 * BLOCK, size=21 * BLOCK, memory=8 * BLOCK)
    assert factory.affordable(3) == 3
    assert factory.affordable(10) == 4
    assert not factory.exhausted
    pieces = factory.open(everything(11), 4, within=None)
    assert [(type(piece), piece.index, piece.size) for piece in pieces] == [
        (BufferedPiece, i, 2 * BLOCK) for i in range(4)
    ]
    assert factory.affordable(1) == 0
    assert factory.exhausted
    assert factory.open(everything(11), 0, within=None) == []


def test_the_last_piece_is_shorter() -> None:
    factory = make(2 * BLOCK, size=5 * BLOCK, memory=8 * BLOCK)
    pieces = [factory.piece(index) for index in range(3)]
    assert [piece.size for piece in pieces] == [2 * BLOCK, 2 * BLOCK, BLOCK]
    assert [type(piece) for piece in pieces] == [BufferedPiece, BufferedPiece, SingleBlockPiece]


def test_a_torrent_of_no_bytes_has_no_piece_to_open() -> None:
    factory = make(BLOCK, size=0, memory=8 * BLOCK)
    assert factory.exhausted
    assert factory.open(everything(0), 4, within=None) == []


def test_some_come_first_unless_the_choice_is_restricted() -> None:
    factory = make(BLOCK, size=8 * BLOCK, memory=MIB)
    assert [piece.index for piece in factory.open(everything(8), 2, within=None, first=[5])] == [5, 0]
    assert [piece.index for piece in factory.open(everything(8), 2, within=[2], first=[6])] == [2]


def test_what_does_not_fit_four_times_is_segmented_and_opened_alone() -> None:
    factory = make(16 * MIB, size=33 * MIB, memory=64 * MIB)
    assert factory.buffer_size == 16 * MIB
    assert factory.affordable(2) == 2
    factory = make(16 * MIB, size=33 * MIB, memory=32 * MIB)
    assert factory.buffer_size == MAX_SEGMENT
    assert factory.affordable(2) == 1
    assert isinstance(factory.piece(0), SegmentedPiece)
    assert type(factory.piece(2)) is BufferedPiece, "the last is short"
    assert make(16 * MIB, size=33 * MIB, memory=1).buffer_size == BLOCK
