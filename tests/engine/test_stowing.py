"""The end of the disk work: what is written at a stop, and what a start in the middle of it finds."""

from __future__ import annotations

from typing import List

from support.bench import COUNT, SIZE, Bench, blocks_of, ignored


def test_what_was_being_fetched_goes_on_after_a_stop() -> None:
    bench = Bench()
    seed = bench.seed()
    asked = seed.requests()
    seed.give(*asked[:4])
    bench.set_state("stopped")
    bench.set_state("active")
    bench.seed().serve()
    assert bench.payload.have.full
    assert bench.status.wasted == 0
    assert bench.disk.saved == SIZE


def test_a_stop_in_the_middle_of_a_write_keeps_what_was_written() -> None:
    bench = Bench()
    bench.disk.seek_time = 1.0
    seed = bench.seed()
    seed.give(*blocks_of(0))
    over: List[bool] = []
    bench.set_state("stopped")
    bench.act(bench.torrent.wait_group.when_over, lambda: over.append(True))
    bench.run(10)
    assert over
    assert bench.payload.have[0]
    assert bench.torrent.kept is not None
    assert bench.torrent.kept.have[0] == 0x80


def test_a_start_in_the_middle_of_a_stop_keeps_the_files_open() -> None:
    bench = Bench(have=range(COUNT))
    closed = bench.recorded("close")
    bench.disk.seek_time = 1.0
    bench.act(bench.torrent.set_state, "stopped")
    bench.act(bench.torrent.set_state, "active")
    assert not bench.torrent.stowing.over
    bench.run(10)
    assert bench.torrent.stowing.over
    assert closed == []
    assert bench.torrent.kept is not None
    bench.set_state("stopped")
    bench.run(10)
    assert closed == ["close"]
    assert bench.torrent.stowing.over


def test_a_torrent_that_is_closed_stores_what_changed_since_the_stop() -> None:
    bench = Bench()
    bench.seed().serve()
    bench.set_state("stopped")
    bench.run(1)
    stored = bench.recorded("remember", "close")
    bench.act(bench.payload.hashcheck, [0], ignored)
    bench.run(1)
    bench.act(bench.torrent.close)
    bench.run(1)
    assert stored[-2:] == ["remember", "close"]
    assert bench.torrent.stowing.over
    assert bench.torrent.wait_group.over
