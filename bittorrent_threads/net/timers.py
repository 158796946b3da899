"""Timers: calls that are due later.

A heap.  The rule: a cancelled timer stays in the heap until it is due or until cancelled ones are the larger half;
then the heap is built anew, so that a connection's many short-lived timers can neither pile up nor cost a search.
"""

from __future__ import annotations

import heapq
from typing import Callable, List, Optional, Tuple

_SMALL = 64
"""Entries below which nothing is gained by building the heap anew."""


class Timer:
    """One call; ``cancel`` forgets it."""

    __slots__ = ("_callback", "_timers")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers: Optional[Timers] = timers
        self._callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        """Forget the call; harmless when it was made or cancelled already."""
        timers, self._timers = self._timers, None
        self._callback = None
        if timers is not None:
            timers.cancelled()

    @property
    def active(self) -> bool:
        """True until the call is made or cancelled."""
        return self._callback is not None

    def fire(self) -> None:
        """Make the call, unless it was cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def leave(self) -> None:
        """The timer left the heap."""
        self._timers = None


class Timers:
    """All timers of a loop, by time and then by the order of their making."""

    def __init__(self) -> None:
        self._heap: List[Tuple[float, int, Timer]] = []
        self._made = 0
        self._dead = 0

    def __len__(self) -> int:
        """Entries in the heap, some cancelled."""
        return len(self._heap)

    def add(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call at ``when``, on the clock that ``due`` is asked with."""
        timer = Timer(self, callback)
        self._made += 1
        heapq.heappush(self._heap, (when, self._made, timer))
        return timer

    def next_due(self) -> Optional[float]:
        """When the first timer is due; None without any."""
        heap = self._heap
        while heap and not heap[0][2].active:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def due(self, now: float) -> List[Callable[[], None]]:
        """Take out the calls due by ``now``; one that cancels another of them is obeyed."""
        heap = self._heap
        calls: List[Callable[[], None]] = []
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            if timer.active:
                timer.leave()
                calls.append(timer.fire)
            else:
                self._dead -= 1
        return calls

    def cancelled(self) -> None:
        """A timer in the heap was cancelled."""
        self._dead += 1
        if self._dead > _SMALL and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].active]
            heapq.heapify(self._heap)
            self._dead = 0
