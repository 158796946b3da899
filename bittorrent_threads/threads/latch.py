"""``Latch``: what one thread waits for and another lets happen, once.

The rule: ``set`` never waits, and an interrupted ``wait`` leaves nothing that could make another thread wait.
"""

from __future__ import annotations

import contextlib
import time
from typing import Optional, Protocol

from ..errors import Cancelled
from .original import allocate_lock

SLICE = 0.5
"""Longest single wait: Ctrl-C cannot interrupt one on Windows before CPython 3.14 (gh-125541)."""


CANCEL_SLICE = 0.1
"""Longest time until a wait sees that it is cancelled.  To look costs 2 µs, to be told would cost another thread."""


class Cancel(Protocol):
    """A ``threading.Event``, or anything that is set once a wait is to be given up."""

    def is_set(self) -> bool:
        """Whether it is."""


class Latch:
    """Closed until ``set``, then open for good."""

    __slots__ = ("_lock", "_open")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()
        self._open = False

    @property
    def is_set(self) -> bool:
        """``set`` was called."""
        return self._open

    def set(self) -> None:
        """Let everybody pass who waits, or will."""
        if not self._open:
            self._open = True
            self._release()

    def wait(self, timeout: Optional[float] = None, cancel: Optional[Cancel] = None) -> bool:
        """Wait until it is set, at most ``timeout`` seconds; whether it is.

        Raises Cancelled once ``cancel`` is set.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        most = SLICE if cancel is None else CANCEL_SLICE
        while not self._open:
            if cancel is not None and cancel.is_set():
                raise Cancelled()
            left = most if deadline is None else min(most, deadline - time.monotonic())
            if left <= 0:
                return False
            # An interrupt in here may keep the lock: whoever else waits sees at the end of a slice that it is open.
            if self._lock.acquire(timeout=left):
                self._release()
        return True

    def _release(self) -> None:
        with contextlib.suppress(RuntimeError):  # two threads set it at once
            self._lock.release()
