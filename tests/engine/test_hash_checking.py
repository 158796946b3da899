"""What hash checks do to a torrent: events, errors, and the files as they are."""

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


def add(bench: Bench, indexes: Any, done: List[Check]) -> Check:
    """Ask for a check of these pieces."""
    check = Check(list(indexes), done.append)
    bench.act(bench.payload.checks.add, check)
    return check


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
    assert check.error is not None
    assert check.error.errno == errno.EIO
    assert check.failed == [0, 1, 2]
    assert bench.payload.storage_retry.on
    assert len(bench.seen(events.StorageFailed)) == 1


def test_no_socket_is_needed() -> None:
    bench = Bench(have=range(3), state="stopped")
    add(bench, range(COUNT), [])
    bench.run(1)
    assert bench.payload.have.count == 3
    assert PORT not in bench.network.listeners


def test_a_running_torrent_goes_on_during_a_check() -> None:
    bench = Bench(have=range(6))
    guest = bench.leech(range(1, COUNT))
    bench.disk.read_rate = 10_000.0
    add(bench, range(6), [])
    assert bench.status.checking
    assert not guest.closed
    guest.say(b"\0\0\0\1\1")
    assert guest.requests()
