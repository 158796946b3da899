"""``Waiters``: the threads that wait for a change; each change wakes all of them.

A thread adds a latch, then checks whether the change has already happened, and then waits for the latch.  It cannot
miss a change between the check and the wait, because that change sets the latch.

The rule: ``wake`` never waits.  It removes the latches that it sets, so that a wait which was interrupted before it
could remove its latch leaves that latch in the list until the next ``wake``, and nothing else.
"""

from __future__ import annotations

import collections
import contextlib
from typing import Deque, Optional

from .latch import Latch


class Waiters:
    """The latches of the threads that wait for the next change; false while there are none."""

    __slots__ = ("_latches",)

    def __init__(self) -> None:
        self._latches: Deque[Latch] = collections.deque()

    def __bool__(self) -> bool:
        return bool(self._latches)

    def add(self, latch: Optional[Latch] = None) -> Latch:
        """Return a latch that the next ``wake`` sets: the given one, or a new one."""
        added = Latch() if latch is None else latch
        self._latches.append(added)
        return added

    def remove(self, latch: Latch) -> None:
        """Remove a latch that is no longer waited for; does nothing if ``wake`` has removed it."""
        with contextlib.suppress(ValueError, IndexError):  # removed by ``wake``, now or earlier
            self._latches.remove(latch)

    def wake(self) -> None:
        """Set every latch that has been added."""
        latches = self._latches
        for _ in range(len(latches)):
            try:
                latch = latches.popleft()
            except IndexError:  # another thread removes latches at the same time
                return
            latch.set()
