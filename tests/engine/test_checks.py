"""Hash checks: the order, the jobs, the end of each."""

from __future__ import annotations

from typing import Any, List

import pytest
from support.bench import COUNT, Bench

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
    assert done == [check]
    assert check.passed == list(range(5))
    assert check.failed == list(range(5, COUNT))


def test_a_job_has_so_many_pieces_however_short_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_PIECES", 5)
    bench = Bench(have=range(COUNT), state="stopped")
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    add(bench, range(COUNT), done)
    bench.run(1)
    assert max(map(len, jobs)) == 5
    assert done


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
    assert len(jobs) == 6
    assert bench.disk.most_busy_jobs == checks.JOBS
    assert done
    assert bench.status.checking == 0


@pytest.mark.usefixtures("tiny_jobs")
@pytest.mark.parametrize(("seek_time", "largest"), [(checks.JOB_TIME / 100, 3), (checks.JOB_TIME * 2, 1)])
def test_jobs_are_as_large_as_the_disk_is_fast(seek_time: float, largest: int) -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = seek_time
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    check = add(bench, range(COUNT), done)
    bench.run(5)
    assert done == [check]
    assert [index for job in jobs for index in job] == list(range(COUNT))
    assert max(map(len, jobs)) == largest
    assert [len(job) for job in jobs[:3]] == [1, 1, 1]
    assert len(jobs[-1]) == 1, "small at first, and towards the end"


@pytest.mark.usefixtures("small_jobs")
def test_checks_are_done_in_the_order_they_were_asked_for() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    first = add(bench, [9, 3, 1], done)
    second = add(bench, [4, 1], done)
    bench.run(1)
    assert jobs == [(9, 3), (1,), (4, 1)]
    assert done == [first, second]
    assert (sorted(first.passed), second.passed) == ([1, 3, 9], [1, 4])


@pytest.mark.usefixtures("small_jobs")
def test_a_check_that_is_cancelled_ends_with_what_it_knows() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = 1.0
    jobs, done = bench.jobs("check"), []  # type: ignore[var-annotated]
    check, other = add(bench, range(COUNT), done), add(bench, [11], done)
    bench.run(1.5)
    bench.act(bench.payload.checks.cancel, check)
    assert not done
    assert len(jobs) == 5
    bench.run(3)
    assert done == [check, other]
    assert check.cancelled
    assert not other.cancelled
    assert check.passed == list(range(10))
    assert len(jobs) == 6
    (finished, _) = bench.seen(events.HashcheckFinished)
    assert (finished.passed, finished.failed, finished.cancelled) == (10, 0, True)


def test_a_check_that_waits_can_be_cancelled() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    done: List[Check] = []
    first, second = add(bench, range(COUNT), done), add(bench, range(COUNT), done)
    bench.act(bench.payload.checks.cancel, second)
    bench.run(1)
    assert done == [first, second]
    assert second.passed == []
    assert second.cancelled


def test_a_check_of_nothing_is_done_at_once() -> None:
    bench = Bench(state="stopped")
    done: List[Check] = []
    check = add(bench, [], done)
    assert done == [check]
    assert check.total == 0


@pytest.mark.usefixtures("small_jobs")
def test_a_torrent_that_is_closed_cancels_its_checks() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.seek_time = 1.0
    done: List[Check] = []
    jobs = bench.jobs("check")
    one, other = add(bench, range(COUNT), done), add(bench, range(COUNT), done)
    bench.act(bench.torrent.close)
    bench.run(5)
    assert done == [one, other]
    assert one.cancelled
    assert other.cancelled
    assert len(jobs) == checks.JOBS
