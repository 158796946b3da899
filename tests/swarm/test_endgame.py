"""Which blocks are worth asking for twice."""

from __future__ import annotations

from support.block_sources import Record, RecordingSource

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.endgame import ENDGAME_DEPTH, TRIAL_PATIENCE, slower_blocks
from bittorrent_threads.swarm.pipeline import Pipeline

BLOCK = 16384


def peer(name: str, blocks: range, *, blocks_a_second: int, now: float = 10.0) -> Pipeline:
    pipeline = Pipeline(RecordingSource(name, Record()), Bitfield(4), Settings())
    if blocks_a_second:
        for second in range(10):
            pipeline.rate.add(blocks_a_second * BLOCK, now - 9 + second)
    pipeline.outstanding = {number: now for number in blocks}
    return pipeline


def test_the_last_blocks_of_the_slowest_peer_first() -> None:
    quick = peer("quick", range(0), blocks_a_second=1000)
    slow = peer("slow", range(20), blocks_a_second=10)
    slower = peer("slower", range(100, 110), blocks_a_second=1)
    found = list(slower_blocks(quick, [quick, slow, slower], 10.0))
    assert found[:10] == [109, 108, 107, 106, 105, 104, 103, 102, 101, 100][: len(found[:10])]
    assert found[10:] == list(range(19, 19 - len(found[10:]), -1))
    assert 10 <= len(found[10:]) <= 16


def test_nothing_of_equals() -> None:
    one = peer("one", range(0), blocks_a_second=10)
    two = peer("two", range(2), blocks_a_second=10)
    assert list(slower_blocks(one, [one, two], 10.0)) == []


def test_nothing_that_comes_soon_anyway() -> None:
    quick = peer("quick", range(0), blocks_a_second=1000)
    other = peer("other", range(40), blocks_a_second=100)
    assert list(slower_blocks(quick, [other], 10.0)) == []


def test_a_silent_peer_has_some_time() -> None:
    quick = peer("quick", range(0), blocks_a_second=1000)
    silent = peer("silent", range(4), blocks_a_second=0)
    assert list(slower_blocks(quick, [silent], 10.4)) == []
    assert list(slower_blocks(quick, [silent], 14.0)) == [3, 2, 1, 0]


def test_a_peer_that_has_enough_to_do_asks_nobody_s_blocks() -> None:
    busy = peer("busy", range(ENDGAME_DEPTH), blocks_a_second=1000)
    slow = peer("slow", range(100, 120), blocks_a_second=1)
    assert list(slower_blocks(busy, [slow], 10.0)) == []


def test_a_source_that_was_never_tried_gets_no_block_of_one_that_is_not_slow() -> None:
    untried = peer("untried", range(0), blocks_a_second=0)
    other = peer("other", range(400), blocks_a_second=100)
    assert other.drain_time(10.0) > TRIAL_PATIENCE
    assert list(slower_blocks(untried, [other], 10.0)) == []
