"""``Bell``: wakes all who wait for a change.

Who waits enters first, looks whether the change has come already, and waits then; so no ring is missed.  The rule:
``ring`` never waits, and takes away what it has woken: of a wait that was interrupted at a bad moment an entry is left
until the next ring, and nothing else.
"""

from __future__ import annotations

import collections
import contextlib
from typing import Deque

from .latch import Latch


class Bell:
    """False while nobody waits, so that a ring that nobody hears costs nothing."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: Deque[Latch] = collections.deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def enter(self) -> Latch:
        """A latch that the next ring sets."""
        latch = Latch()
        self._waiting.append(latch)
        return latch

    def leave(self, latch: Latch) -> None:
        """Wait no more; harmless after the ring."""
        with contextlib.suppress(ValueError, IndexError):  # the ring took it, or takes another just now
            self._waiting.remove(latch)

    def ring(self) -> None:
        """Wake everybody who has entered."""
        waiting = self._waiting
        for _ in range(len(waiting)):
            try:
                latch = waiting.popleft()
            except IndexError:
                return
            latch.set()
