"""The reply: a result that a user's thread waits for and the network thread gives.

The rule: giving it never waits.  A ``threading.Event`` has a lock that an interrupted waiter can be left holding; here
the one lock is a latch that only the waiters acquire.
"""

from __future__ import annotations

import copy
import threading
import time
from typing import Any, Optional

from ..errors import BitTorrentError, WaitTimeout

SLICE = 0.5
"""Longest single wait: Ctrl-C cannot interrupt one on Windows before CPython 3.14 (limits §4, gh-125541)."""


class Reply:
    """A value or an error that comes later; the first one given counts."""

    __slots__ = ("__weakref__", "_done", "_error", "_latch", "_value")

    def __init__(self) -> None:
        self._latch = threading.Lock()
        self._latch.acquire()
        self._done = False
        self._value: Any = None
        self._error: Optional[BaseException] = None

    @property
    def done(self) -> bool:
        """True once there is a value or an error."""
        return self._done

    def set(self, value: Any) -> None:
        """Give the value."""
        if not self._done:
            self._value = value
            self._finish()

    def fail(self, error: BaseException) -> None:
        """Give the error that every waiter gets its own copy of."""
        if not self._done:
            self._error = error
            self._finish()

    def wait(self, timeout: Optional[float] = None) -> Any:
        """The value; raises a copy of the error, chained to it, or WaitTimeout after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._done:
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            if left <= 0:
                raise WaitTimeout(f"no answer from the network thread within {timeout:g} s")
            if self._latch.acquire(timeout=left):
                self._latch.release()
        if self._error is not None:
            raise _copied(self._error)
        return self._value

    def _finish(self) -> None:
        self._done = True
        self._latch.release()


def _copied(error: BaseException) -> BaseException:
    """The same error as a new object: raising one object again and again would make its traceback grow.

    It is chained to the original, whose traceback shows where it was raised; one that never was gives its own cause.
    """
    try:
        new = copy.copy(error)
    except Exception:
        new = BitTorrentError(f"{type(error).__name__}: {error}")
    new.__cause__ = error if error.__traceback__ is not None else error.__cause__
    return new
