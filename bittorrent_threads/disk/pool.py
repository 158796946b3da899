"""``Pool``: worker threads, and the jobs that wait for them.

The rule: every job that ``submit`` accepted has exactly one outcome, passed on by ``post(partial(deliver, outcome))``:
its value, the exception that it raised, or ``SessionClosed`` if the pool closed before it began.  Only ``close`` ends a
worker.

A job is in the foreground (a peer waits for a read, a buffer waits to be written) or in the background (hash checks and
syncs).  An urgent job, for which a thread of the program waits, begins before the foreground jobs that wait, in turns
with them.  A background job begins when no other job waits, and never on the last free worker; at least one begins
after every ``MAX_OVERTAKEN`` others.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from _queue import SimpleQueue
from collections import deque
from functools import partial
from typing import Any, Callable, Deque, Generic, NamedTuple, Optional, TypeVar

from ..errors import SessionClosed
from ..threads.original import allocate_lock
from ..threads.thread import Thread

MAX_OVERTAKEN = 16
"""Foreground jobs that may begin before a background job that could begin."""

T = TypeVar("T")


class Outcome(Generic[T]):
    """The result of a job: a value, or the exception that it raised."""

    __slots__ = ("_value", "error")

    def __init__(self, value: Optional[T] = None, error: Optional[BaseException] = None) -> None:
        self._value = value
        self.error = error

    def value(self, rescue: Callable[[BaseException], T]) -> T:
        """Return the value of the job, or the result of ``rescue`` for its exception."""
        if self.error is not None:
            return rescue(self.error)
        return self._value  # type: ignore[return-value]


class _Task(NamedTuple):
    job: Callable[[], Any]
    deliver: Callable[[Outcome[Any]], None]
    background: bool


class Pool:
    """Daemon threads that run jobs, all started by ``start``.

    One lock guards the two queues and their counters; an idle worker waits for an item of ``_wake``.  ``join`` alone
    may be called from a user's thread, which Ctrl-C may interrupt, as the other methods take the lock.

    Args:
        threads: Number of threads.
        post: Schedules a callback on the network thread; raises ``SessionClosed`` if that has ended.
        name: The threads are named ``<name>-1`` and so on.
        finish: Called once, by the last worker that ends.
    """

    def __init__(
        self,
        threads: int,
        post: Callable[[Callable[[], None]], None],
        name: str = "bittorrent-disk",
        *,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._post = post
        self._finish = finish
        self._threads = [Thread(self._work, f"{name}-{number}") for number in range(1, threads + 1)]
        self._lock = allocate_lock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._urgent: Deque[_Task] = deque()
        self._urgent_last = False
        """Whether the job in the foreground that began last was urgent."""
        self._foreground: Deque[_Task] = deque()
        self._background: Deque[_Task] = deque()
        self._background_room = max(1, threads - 1)
        self._overtaken = 0
        self._working = threads
        self._closed = False
        self._process = os.getpid()

    @property
    def waiting(self) -> int:
        """Jobs that have not begun.  The callers of ``submit`` limit them."""
        return len(self._urgent) + len(self._foreground) + len(self._background)

    def start(self) -> None:
        """Start every thread; none is started later.

        Raises:
            ThreadError: The system started no thread.
        """
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        job: Callable[[], T],
        deliver: Callable[[Outcome[T]], None],
        *,
        background: bool = False,
        urgent: bool = False,
    ) -> None:
        """Run a job on a worker.

        Args:
            job: The job.
            deliver: Called with the outcome.
            background: Whether the job may wait for all others.
            urgent: Whether a thread of the program waits for the job.

        Raises:
            SessionClosed: The pool is closed, or this is a fork of its process.
        """
        if os.getpid() != self._process:
            raise SessionClosed("the session belongs to the parent process")
        with self._lock:
            if self._closed:
                raise SessionClosed()
            queue = self._urgent if urgent else self._background if background else self._foreground
            queue.append(_Task(job, deliver, background))
            # Without room, the next background job to end begins this one; a needless wake-up costs GIL switches.
            ready = not background or self._background_room > 0
        if ready:
            self._wake.put(None)

    def close(self, timeout: float = 0.0) -> bool:
        """Refuse new jobs and drop those that have not begun; may be called again, does nothing in a fork.

        Args:
            timeout: Seconds to wait for the workers.

        Returns:
            Whether every worker ended.
        """
        if os.getpid() != self._process:
            return True
        with self._lock:
            again, self._closed = self._closed, True
            dropped = [*self._urgent, *self._foreground, *self._background]
            for queue in (self._urgent, self._foreground, self._background):
                queue.clear()
        for thread in () if again else self._threads:
            if thread.cancel():  # it was never started, as the system refused
                self._end()
            else:
                self._wake.put(None)
        for task in dropped:
            self._answer(task, Outcome(error=SessionClosed()))
        return self.join(timeout)

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the workers to end; return whether all did."""
        deadline = time.monotonic() + timeout
        return all([thread.join(max(0.0, deadline - time.monotonic())) for thread in self._threads])

    def _work(self) -> None:
        while not self._closed:
            self._wake.get()
            background = False
            while True:
                task = self._take(after_background=background)
                if task is None:
                    break
                background = task.background
                self._answer(task, _run(task.job))
        self._end()

    def _end(self) -> None:
        with self._lock:
            self._working -= 1
            last = not self._working
        if last:
            self._finish()

    def _take(self, *, after_background: bool) -> Optional[_Task]:
        with self._lock:
            self._background_room += after_background
            if self._closed:
                return None
            ready = bool(self._background and self._background_room)
            if (self._urgent or self._foreground) and not (ready and self._overtaken >= MAX_OVERTAKEN):
                self._overtaken += ready
                self._urgent_last = bool(self._urgent) and not (self._urgent_last and self._foreground)
                return (self._urgent if self._urgent_last else self._foreground).popleft()
            if not ready:
                return None
            self._overtaken = 0
            self._background_room -= 1
            return self._background.popleft()

    def _answer(self, task: _Task, outcome: Outcome[Any]) -> None:
        with contextlib.suppress(SessionClosed):
            self._post(partial(task.deliver, outcome))


def _run(job: Callable[[], T]) -> Outcome[T]:
    try:
        return Outcome(job())
    except BaseException as error:
        del job  # the traceback refers to this frame
        _let_go(error)
        return Outcome(error=error)


def _let_go(error: BaseException) -> None:
    # Keep the lines of the traceback, not the variables: they refer to buffers that are used again.
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next  # without this frame, which still runs
    link: Optional[BaseException] = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
