"""What is requested for readers: the nearest first, of quick sources first, twice only when it is late."""

from __future__ import annotations

from typing import List, Tuple

from support.downloads import Swarm

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.picker import ON_DEMAND
from bittorrent_threads.swarm.pipeline import BRIEF_DEPTH, BRIEF_MOST, BRIEF_TRIPS, LEAST_DEPTH, STEADY_TIME, Pipeline
from bittorrent_threads.swarm.read_windows import IDLE, ReadWindow

PIECE = 2 * BLOCK


def read(swarm: Swarm, index: int, *, pieces: int = 1, waits: bool = False, now: float = 0.0) -> ReadWindow:
    """Let a reader read at a piece, with a window of some pieces."""
    size = swarm.layout.total_size
    window = ReadWindow(0, size, most=size, readahead=pieces * swarm.layout.piece_length)
    swarm.downloads.windows.add(window, now)
    swarm.downloads.windows.move(window, index * swarm.layout.piece_length, 1, now)
    if waits:
        swarm.downloads.windows.wait(window, now)
    return window


def asked(swarm: Swarm, pipeline: Pipeline, now: float = 0.0) -> List[int]:
    """The pieces of the blocks that are requested now, after the look that the engine takes ten times a second."""
    swarm.downloads.windows.look_again()
    return [index for index, _, _ in swarm.ask(pipeline, now)]


def test_what_is_read_comes_first() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=8)
    read(swarm, 6, pieces=2)
    assert asked(swarm, swarm.peer("A")) == [6, 6, 7, 7, 0, 0, 1, 1]


def test_while_a_reader_waits_nothing_else_is_requested_to_a_source_of_its_piece() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=8)
    window = read(swarm, 6, waits=True)
    peer = swarm.peer("A")
    assert asked(swarm, peer) == [6, 6]
    assert asked(swarm, peer) == []
    assert asked(swarm, swarm.peer("B", "xxxxxx...x")) == [0, 0, 1, 1, 2, 2, 3, 3]
    swarm.downloads.windows.served(window, 0.0)
    assert asked(swarm, peer, now=0.01) == []
    assert asked(swarm, peer, now=0.1) == [4, 4, 5, 5, 7, 7]


def test_pieces_that_are_there_or_being_written_are_not_requested() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=8)
    read(swarm, 2, pieces=3, waits=True)
    peer = swarm.peer("A")
    for block in swarm.ask(peer)[:4]:
        swarm.send(peer, block)
    swarm.save()
    swarm.downloads.withdraw(peer)
    assert asked(swarm, peer) == [4, 4]


def test_a_choking_source_is_asked_for_what_it_allows() -> None:
    swarm = Swarm(10 * PIECE, PIECE)
    read(swarm, 2, pieces=3)
    peer = swarm.peer("A", choked=True)
    peer.allow(3)
    peer.allow(8)
    assert asked(swarm, peer) == [3, 3, 8, 8]


def test_the_nearest_piece_is_opened_though_the_memory_is_full() -> None:
    swarm = Swarm(10 * PIECE, PIECE, memory=4 * PIECE, min_requests=8)
    other = swarm.peer("A")
    assert asked(swarm, other) == [0, 0, 1, 1, 2, 2, 3, 3]
    read(swarm, 6, pieces=2, waits=True)
    assert asked(swarm, swarm.peer("B")) == [6, 6]


def test_with_a_failing_disk_one_piece_is_open_at_a_time() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=8)
    swarm.downloads.cautious = True
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    assert [index for index, _, _ in blocks] == [0, 0]
    read(swarm, 6, waits=True)
    assert asked(swarm, peer) == []
    for block in blocks:
        swarm.send(peer, block)
    swarm.save()
    assert asked(swarm, peer) == [6, 6]


def test_room_is_not_exceeded() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=3)
    read(swarm, 6, pieces=3)
    assert asked(swarm, swarm.peer("A")) == [6, 6, 7]
    assert asked(swarm, swarm.peer("B")) == [7, 8, 8]


def test_a_slow_source_leaves_near_pieces_to_a_faster_one() -> None:
    swarm = Swarm(40 * PIECE, PIECE, min_requests=4)
    fast, slow = swarm.peer("A", "x" * 8 + "." * 32), swarm.peer("B")
    swarm.rated(fast, 1_000_000)
    swarm.rated(slow, 8_000)
    assert asked(swarm, fast) == [0, 0, 1, 1]
    read(swarm, 4, pieces=10, waits=True)
    # Pieces 4 to 7 are due before the slow source would send a block; of 8 on it is the only source.
    assert asked(swarm, slow) == [8, 8, 9, 9]
    fast.choked = True
    swarm.downloads.withdraw(slow)
    assert asked(swarm, slow) == [4, 4, 5, 5]


