"""Hash checks: the order, the jobs, the end of each."""

from __future__ import annotations

import errno
from typing import Any, List

import pytest
from support.bench import COUNT, PORT, Bench

from bittorrent_threads import events
from bittorrent_threads.engine import checks
from bittorrent_threads.engine.checks import Check


@pytest.fixture
def small_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pieces a job."""
    monkeypatch.setattr(checks, "LEAST_JOB", 2 * 32768 + 1)
    monkeypatch.setattr(checks, "MOST_JOB", 2 * 32768 + 1)


@pytest.fixture
def tiny_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One piece a job at the least."""
    monkeypatch.setattr(checks, "LEAST_JOB", 1)


def add(bench: Bench, indexes: Any, done: List[Check]) -> Check:
    """Ask for a check of these pieces."""
    check = Check(list(indexes), done.append)
    bench.act(bench.payload.checks.add, check)
    return check


def test_small_pieces_share_a_job() -> None:
    bench = Bench(have=range(5), state="stopped")
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    check = add(bench, range(COUNT), done)
    bench.run(1)
    assert jobs == [tuple(range(COUNT))]
    assert done == [check] and check.passed == list(range(5)) and check.failed == list(range(5, COUNT))


def test_a_job_has_so_many_pieces_however_short_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_PIECES", 5)
    bench = Bench(have=range(COUNT), state="stopped")
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    add(bench, range(COUNT), done)
    bench.run(1)
    assert max(map(len, jobs)) == 5 and done


@pytest.mark.usefixtures("small_jobs")
def test_some_jobs_are_under_way_at_once() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = 1.0
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    add(bench, range(COUNT), done)
    bench.run(0.5)
    assert jobs == [(0, 1), (2, 3), (4, 5)]
    assert bench.status.checking == COUNT - 6
    bench.run(5)
    assert len(jobs) == 6 and bench.disk.most_busy_jobs == checks.JOBS
    assert done and bench.status.checking == 0


@pytest.mark.usefixtures("tiny_jobs")
@pytest.mark.parametrize(("seek_time", "largest"), [(checks.JOB_TIME / 100, 3), (checks.JOB_TIME * 2, 1)])
def test_jobs_are_as_large_as_the_disk_is_fast(seek_time: float, largest: int) -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = seek_time
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    check = add(bench, range(COUNT), done)
    bench.run(5)
    assert done == [check] and [index for job in jobs for index in job] == list(range(COUNT))
    assert max(map(len, jobs)) == largest
    assert [len(job) for job in jobs[:3]] == [1, 1, 1] and len(jobs[-1]) == 1, "small at first, and towards the end"


@pytest.mark.usefixtures("small_jobs")
def test_checks_are_done_in_the_order_they_were_asked_for() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    first = add(bench, [9, 3, 1], done)
    second = add(bench, [4, 1], done)
    bench.run(1)
    assert jobs == [(9, 3), (1,), (4, 1)] and done == [first, second]
    assert (sorted(first.passed), second.passed) == ([1, 3, 9], [1, 4])


@pytest.mark.usefixtures("small_jobs")
def test_a_check_that_is_cancelled_ends_with_what_it_knows() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = 1.0
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    check, other = add(bench, range(COUNT), done), add(bench, [11], done)
    bench.run(1.5)
    bench.act(bench.payload.checks.cancel, check)
    assert not done and len(jobs) == 5
    bench.run(3)
    assert done == [check, other] and check.cancelled and not other.cancelled
    assert check.passed == list(range(10)) and len(jobs) == 6
    (finished, _) = bench.seen(events.HashcheckFinished)
    assert (finished.passed, finished.failed, finished.cancelled) == (10, 0, True)


def test_a_check_that_waits_can_be_cancelled() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    done: List[Check] = []
    first, second = add(bench, range(COUNT), done), add(bench, range(COUNT), done)
    bench.act(bench.payload.checks.cancel, second)
    bench.run(1)
    assert done == [first, second] and second.passed == [] and second.cancelled


def test_a_check_of_nothing_is_done_at_once() -> None:
    bench = Bench(state="stopped")
    done: List[Check] = []
    check = add(bench, [], done)
    assert done == [check] and check.total == 0


@pytest.mark.usefixtures("small_jobs")
def test_progress_is_told() -> None:
    bench = Bench(have=range(3), state="stopped")
    add(bench, range(6), [])
    bench.run(1)
    progress = [(event.done, event.total) for event in bench.seen(events.HashcheckProgressed)]
    assert progress == [(2, 6), (4, 6), (6, 6)]
    (finished,) = bench.seen(events.HashcheckFinished)
    assert (finished.passed, finished.failed, finished.cancelled) == (3, 3, False)
    assert sorted(event.index for event in bench.seen(events.PiecePassed)) == [0, 1, 2]
    assert sorted(event.index for event in bench.seen(events.PieceFailed)) == [3, 4, 5]


def test_a_file_error_is_the_error_of_the_check_and_an_outage() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.read_errno = errno.EIO
    done: List[Check] = []
    check = add(bench, range(3), done)
    bench.run(1)
    assert check.error is not None and check.error.errno == errno.EIO and check.failed == [0, 1, 2]
    assert bench.payload.storage_retry.on and len(bench.seen(events.StorageFailed)) == 1


def test_no_socket_is_needed() -> None:
    bench = Bench(have=range(3), state="stopped")
    add(bench, range(COUNT), [])
    bench.run(1)
    assert bench.payload.have.count == 3 and PORT not in bench.network.listeners


def test_a_running_torrent_goes_on_during_a_check() -> None:
    bench = Bench(have=range(6))
    guest = bench.leech(range(1, COUNT))
    bench.disk.read_rate = 10_000.0
    add(bench, range(6), [])
    assert bench.status.checking and not guest.closed
    guest.say(b"\0\0\0\1\1")
    assert guest.requests()


@pytest.mark.usefixtures("small_jobs")
def test_a_torrent_that_is_closed_cancels_its_checks() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = 1.0
    done: List[Check] = []
    jobs = bench.jobs("check")
    one, other = add(bench, range(COUNT), done), add(bench, range(COUNT), done)
    bench.act(bench.torrent.close)
    bench.run(5)
    assert done == [one, other] and one.cancelled and other.cancelled
    assert len(jobs) == checks.JOBS
