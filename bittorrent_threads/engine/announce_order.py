"""``AnnounceOrder``: HTTP announces of one torrent reach a tracker in the order in which they are made.

Two of them are made by two threads, and the second may overtake the first.  A tracker that gets ``stopped`` before
``started`` or ``completed`` goes on naming a peer that is gone; and a session ends with the answer to ``stopped``,
before which a ``completed`` behind it is cut off.

The rule: an announce waits for the one before it at most half of its own time, and then is made in any case.
"""

from __future__ import annotations

import functools
from collections import deque
from typing import Any, Callable, Deque, Dict, Hashable, Protocol

Make = Callable[[float], None]
"""Makes an announce that has so many seconds."""


class Clock(Protocol):
    """The part of the network that is used."""

    def now(self) -> float:
        """Return the time of the monotonic clock, in seconds."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Call once, so many seconds from now on; the result has a ``cancel``."""


class _Waiting:
    """An announce that is not made yet."""

    def __init__(self, make: Make, deadline: float) -> None:
        self.make = make
        self.deadline = deadline
        self.timer: Any = None
        """Makes it, and those before it, in any case."""


class _Line:
    """The announces of one torrent to one tracker."""

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: Deque[_Waiting] = deque()


class AnnounceOrder:
    """The announces that are under way, and those that wait for them.

    Args:
        clock: Tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: Dict[Hashable, _Line] = {}

    def add(self, key: Hashable, make: Make, timeout: float) -> None:
        """Make an announce after those before it.

        Args:
            key: What it has in common with those before it: the torrent and the tracker.
            make: Makes it; called once, at once if none is under way.  ``ended`` is to be called for it.
            timeout: Seconds that it has from now on.
        """
        line = self._lines.setdefault(key, _Line())
        if not line.under_way:
            line.under_way = 1
            make(timeout)
            return
        waiting = _Waiting(make, self._clock.now() + timeout)
        waiting.timer = self._clock.call_later(timeout / 2, functools.partial(self._overdue, line, waiting))
        line.waiting.append(waiting)

    def ended(self, key: Hashable) -> None:
        """Record that an announce was answered, or failed."""
        line = self._lines[key]
        line.under_way -= 1
        if not line.under_way:
            if line.waiting:
                self._make_next(line)
            else:
                del self._lines[key]

    def _overdue(self, line: _Line, last: _Waiting) -> None:
        while self._make_next(line) is not last:
            pass

    def _make_next(self, line: _Line) -> _Waiting:
        waiting = line.waiting.popleft()
        waiting.timer.cancel()
        line.under_way += 1
        waiting.make(max(0.0, waiting.deadline - self._clock.now()))
        return waiting
