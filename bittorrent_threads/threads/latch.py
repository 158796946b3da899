"""``Latch``: an event that happens once and that threads wait for.

It replaces ``threading.Event``, whose lock an interrupt can leave acquired.  The rule: ``set`` never waits, and a
``wait`` that is interrupted leaves nothing behind that could block another thread.
"""

from __future__ import annotations

import contextlib
import time
from typing import Optional, Protocol

from ..errors import Cancelled
from .original import allocate_lock

SLICE = 0.5
"""Seconds of the longest single wait: Ctrl-C cannot interrupt a wait on Windows before CPython 3.14 (gh-125541)."""
CANCEL_SLICE = 0.1
"""Seconds until a wait notices that it is cancelled.  It polls, because notification would need another thread."""


class Cancel(Protocol):
    """A flag that cancels a wait, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Return true once the wait is cancelled."""


def check_cancel(cancel: Optional[Cancel]) -> None:
    """Check a flag that a program gives, before anything waits; raises TypeError if it is none."""
    if cancel is not None and not callable(getattr(cancel, "is_set", None)):
        raise TypeError(f"cancel must have a method is_set, as threading.Event() has, not {cancel!r}")


class Latch:
    """An event that is not set at first, and stays set after ``set``."""

    __slots__ = ("_is_set", "_lock")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()
        self._is_set = False

    @property
    def is_set(self) -> bool:
        """True after the first call of ``set``."""
        return self._is_set

    def set(self) -> None:
        """Wake every thread that waits, and let later waits return at once."""
        if not self._is_set:
            self._is_set = True
            self._release()

    def wait(self, timeout: Optional[float] = None, cancel: Optional[Cancel] = None) -> bool:
        """Wait until the latch is set.

        Args:
            timeout: Seconds to wait at most; None waits without limit.
            cancel: A flag that ends the wait when it is set.

        Returns:
            True if the latch is set, false after ``timeout``.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        most = SLICE if cancel is None else CANCEL_SLICE
        while not self._is_set:
            if cancel is not None and cancel.is_set():
                raise Cancelled()
            left = most if deadline is None else min(most, deadline - time.monotonic())
            if left <= 0:
                return False
            # An interrupt between these two calls leaves the lock acquired: other waits end with their slice.
            if self._lock.acquire(timeout=left):
                self._release()
        return True

    def _release(self) -> None:
        with contextlib.suppress(RuntimeError):  # released by another thread at the same time
            self._lock.release()
