"""The depth and the patience of one peer's pipeline."""

from __future__ import annotations

from support.block_sources import Record, RecordingSource

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.pipeline import (
    DEFAULT_REQQ,
    LEAST_DEPTH,
    MAX_ALLOWED_FAST,
    MAX_BATCH,
    MAX_LATE,
    MAX_SUGGESTED,
    Pipeline,
)

BLOCK = 16384


def make(**changes: float) -> Pipeline:
    return Pipeline(RecordingSource("peer", Record()), Bitfield(4), Settings().replace(**changes))


def test_it_starts_at_the_floor() -> None:
    assert make().depth == Settings().min_requests == 64


def test_the_depth_is_some_seconds_of_the_rate() -> None:
    pipeline = make()
    pipeline.reqq = 10_000
    for second in range(1, 21):
        pipeline.payload += 50 * BLOCK
        pipeline.measure(float(second))
    assert 0.9 * 150 <= pipeline.depth <= 1.1 * 150


def test_the_depth_is_bounded_by_reqq_settings_and_memory() -> None:
    for limit, changes in ((DEFAULT_REQQ, {}), (100, {"max_requests": 100}), (64, {"piece_memory": 64 * 2 * BLOCK})):
        pipeline = make(**changes)
        for second in range(1, 6):
            pipeline.payload += 10_000 * BLOCK
            pipeline.measure(float(second))
        assert pipeline.depth == limit


def test_a_slow_peer_is_asked_for_little_once_that_is_known() -> None:
    pipeline = make()
    for second in range(1, 20):
        pipeline.payload += BLOCK
        pipeline.measure(float(second))
        assert pipeline.depth == (64 if second < 6 else LEAST_DEPTH)


def test_a_reqq_below_the_floor_counts() -> None:
    pipeline = make()
    pipeline.reqq = 5
    pipeline.payload += BLOCK
    pipeline.measure(1.0)
    assert pipeline.depth == 5


def test_a_refill_is_due_in_batches_of_a_quarter() -> None:
    pipeline = make()
    pipeline.outstanding = {number: 0.0 for number in range(64)}
    assert pipeline.room == 0
    assert not pipeline.refill_due
    for number in range(15):
        del pipeline.outstanding[number]
    assert pipeline.room == 15
    assert not pipeline.refill_due
    del pipeline.outstanding[15]
    assert pipeline.refill_due


def test_a_refill_is_due_in_batches_that_are_not_too_long() -> None:
    pipeline = make()
    pipeline.depth = 2000
    pipeline.outstanding = {number: 0.0 for number in range(2000 - MAX_BATCH + 1)}
    assert pipeline.room == MAX_BATCH - 1
    assert not pipeline.refill_due
    del pipeline.outstanding[0]
    assert pipeline.refill_due


def test_overdue_only_with_requests_and_silence() -> None:
    pipeline = make(request_timeout=20.0)
    assert not pipeline.overdue(1000.0)
    pipeline.outstanding[1] = 100.0
    assert not pipeline.overdue(119.9)
    assert pipeline.overdue(120.0)
    pipeline.payload += BLOCK
    pipeline.measure(115.0)
    assert not pipeline.overdue(134.0)
    assert pipeline.overdue(135.0)


def test_a_snub_ends_with_the_next_block() -> None:
    pipeline = make()
    pipeline.snub()
    assert pipeline.snubbed
    assert pipeline.depth == 1
    pipeline.payload += BLOCK
    pipeline.measure(5.0)
    assert not pipeline.snubbed
    assert pipeline.depth == 64


def test_slow_after_some_seconds_without_much() -> None:
    pipeline = make()
    assert not pipeline.proven_slow(100.0)
    pipeline.outstanding = {number: 100.0 for number in range(64)}
    assert not pipeline.proven_slow(104.9)
    assert pipeline.proven_slow(105.0)
    pipeline.payload += 50 * BLOCK
    pipeline.measure(106.0)
    assert not pipeline.proven_slow(106.0)
    pipeline.restrain()
    assert pipeline.depth == LEAST_DEPTH
    quick = make()
    quick.depth = 2
    quick.restrain()
    assert quick.depth == 2


def test_a_choke_ends_the_doubt() -> None:
    pipeline = make()
    pipeline.uncancelled = 3
    pipeline.on_choke()
    assert pipeline.uncancelled is None


def test_the_oldest_requests_may_be_kept() -> None:
    pipeline = make()
    pipeline.outstanding = {7: 1.0, 3: 1.0, 9: 2.0}
    assert pipeline.withdraw(1) == [3, 9]
    assert pipeline.outstanding == {7: 1.0}
    assert list(pipeline.late) == [3, 9]


def test_withdrawn_blocks_are_remembered_in_bounds() -> None:
    pipeline = make()
    pipeline.outstanding = {3: 0.0, 4: 0.0}
    assert pipeline.withdraw() == [3, 4]
    assert not pipeline.outstanding
    assert list(pipeline.late) == [3, 4]
    pipeline.outstanding = dict.fromkeys(range(5, 1 + MAX_LATE), 0.0)
    pipeline.withdraw()
    assert list(pipeline.late) == list(range(3, 1 + MAX_LATE))
    pipeline.outstanding = dict.fromkeys((3, 9999, 9998, 9997), 0.0)
    pipeline.withdraw()
    assert list(pipeline.late) == [*range(5, 1 + MAX_LATE), 3, 9999, 9998, 9997]


def test_allowed_and_suggested_pieces_are_bounded() -> None:
    pipeline = make()
    for index in range(1000):
        pipeline.allow(index)
        pipeline.suggest(index)
        pipeline.suggest(index)
    assert len(pipeline.allowed) == MAX_ALLOWED_FAST
    assert pipeline.suggested == list(range(1000 - MAX_SUGGESTED, 1000))


def test_a_choke_halves_the_depth_only_of_a_peer_that_sent_nothing() -> None:
    pipeline = make()
    pipeline.on_unchoke()
    pipeline.on_choke()
    assert pipeline.depth == 32
    pipeline.on_unchoke()
    pipeline.payload += BLOCK
    pipeline.on_choke()
    assert pipeline.depth == 32


def test_a_request_is_cancelled_once() -> None:
    record = Record()
    pipeline = Pipeline(RecordingSource("peer", record), Bitfield(4), Settings())
    pipeline.outstanding[3] = 0.0
    for _ in range(2):
        pipeline.cancel(3, (1, 0, BLOCK))
    assert record.cancels == [("peer", (1, 0, BLOCK))]
    assert list(pipeline.late) == [3]
