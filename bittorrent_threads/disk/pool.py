"""``Pool``: worker threads and the jobs that wait for them.

The rule: every job that ``submit`` took is answered exactly once, by ``post(partial(deliver, outcome))``: with its
value, with the exception it raised, or with ``SessionClosed`` if the pool closed before its turn.  A worker dies of
nothing but ``close``.

A job is in the foreground (a peer waits for a read, a buffer for being written) or in the background (hash checks,
syncs: long, and nobody waits).  Background jobs are taken when no other waits, never by the last free worker, and one
after every ``PATIENCE`` others at least, so that a busy swarm delays them but cannot stop them.
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

PATIENCE = 16
"""Foreground jobs that may overtake a background job which could begin."""

T = TypeVar("T")


class Outcome(Generic[T]):
    """What became of a job: a value, or the exception it raised."""

    __slots__ = ("_value", "error")

    def __init__(self, value: Optional[T] = None, error: Optional[BaseException] = None) -> None:
        self._value = value
        self.error = error

    def value(self, rescue: Callable[[BaseException], T]) -> T:
        """What the job returned, or what ``rescue`` makes of the exception."""
        if self.error is not None:
            return rescue(self.error)
        return self._value  # type: ignore[return-value]


class _Task(NamedTuple):
    job: Callable[[], Any]
    deliver: Callable[[Outcome[Any]], None]
    background: bool


class Pool:
    """Daemon threads ``<name>-1`` ... that run jobs, all started by ``start``.

    ``post`` has a callback made on the network thread; it may raise ``SessionClosed`` when that is gone, and then
    nobody is left to be answered.  ``finish`` is called once, by the last worker to end.  One lock guards the two
    queues and what goes with them; a worker without work waits for something in ``_wake``.  Of the methods only
    ``join`` is for a user's thread, which may be interrupted: the others take the lock.
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
        self._foreground: Deque[_Task] = deque()
        self._background: Deque[_Task] = deque()
        self._background_room = max(1, threads - 1)
        self._overtaken = 0
        self._working = threads
        self._closed = False
        self._process = os.getpid()

    @property
    def waiting(self) -> int:
        """Jobs that have not begun.  Who submits bounds them; there is no other limit."""
        return len(self._foreground) + len(self._background)

    def start(self) -> None:
        """Start every thread; none is ever started later.  Raises ThreadError."""
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], T], deliver: Callable[[Outcome[T]], None], *, background: bool = False) -> None:
        """Have ``job`` run by a worker; raises :class:`SessionClosed` after ``close``, and in a fork of the process."""
        if os.getpid() != self._process:
            raise SessionClosed("the session belongs to the parent process")
        with self._lock:
            if self._closed:
                raise SessionClosed()
            (self._background if background else self._foreground).append(_Task(job, deliver, background))
            # Without room, who makes room looks for it; to be woken for nothing makes the others wait for the GIL.
            ready = not background or self._background_room > 0
        if ready:
            self._wake.put(None)

    def close(self, timeout: float = 0.0) -> bool:
        """Take no more jobs, and wait for those that have begun; the others are answered with ``SessionClosed``.

        Returns whether every worker ended within ``timeout`` seconds.  Idempotent; does nothing in a fork.
        """
        if os.getpid() != self._process:
            return True
        with self._lock:
            again, self._closed = self._closed, True
            dropped = [*self._foreground, *self._background]
            self._foreground.clear()
            self._background.clear()
        for thread in () if again else self._threads:
            if thread.cancel():  # the system refused it: another has failed to start before
                self._end()
            else:
                self._wake.put(None)
        for task in dropped:
            self._answer(task, Outcome(error=SessionClosed()))
        return self.join(timeout)

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the workers to end; whether all did."""
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
            if self._foreground and not (ready and self._overtaken >= PATIENCE):
                self._overtaken += ready
                return self._foreground.popleft()
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
        del job  # the frames of the traceback lead back to this one
        _let_go(error)
        return Outcome(error=error)


def _let_go(error: BaseException) -> None:
    # Keep the lines of the traceback, not the variables: they hold buffers that go back into use.
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next  # our own frame, which still runs
    link: Optional[BaseException] = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