def test_a_slow_source_with_nothing_in_time_is_asked_for_other_pieces() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=4)
    fast, slow = swarm.peer("A"), swarm.peer("B")
    swarm.rated(fast, 1_000_000)
    swarm.rated(slow, 8_000)
    asked(swarm, fast)
    read(swarm, 4, waits=True)
    assert asked(swarm, slow) == [2, 2, 3, 3]


def test_an_untried_source_beside_a_quick_one_is_tried_with_what_is_needed_last() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=8)
    fast = swarm.peer("A")
    swarm.rated(fast, 1_000_000)
    asked(swarm, fast)
    read(swarm, 4, pieces=6, waits=True)
    new = swarm.peer("B")
    trial = asked(swarm, new)
    assert trial == [9, 9, 8, 8]
    assert len(trial) == LEAST_DEPTH
    assert asked(swarm, new) == []


def waits_for_a_slow_source() -> Tuple[Swarm, Pipeline]:
    swarm = Swarm(10 * PIECE, PIECE)
    read(swarm, 4, waits=True)
    slow = swarm.peer("A")
    assert asked(swarm, slow) == [4, 4]
    return swarm, slow


def test_a_block_of_a_late_piece_is_requested_twice() -> None:
    swarm, slow = waits_for_a_slow_source()
    quick = swarm.peer("B")
    swarm.rated(quick, 1_000_000)
    assert asked(swarm, quick, now=0.4) == []
    blocks = swarm.ask(quick, now=0.6)
    assert [index for index, _, _ in blocks] == [4, 4]
    assert asked(swarm, quick, now=0.7) == []
    swarm.send(quick, blocks[0], now=0.8)
    assert swarm.record.cancels == [("A", blocks[0])]
    assert list(slow.outstanding) == [9]


def test_not_more_blocks_are_requested_twice_than_there_is_room_for() -> None:
    swarm, _ = waits_for_a_slow_source()
    quick = swarm.peer("B")
    swarm.rated(quick, 1_000_000)
    quick.depth = 1
    assert asked(swarm, quick, now=0.6) == [4]


def test_an_untried_source_is_asked_for_late_blocks_after_longer() -> None:
    swarm, _ = waits_for_a_slow_source()
    new = swarm.peer("B")
    assert asked(swarm, new, now=1.9) == []
    assert asked(swarm, new, now=2.0) == [4, 4]


def test_free_blocks_of_a_late_piece_are_requested_once() -> None:
    swarm, slow = waits_for_a_slow_source()
    swarm.downloads.rejected(slow, 4, 0, 0.0)
    quick = swarm.peer("B")
    swarm.rated(quick, 1_000_000)
    swarm.downloads.windows.look_again()
    assert sorted(swarm.ask(quick, now=0.6)) == [(4, 0, BLOCK), (4, BLOCK, BLOCK)]
    assert swarm.ask(quick, now=0.7) == []


