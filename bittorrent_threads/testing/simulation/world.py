"""``World``: virtual time, with one clock, one heap of events and one source of chance for all that is simulated.

The rule: nothing in a simulation reads a clock, sleeps, or draws from any chance but ``World.random``, so that the same
seed gives the same run; ``World.digest`` is equal for equal runs and ``World.violations`` lists every rule of
``engine.interfaces`` that was broken.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from typing import Callable, List, Optional, Tuple, Union

Until = Union[float, Callable[[], bool]]


class Stuck(AssertionError):
    """A condition did not become true: no event is left, or a limit of time or events was reached."""


class Event:
    """A call at a point of virtual time."""

    __slots__ = ("callback", "time")

    def __init__(self, time: float, callback: Callable[[], None]) -> None:
        self.time = time
        self.callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        """Drop the call; does nothing if it was made or cancelled already."""
        self.callback = None


class World:
    """Virtual time from 0 on, in seconds."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self.events = 0
        """Number of events so far."""
        self.violations: List[str] = []
        self._heap: List[Tuple[float, int, Event]] = []
        self._order = 0
        self._trace = hashlib.sha1()

    def after(self, delay: float, callback: Callable[[], None]) -> Event:
        """Call ``delay`` seconds from now."""
        return self.at(self.now + delay, callback)

    def at(self, time: float, callback: Callable[[], None]) -> Event:
        """Call at ``time``; calls due at the same time are made in the order in which they were scheduled."""
        event = Event(max(self.now, time), callback)
        self._order += 1
        heapq.heappush(self._heap, (event.time, self._order, event))
        return event

    def note(self, what: str) -> None:
        """Add a line to the trace that ``digest`` sums up."""
        self._trace.update(f"{self.now!r} {what}\n".encode())

    def violate(self, what: str) -> None:
        """Record that a rule of ``engine.interfaces`` was broken."""
        self.violations.append(f"at {self.now:.6f}: {what}")

    @property
    def digest(self) -> str:
        """The hash of the trace so far: equal for equal runs."""
        return self._trace.hexdigest()

    def run(self, until: Until, limit: float = 86400.0, limit_events: int = 5_000_000) -> None:
        """Run events until a point of virtual time, or until a condition holds.

        A condition is looked at before the first event and after each.  Raises Stuck when it does not hold after
        ``limit`` seconds of virtual time or ``limit_events`` events, or when no event is left.
        """
        condition = until if callable(until) else None
        end = self.now + limit if callable(until) else until
        last_event = self.events + limit_events
        heap = self._heap
        while condition is None or not condition():
            while heap and heap[0][2].callback is None:
                heapq.heappop(heap)
            if not heap or heap[0][0] > end:
                break
            if self.events >= last_event:
                raise Stuck(f"the limit of {limit_events} events was reached at {self.now:.3f} s")
            self.now, _, event = heapq.heappop(heap)
            callback, event.callback = event.callback, None
            self.events += 1
            if callback is not None:
                callback()
        else:
            return
        if condition is None:
            self.now = max(self.now, end)
        elif heap:
            raise Stuck(f"nothing came of it in {limit:.0f} virtual seconds")
        else:
            raise Stuck(f"no event is left at {self.now:.3f} s")
