"""``Mailbox``: callbacks that other threads want called on the network thread.

It is a deque and a wake-up, without a lock: a signal handler may call ``post``, and so may the garbage collector in the
middle of another ``post``.  The rule: a callback is called, returned by ``close``, or refused with an error; none is
lost without a trace.
"""

from __future__ import annotations

import collections
from typing import Callable, Deque, List, Optional

from ..errors import SessionClosed

Callback = Callable[[], None]


class Mailbox:
    """Callbacks that wait for the network thread; ``wake`` is called after each ``post``."""

    def __init__(self, wake: Callback) -> None:
        self._wake = wake
        self._callbacks: Deque[Callback] = collections.deque()
        self._reason = ""
        self._cause: Optional[BaseException] = None

    def __len__(self) -> int:
        return len(self._callbacks)

    @property
    def closed(self) -> bool:
        """True after ``close``: every ``post`` is refused."""
        return bool(self._reason)

    def post(self, callback: Callback) -> None:
        """Queue a callback; from any thread.

        Raises:
            SessionClosed: The mailbox is closed.
        """
        if self._reason:
            raise self.refusal()
        self._callbacks.append(callback)
        if self._reason and self._withdraw(callback):
            raise self.refusal()
        self._wake()

    def take(self, limit: int) -> List[Callback]:
        """Remove and return the oldest callbacks, at most ``limit``."""
        callbacks = self._callbacks
        return [callbacks.popleft() for _ in range(min(len(callbacks), limit))]

    def close(self, reason: str, cause: Optional[BaseException] = None) -> List[Callback]:
        """Refuse callbacks from now on, and return those that are queued; a second call changes nothing.

        Args:
            reason: The text of the error that ``post`` raises.
            cause: The cause of that error, if there is one.
        """
        if not self._reason:
            self._cause = cause
            self._reason = reason
        return self.take(len(self._callbacks))

    def refusal(self) -> SessionClosed:
        """Return a new error that tells why the mailbox is closed."""
        error = SessionClosed(self._reason)
        error.__cause__ = self._cause
        return error

    def _withdraw(self, callback: Callback) -> bool:
        """Remove a callback that was added while the mailbox closed; false if ``close`` has returned it already."""
        while True:
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return False
            except IndexError:  # another thread changed the deque during the search
                continue
            return True
