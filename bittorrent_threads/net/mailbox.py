"""The mailbox: callbacks that other threads want made on the network thread.

A deque and a wake-up, no lock: ``post`` may be called by a signal handler, or by the collector in the middle of
another ``post``.  The rule: a callback is made, handed back by ``close``, or refused with an error; it never vanishes.
"""

from __future__ import annotations

import collections
from typing import Callable, Deque, List, Optional

from ..errors import SessionClosed

Callback = Callable[[], None]


class Mailbox:
    """Callbacks waiting for the network thread; ``wake`` is called after each."""

    def __init__(self, wake: Callback) -> None:
        self._wake = wake
        self._callbacks: Deque[Callback] = collections.deque()
        self._reason = ""
        self._cause: Optional[BaseException] = None

    def __len__(self) -> int:
        return len(self._callbacks)

    @property
    def closed(self) -> bool:
        """True once every ``post`` is refused."""
        return bool(self._reason)

    def post(self, callback: Callback) -> None:
        """Queue ``callback``; from any thread.  Raises SessionClosed after ``close``."""
        if self._reason:
            raise self.refusal()
        self._callbacks.append(callback)
        if self._reason and self._withdraw(callback):
            raise self.refusal()
        self._wake()

    def take(self, limit: int) -> List[Callback]:
        """The next callbacks in the order of their posting, at most ``limit``."""
        callbacks = self._callbacks
        return [callbacks.popleft() for _ in range(min(len(callbacks), limit))]

    def close(self, reason: str, cause: Optional[BaseException] = None) -> List[Callback]:
        """Refuse from now on, because of ``reason``, and hand back what is queued.  A second call changes nothing."""
        if not self._reason:
            self._cause = cause
            self._reason = reason
        return self.take(len(self._callbacks))

    def refusal(self) -> SessionClosed:
        """A new error that says why the mailbox is closed."""
        error = SessionClosed(self._reason)
        error.__cause__ = self._cause
        return error

    def _withdraw(self, callback: Callback) -> bool:
        """Take back a callback that came in while the mailbox closed; false when ``close`` handed it back already."""
        while True:
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return False
            except IndexError:  # another thread withdrew its own meanwhile
                continue
            return True
