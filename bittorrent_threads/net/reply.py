"""The reply: a result that a user's thread waits for and the network thread gives.

The rule: giving it never waits (``threads.latch``).
"""

from __future__ import annotations

import copy
from typing import Any, Optional

from ..errors import BitTorrentError, WaitTimeout
from ..threads.latch import Cancel, Latch


class Reply:
    """A value or an error that comes later; the first one given counts."""

    __slots__ = ("__weakref__", "_error", "_latch", "_value")

    def __init__(self) -> None:
        self._latch = Latch()
        self._value: Any = None
        self._error: Optional[BaseException] = None

    @property
    def done(self) -> bool:
        """True once there is a value or an error."""
        return self._latch.is_set

    def set(self, value: Any) -> None:
        """Give the value."""
        if not self.done:
            self._value = value
            self._latch.set()

    def fail(self, error: BaseException) -> None:
        """Give the error that every waiter gets its own copy of."""
        if not self.done:
            self._error = error
            self._latch.set()

    def wait(self, timeout: Optional[float] = None, cancel: Optional[Cancel] = None) -> Any:
        """The value; raises a copy of the error, chained to it, or WaitTimeout after ``timeout`` seconds.

        Raises Cancelled once ``cancel`` is set.
        """
        if not self._latch.wait(timeout, cancel):
            raise WaitTimeout(f"no answer from the network thread within {timeout:g} s")
        if self._error is not None:
            raise _copied(self._error)
        return self._value


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