def test_requests_that_no_reader_needs_give_way() -> None:
    swarm = Swarm(10 * PIECE, PIECE, min_requests=8)
    source, other = swarm.peer("A"), swarm.peer("B", "....x.....")
    assert asked(swarm, source) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert asked(swarm, other) == [4, 4]
    read(swarm, 3, pieces=1, waits=True)
    read(swarm, 6, waits=True)
    swarm.downloads.give_way(0.0)
    assert [(name, index) for name, (index, _, _) in swarm.record.cancels] == [
        ("A", each) for each in (0, 0, 1, 1, 2, 2)
    ]
    assert [number // 2 for number in source.outstanding] == [3, 3]
    assert len(other.outstanding) == 2, "it has none of the pieces that are read"
    swarm.downloads.check()
    assert asked(swarm, source) == [6, 6]
    swarm.downloads.give_way(0.0)
    assert len(swarm.record.cancels) == 6


def test_the_requests_for_a_failed_piece_stay() -> None:
    swarm = Swarm(4 * PIECE, PIECE)
    first, second = swarm.peer("A"), swarm.peer("B")
    (one, two) = swarm.ask(first)[:2]
    swarm.downloads.rejected(first, *two[:2], 0.0)
    swarm.send(first, one)
    swarm.downloads.withdraw(first)
    (again,) = [block for block in swarm.ask(second) if block == two]
    swarm.send(second, again, bad=True)
    assert swarm.save() == [False]
    third = swarm.peer("C")
    assert asked(swarm, third) == [0, 0]
    swarm.downloads.withdraw(second)
    read(swarm, 3, waits=True)
    swarm.downloads.give_way(0.0)
    assert [number // 2 for number in third.outstanding] == [0, 0]


def test_blocks_left_tells_how_far_a_piece_is() -> None:
    swarm = Swarm(4 * PIECE, PIECE, min_requests=2)
    peer = swarm.peer("A")
    assert swarm.downloads.blocks_left(0) == 2
    blocks = swarm.ask(peer)
    swarm.send(peer, blocks[0])
    assert swarm.downloads.blocks_left(0) == 1
    swarm.send(peer, blocks[1])
    assert swarm.downloads.blocks_left(0) == 0


def test_pieces_on_demand_are_requested_for_readers_only() -> None:
    swarm = Swarm(6 * PIECE, PIECE, min_requests=20)
    swarm.downloads.set_priorities([1, 0, ON_DEMAND, ON_DEMAND, ON_DEMAND, 0])
    assert swarm.picker.wanted_bytes == b"\xb8"
    assert not swarm.picker.exhausted
    peer = swarm.peer("A")
    assert asked(swarm, peer) == [0, 0]
    assert swarm.picker.exhausted
    read(swarm, 3)
    assert asked(swarm, peer) == [3, 3]
    assert swarm.picker.missing_count == 4
    swarm.downloads.set_priorities([1, 0, 0, 0, 0, 0])
    assert {number // 2 for number in peer.outstanding} == {0}


def test_while_files_are_read_little_of_the_rest_is_outstanding() -> None:
    swarm = Swarm(100 * PIECE, PIECE, min_requests=64)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    assert len(blocks) == 64
    swarm.downloads.shorten(0.0)
    assert list(peer.outstanding) == list(range(BRIEF_DEPTH))
    assert [block for _, block in swarm.record.cancels] == blocks[BRIEF_DEPTH:]
    read(swarm, 90)
    assert asked(swarm, peer) == [90, 90]
    for block in blocks[:BRIEF_DEPTH]:
        swarm.send(peer, block, now=0.1)
    assert len(asked(swarm, peer, now=0.1)) == BRIEF_DEPTH - 2
    assert len(asked(swarm, peer, now=IDLE)) == 64 - BRIEF_DEPTH, "nobody has read for a while"


def test_a_round_trip_of_a_fast_source_is_outstanding() -> None:
    swarm = Swarm(400 * PIECE, PIECE)
    peer = swarm.peer("A")
    assert peer.brief_depth(0.0) == BRIEF_DEPTH
    swarm.ask(peer)
    swarm.send(peer, (0, 0, BLOCK), now=0.1)
    peer.rate.add(300 * BLOCK, 0.1)
    assert peer.quickest == 0.1
    rate = peer.rate.value(0.1)
    assert peer.brief_depth(0.1) == int(rate * 0.1 * BRIEF_TRIPS) // BLOCK > BRIEF_DEPTH
    peer.quickest = 10.0
    assert peer.brief_depth(0.1) == int(rate * BRIEF_MOST * BRIEF_TRIPS) // BLOCK


def test_half_of_what_is_ready_for_readers_in_sequence_is_outstanding() -> None:
    swarm = Swarm(400 * PIECE, PIECE)
    peer = swarm.peer("A")
    swarm.ask(peer)
    swarm.send(peer, (0, 0, BLOCK), now=0.1)
    peer.rate.add(3000 * BLOCK, 0.1)
    peer.quickest = 0.0
    rate = peer.rate.value(0.1)
    assert peer.brief_depth(0.1, 200 * BLOCK) == 100
    assert peer.brief_depth(0.1, 2 * BRIEF_DEPTH * BLOCK - 1) == BRIEF_DEPTH
    assert peer.brief_depth(0.1, 1_000_000 * BLOCK) == int(rate * STEADY_TIME) // BLOCK


def test_the_rest_is_requested_in_batches_while_files_are_read() -> None:
    swarm = Swarm(400 * PIECE, PIECE, min_requests=64)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    swarm.downloads.shorten(0.0)
    read(swarm, 399)
    assert asked(swarm, peer) == [399, 399]
    for block in blocks[: BRIEF_DEPTH // 4 + 1]:
        swarm.send(peer, block, now=0.0)
        assert asked(swarm, peer) == []
    swarm.send(peer, blocks[BRIEF_DEPTH // 4 + 1], now=0.0)
    assert len(asked(swarm, peer)) == BRIEF_DEPTH // 4


def test_nothing_is_requested_twice_without_room() -> None:
    swarm = Swarm(40 * PIECE, PIECE)
    slow, quick = swarm.peer("A"), swarm.peer("B")
    assert len(swarm.ask(slow)) == 64
    assert len(swarm.ask(quick)) == 16
    swarm.rated(quick, 1_000_000)
    read(swarm, 0)
    assert swarm.ask(quick, now=5.0) == []
