"""What a torrent does once a second: progress, and nothing while it is idle."""

from __future__ import annotations

from support.bench import BLOCK, COUNT, SIZE, Bench

from bittorrent_threads import events


def test_progress_is_told_in_seconds_in_which_data_moved() -> None:
    bench = Bench()
    seed = bench.seed()
    bench.run(3)
    assert bench.seen(events.Progressed) == []
    asked = seed.requests()
    seed.give(*asked[:2])
    bench.run(3)
    (progressed,) = bench.seen(events.Progressed)
    assert (progressed.downloaded, progressed.uploaded) == (2 * BLOCK, 0)
    assert progressed.left == SIZE - 2 * BLOCK
    assert progressed.download_rate > 0
    seed.give(*asked[2:4])
    bench.run(3)
    assert len(bench.seen(events.Progressed)) == 2


def test_an_idle_torrent_makes_no_snapshot() -> None:
    bench = Bench(have=range(COUNT))
    bench.run(3)
    before = bench.torrent.status
    bench.run(60)
    assert bench.torrent.status is before
    bench.guest([])
    bench.run(2)
    assert bench.torrent.status is not before
    assert bench.torrent.status.connected == 1


def test_a_stopped_torrent_does_nothing() -> None:
    bench = Bench()
    bench.seed()
    bench.set_state("stopped")
    before = bench.torrent.status
    bench.run(60)
    assert bench.torrent.status is before
    assert bench.seen(events.Progressed) == []
