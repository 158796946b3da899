"""``Timers``: calls that are due at a later time.

They are kept in a heap.  The rule: a cancelled timer stays in the heap until it is due, or until more than half of the
heap is cancelled; then the heap is built anew.  So the many short-lived timers of a connection do not pile up, and
``cancel`` does not search.
"""

from __future__ import annotations

import heapq
from typing import Callable, List, Optional, Tuple

_SMALL = 64
"""Cancelled timers below which the heap is not built anew."""


class Timer:
    """One call."""

    __slots__ = ("_callback", "_timers")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers: Optional[Timers] = timers
        self._callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        """Drop the call; does nothing if it was made or cancelled already."""
        timers, self._timers = self._timers, None
        self._callback = None
        if timers is not None:
            timers.count_cancelled()

    @property
    def active(self) -> bool:
        """True until the call is made or cancelled."""
        return self._callback is not None

    def fire(self) -> None:
        """Make the call, unless it was cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def detach(self) -> None:
        """Forget the heap, which does not contain the timer any more."""
        self._timers = None


class Timers:
    """The timers of a loop, ordered by time and then by creation."""

    def __init__(self) -> None:
        self._heap: List[Tuple[float, int, Timer]] = []
        self._created = 0
        self._cancelled = 0
        """Cancelled timers in the heap."""

    def __len__(self) -> int:
        """Return the number of timers in the heap, of which some may be cancelled."""
        return len(self._heap)

    def add(self, when: float, callback: Callable[[], None]) -> Timer:
        """Add a call.

        Args:
            when: The time at which it is due, on the clock that ``due`` is called with.
            callback: The call.
        """
        timer = Timer(self, callback)
        self._created += 1
        heapq.heappush(self._heap, (when, self._created, timer))
        return timer

    def next_due(self) -> Optional[float]:
        """Return the time at which the first timer is due; None if there is no timer."""
        heap = self._heap
        while heap and not heap[0][2].active:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def due(self, now: float) -> List[Callable[[], None]]:
        """Remove and return the calls that are due; a call may cancel a later one of the list."""
        heap = self._heap
        calls: List[Callable[[], None]] = []
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            if timer.active:
                timer.detach()
                calls.append(timer.fire)
            else:
                self._cancelled -= 1
        return calls

    def count_cancelled(self) -> None:
        """Count a timer in the heap as cancelled, and build the heap anew if most of it is."""
        self._cancelled += 1
        if self._cancelled > _SMALL and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].active]
            heapq.heapify(self._heap)
            self._cancelled = 0
