"""A disk that fails: the torrent stops asking, says so, tries again less and less often, and recovers by itself."""

from __future__ import annotations

import errno
from typing import List, Tuple

from support.bench import BLOCK, SIZE, Bench, Guest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import INTERESTED, PIECE, REQUEST, message

SETTINGS = Settings(disk_retry_interval=10.0, disk_retry_max=35.0, min_requests=2)


def failing() -> Tuple[Bench, Guest]:
    """A torrent whose disk is full, and a seed of it."""
    bench = Bench(have=[0], settings=SETTINGS)
    seed = bench.seed()
    bench.disk.write_errno = errno.ENOSPC
    return bench, seed


def test_a_write_that_fails_is_told_and_nothing_more_is_asked_for() -> None:
    bench, seed = failing()
    seed.serve()
    (failed,) = bench.seen(events.StorageFailed)
    assert (failed.errno, failed.retry_in) == (errno.ENOSPC, 10.0)
    assert failed.path == "downloads/simulated"
    assert failed.reason == "No space left on device"
    assert bench.payload.storage_retry.on
    assert bench.payload.downloads.suspended
    bench.run(9)
    assert seed.requests() == []
    assert bench.payload.have.count == 1
    assert not bench.seen(events.PieceFailed)
    assert not bench.seen(events.PeerBanned)
    assert bench.status.error == "downloads/simulated: No space left on device"
    assert bench.status.stall == "the disk failed: downloads/simulated: No space left on device"


def test_what_is_there_is_served_on() -> None:
    _, seed = failing()
    seed.serve()
    seed.say(message(INTERESTED))
    seed.say(message(REQUEST, 0, 0, BLOCK))
    assert [each[:3] for each in seed.heard(PIECE)] == [(PIECE, 0, 0)]


def test_the_pause_doubles_up_to_its_limit() -> None:
    bench, seed = failing()
    while bench.world.now < 200:
        seed.serve()
        bench.run(1)
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)] == [10, 20, *[35] * 5]


def test_it_recovers_by_itself() -> None:
    bench, seed = failing()
    while bench.world.now < 45:
        seed.serve()
        bench.run(1)
    pauses = [failed.retry_in for failed in bench.seen(events.StorageFailed)]
    assert pauses == [10, 20, 35]
    bench.disk.write_errno = 0
    while not bench.payload.have.full:
        seed.serve()
        bench.run(1)
    assert bench.world.now < 80
    assert len(bench.seen(events.StorageRecovered)) == 1
    assert bench.status.error == ""
    assert not bench.payload.storage_retry.on


def test_the_next_outage_begins_with_a_short_pause_again() -> None:
    bench, seed = failing()
    while bench.world.now < 30:
        seed.serve()
        bench.run(1)
    bench.disk.write_errno = 0
    asked: List[Tuple[int, int, int]] = []
    while not bench.seen(events.StorageRecovered):
        asked += seed.requests()
        seed.give(*asked[:2])
        del asked[:2]
        bench.run(1)
    bench.disk.write_errno = errno.EIO
    seed.give(*asked)
    seed.serve()
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)][-1] == 10


def test_several_failures_in_a_row_are_one() -> None:
    bench = Bench()
    seed = bench.seed()
    bench.disk.write_errno = errno.EROFS
    seed.serve()
    bench.run(5)
    assert len(bench.seen(events.StorageFailed)) == 1


def test_a_folder_that_cannot_be_written_shows_at_the_start() -> None:
    bench = Bench(state="stopped")
    bench.disk.write_errno = errno.EACCES
    bench.set_state("active")
    assert [failed.errno for failed in bench.seen(events.StorageFailed)] == [errno.EACCES]
    seed = bench.seed()
    assert seed.requests() == []


def test_a_folder_is_tried_again_without_fetching_anything() -> None:
    bench = Bench(state="stopped", settings=SETTINGS)
    bench.disk.write_errno = errno.EACCES
    bench.set_state("active")
    seed = bench.seed()
    bench.run(60)
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)] == [10, 20, 35]
    assert len(seed.requests()) <= 2 * len(bench.seen(events.StorageFailed))


def test_a_stop_ends_the_wait_and_a_start_tries_at_once() -> None:
    bench, seed = failing()
    seed.serve()
    assert bench.payload.storage_retry.on
    bench.disk.write_errno = 0
    bench.set_state("stopped")
    assert not bench.payload.storage_retry.on
    bench.set_state("active")
    bench.seed().serve()
    assert bench.payload.have.full
    assert bench.seen(events.StorageRecovered)


def test_a_disk_too_small_for_all_is_told_before_anything_is_asked_for() -> None:
    bench = Bench(state="stopped", settings=SETTINGS, allocation="full")
    bench.disk.room = SIZE - 1
    bench.disk.seek_time = 1.0
    bench.act(bench.torrent.set_state, "active")
    bench.until(lambda: bench.torrent.lifecycle.live)
    seed = bench.seed()
    bench.run(5)
    assert not seed.closed
    assert [failed.errno for failed in bench.seen(events.StorageFailed)] == [errno.ENOSPC]
    assert seed.requests() == []
    bench.disk.room = SIZE
    bench.disk.seek_time = 0.001
    bench.run(15)
    seed.serve()
    assert bench.payload.have.full
    assert bench.seen(events.StorageRecovered)


def test_nothing_is_asked_for_while_the_files_are_made() -> None:
    bench = Bench(state="stopped")
    bench.disk.seek_time = 2.0
    bench.act(bench.torrent.set_state, "active")
    bench.until(lambda: bench.torrent.lifecycle.live)
    seed = bench.seed()
    assert seed.requests() == []
    assert bench.payload.downloads.suspended
    bench.run(8)
    assert seed.requests()
