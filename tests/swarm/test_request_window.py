"""What may be under way at a limited rate."""

from __future__ import annotations

from typing import List

import pytest
from support.block_sources import Record, RecordingSource

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.pipeline import Pipeline
from bittorrent_threads.swarm.request_window import LEAST_BLOCKS, SHARE, TOO_MANY, RequestWindow


def window(rate: int) -> RequestWindow:
    made = RequestWindow(3.0)
    made.rate = rate
    return made


def peers(*asked: int) -> List[Pipeline]:
    """Peers that were asked for so many blocks each."""
    made = []
    for number, count in enumerate(asked):
        pipeline = Pipeline(RecordingSource(f"peer {number}", Record()), Bitfield(4), Settings())
        pipeline.outstanding = {block: 0.0 for block in range(count)}
        made.append(pipeline)
    return made


def test_without_a_limit_there_is_no_window() -> None:
    free = window(0)
    (peer,) = peers(1000)
    assert free.blocks > 1 << 40
    assert free.excess([peer]) == 0
    assert free.delay([peer]) == 0.0
    free.adapt(unused=False)
    assert not free.reached


@pytest.mark.parametrize(("rate", "blocks"), [(1, LEAST_BLOCKS), (5000, LEAST_BLOCKS), (160 * BLOCK, 480)])
def test_it_is_what_comes_within_seconds(rate: int, blocks: int) -> None:
    assert window(rate).blocks == blocks


def test_one_peer_gets_a_share_of_it() -> None:
    low, high = window(5000), window(160 * BLOCK)
    idle, busy = peers(0, 1)
    assert low.room(idle, [idle, busy]) == 1
    assert low.room(busy, [idle, busy]) == 0
    assert low.room(idle, peers(1, 1)) == 0, "two are under way"
    assert high.room(idle, [idle]) == 480 // SHARE
    assert high.room(idle, [idle, *peers(470)]) == 10
    idle.depth = 4
    assert high.room(idle, [idle]) == 4, "no more than the peer gets without a limit"


def test_it_grows_while_the_limit_is_not_reached_and_peers_would_be_asked_for_more() -> None:
    low = window(5000)
    (idle,) = peers(0)
    sizes = []
    for _ in range(4):
        low.room(idle, peers(1, 1))
        low.adapt(unused=True)
        sizes.append(low.blocks)
    assert sizes == [3, 4, 5, 6]
    assert not low.reached
    low.adapt(unused=True)
    assert low.blocks == 6, "no peer was refused anything"
    for _ in range(10):
        low.adapt(unused=False)
    assert low.blocks == LEAST_BLOCKS
    assert low.reached


def test_at_a_high_limit_it_grows_fast() -> None:
    high = window(160 * BLOCK)
    high.room(peers(0)[0], [])
    high.adapt(unused=True)
    assert high.blocks == 600


def test_what_grew_is_forgotten_with_the_limit() -> None:
    changing = window(5000)
    changing.room(peers(0)[0], peers(2))
    changing.adapt(unused=True)
    changing.rate = 0
    changing.adapt(unused=True)
    changing.rate = 5000
    assert changing.blocks == LEAST_BLOCKS


def test_excess_and_delay() -> None:
    low = window(BLOCK)
    assert low.blocks == 3
    assert low.excess(peers(4, 2)) == 0
    assert low.excess(peers(40, 2)) == 42 - 3 * TOO_MANY
    assert low.delay(peers(4, 2)) == 6.0
