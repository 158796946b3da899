from __future__ import annotations

from bittorrent_threads.disk.deadline import Deadline


def test_a_job_without_a_deadline_is_never_late() -> None:
    deadline = Deadline()
    assert (deadline.known, deadline.over) == (False, False)


def test_the_earliest_deadline_counts() -> None:
    deadline = Deadline()
    deadline.set(1000.0)
    assert (deadline.known, deadline.over) == (True, False)
    deadline.set(0.0)
    assert deadline.over
    deadline.set(1000.0)
    assert deadline.over
