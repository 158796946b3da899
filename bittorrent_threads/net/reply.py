"""``Reply``: a result that a user's thread waits for and the network thread gives.

The rule: ``set`` and ``fail`` never wait (see ``threads.latch``).
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
        """Give an error, of which each waiting thread raises a copy."""
        if not self.done:
            self._error = error
            self._latch.set()

    def wait(self, timeout: Optional[float] = None, cancel: Optional[Cancel] = None) -> Any:
        """Wait for the value.

        Args:
            timeout: Seconds to wait at most; None waits without limit.
            cancel: A flag that ends the wait when it is set.

        Returns:
            The value.

        Raises:
            WaitTimeout: There was no value after ``timeout`` seconds.
            Cancelled: ``cancel`` was set.
            BaseException: A copy of the error that was given.
        """
        if not self._latch.wait(timeout, cancel):
            raise WaitTimeout(f"no answer from the network thread within {timeout:g} s")
        if self._error is not None:
            raise _copied(self._error)
        return self._value


def _copied(error: BaseException) -> BaseException:
    """Return the error as a new object, because each time that one object is raised its traceback grows.

    The copy is chained to the original, whose traceback shows where it was raised.  If the original was never raised,
    the copy has the cause of the original.
    """
    try:
        new = copy.copy(error)
    except Exception:
        new = BitTorrentError(f"{type(error).__name__}: {error}")
    new.__cause__ = error if error.__traceback__ is not None else error.__cause__
    return new
