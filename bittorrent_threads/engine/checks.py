"""Hash checks of one torrent: each becomes disk jobs, a few at a time, whose results are reported as they come.

A check answers for the pieces it was made for, in any phase of the torrent, and needs no socket.
"""

from __future__ import annotations

import functools
from collections import deque
from typing import Callable, Deque, List, Optional, Protocol, Sequence, Set

from ..disk.results import Checked
from ..errors import StorageError
from .interfaces.storage import Storage

JOB_TIME = 0.05
"""Seconds that a job should take: long beside the hop between threads, short enough to cancel a check soon.

Of 1 GiB in the page cache, in pieces of 1 MiB, jobs of 4 MiB check 1.6 GB/s, of 16 MiB 2.15, of 64 MiB 2.35.
"""

LEAST_JOB = 4 * 1024 * 1024
"""Bytes of the first and the last jobs, and of every job on a disk that needs longer than ``JOB_TIME`` for them."""
MOST_JOB = 64 * 1024 * 1024
"""Most bytes of a job: larger jobs are not faster."""

MOST_PIECES = 4096
"""Pieces of a job: those of 16 KiB fill one of ``MOST_JOB``, and shorter ones take no more memory than those."""

JOBS = 3
"""Jobs under way at once: two are hashed, and one is there when the first of them is done."""


class Check:
    """One hash check.

    Args:
        indexes: The pieces to hash.
        done: Called once with the check when it is finished or cancelled.
    """

    def __init__(self, indexes: Sequence[int], done: Callable[[Check], None]) -> None:
        self.total = len(indexes)
        self.passed: List[int] = []
        self.failed: List[int] = []
        self.error: Optional[StorageError] = None
        """The first file error met; a missing file is no error.  Pieces that failed with it may be right or wrong."""
        self.cancelled = False
        self.done = done
        self.waiting = list(indexes)
        self.running = 0

    @property
    def finished(self) -> bool:
        """Nothing is left to do, or it was cancelled and no job is running."""
        return not self.running and (self.cancelled or not self.waiting)


class Listener(Protocol):
    """Is told of results."""

    def check_progressed(self, check: Check, checked: Checked) -> None:
        """Some pieces of a check are done."""

    def check_finished(self, check: Check) -> None:
        """A whole check is done; its own ``done`` is called after this."""


class Checks:
    """The checks of one torrent, done in the order they were made.

    Args:
        storage: Reads and hashes.
        piece_length: Bytes of a piece.
        now: Monotonic seconds.
        listener: Is told of results.
    """

    def __init__(self, storage: Storage, piece_length: int, now: Callable[[], float], listener: Listener) -> None:
        self._storage = storage
        self._piece_length = max(1, piece_length)
        self._now = now
        self._listener = listener
        self._closed = False
        self._expected: List[Check] = []
        self._queue: Deque[Check] = deque()
        self._overtaken: Set[int] = set()
        self._job_bytes = LEAST_JOB

    @property
    def pieces(self) -> int:
        """Pieces that wait for a job; at least 1 for each check that is not finished."""
        checks = (*self._expected, *self._queue)
        return sum(len(check.waiting) for check in checks) or len(checks)

    def expect(self, check: Check) -> None:
        """The check will be added as soon as the files were looked at."""
        self._expected.append(check)

    def add(self, check: Check) -> None:
        """Check these pieces after those of earlier checks; none of them if the torrent was closed meanwhile."""
        if check in self._expected:
            self._expected.remove(check)
        if self._closed:
            check.cancelled = True
            check.waiting.clear()
        self._queue.append(check)
        self._next()

    def cancel(self, check: Check) -> None:
        """Stop after the running jobs; ``done`` of the check is called all the same."""
        check.cancelled = True
        check.waiting.clear()
        self._next()

    def cancel_all(self) -> None:
        """The torrent is closed."""
        self._closed = True
        for check in list(self._queue):
            check.cancelled = True
            check.waiting.clear()
        self._next()

    def _next(self) -> None:
        while self._queue and self._queue[0].finished:
            check = self._queue.popleft()
            self._listener.check_finished(check)
            check.done(check)
        if not self._queue:
            return
        check = self._queue[0]
        piece_length, now = self._piece_length, self._now()
        while check.waiting and check.running < JOBS:
            # Smaller towards the end, so that the workers end together.
            share = len(check.waiting) * piece_length // JOBS
            count = min(MOST_PIECES, max(1, max(LEAST_JOB, min(self._job_bytes, share)) // piece_length))
            indexes = check.waiting[:count]
            del check.waiting[:count]
            check.running += 1
            size = len(indexes) * piece_length
            self._storage.check(indexes, functools.partial(self._checked, check, size, now))

    def overtake(self, indexes: Sequence[int]) -> None:
        """These pieces were written just now: a running job that read them before counts as passed for them."""
        if self._queue and self._queue[0].running:
            self._overtaken.update(indexes)

    def _checked(self, check: Check, size: int, began: float, checked: Checked) -> None:
        check.running -= 1
        took = max(self._now() - began, JOB_TIME / 100)
        self._job_bytes = min(MOST_JOB, int(size * JOB_TIME / took))
        overtaken = self._overtaken.intersection(checked.failed)
        if overtaken:
            verdicts = {index: verdict for index, verdict in checked.verdicts.items() if index not in overtaken}
            checked = checked._replace(passed=(*checked.passed, *overtaken), verdicts=verdicts)
        if not check.running:
            self._overtaken.clear()
        check.passed.extend(checked.passed)
        check.failed.extend(checked.failed)
        check.error = check.error or checked.error
        self._listener.check_progressed(check, checked)
        self._next()
