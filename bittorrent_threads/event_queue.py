"""The queue a user takes events from: bounded, never blocking who puts, honest about what it dropped.

Frequent events get half of the room, so that a state change or a failure always finds some.  When even that is full
the oldest frequent event makes place, and then the oldest of all; ``Closed`` is never dropped.

One thread publishes, any number take; there is no lock.  The rule: whoever takes changes the queue in one step, and
whoever publishes expects that between any two.
"""

from __future__ import annotations

import collections
import queue
import time
from typing import Deque, Dict, List, Optional, Sequence

from .events import Closed, Event, EventsDropped, PiecePassed
from .threads.bell import Bell


class EventQueue:
    """``get``, ``get_nowait``, ``empty``, ``full``, ``qsize`` and ``maxsize`` of a ``queue.Queue`` of events.

    After the last event, ``Closed``, nothing is waited for: ``get`` raises ``queue.Empty`` at once.
    """

    def __init__(self, size: int) -> None:
        self.maxsize = max(size, 4)
        """Events that it holds besides the last."""
        self._events: Deque[Event] = collections.deque()
        self._ends: List[Deque[Event]] = []
        """The last events; the first entry counts, whoever else ends the queue at the same time."""
        self._dropped: Dict[str, int] = {}
        self._frequent = True
        """There may be a frequent event among them; to look for one each time that 20,000 come at once took seconds."""
        self._bell = Bell()

    # -- for the user ----------------------------------------------------------------------------------------------

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Event:
        """Take the next event; wait for it if ``block``, at most ``timeout`` seconds.

        Raises queue.Empty when there is none, or none will come any more, and ValueError for a negative ``timeout``.
        An interrupt in the middle may lose the event that was being taken.
        """
        event = self._take()
        if event is not None:
            return event
        if not block:
            raise queue.Empty
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            latch = self._bell.enter()
            try:
                event = self._take()
                if event is not None:
                    return event
                left = None if deadline is None else deadline - time.monotonic()
                if self.ended or not latch.wait(left):
                    raise queue.Empty
            finally:
                self._bell.leave(latch)

    def get_nowait(self) -> Event:
        """Take the next event; raises queue.Empty when there is none."""
        event = self._take()
        if event is None:
            raise queue.Empty
        return event

    def qsize(self) -> int:
        """Events that can be taken now."""
        return 0 if self.ended else len(self._events) + sum(map(len, self._ends[:1]))

    def empty(self) -> bool:
        """No event can be taken now."""
        return not self.qsize()

    def full(self) -> bool:
        """The next event is dropped, or makes another be."""
        return len(self._events) >= self.maxsize

    @property
    def ended(self) -> bool:
        """The last event was taken."""
        ends = self._ends
        return bool(ends) and not ends[0]

    def _take(self) -> Optional[Event]:
        if self._ends:
            return self._take_last()
        try:
            return self._events.popleft()
        except IndexError:
            return self._take_last() if self._ends else None

    def _take_last(self) -> Optional[Event]:
        last = self._ends[0]
        for events in (self._events, last) if last else ():
            try:
                return events.popleft()
            except IndexError:
                continue
        return None

    # -- for the library -------------------------------------------------------------------------------------------

    def publish(self, event: Event) -> None:
        """Put an event; never waits for a consumer."""
        if not self._ends:
            self._put(event)
            if self._bell:
                self._bell.ring()

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Put ``PiecePassed`` for each piece; those that find no room are counted and not made.

        A hash check of 65,536 pieces that nobody listens to is a tenth faster for it.
        """
        if self._ends:
            return
        room = max(0, self.maxsize // 2 - len(self._events))
        for index in indexes[:room]:
            self._put(PiecePassed(infohash, time, index))
        self._drop("PiecePassed", len(indexes) - room)
        if self._bell:
            self._bell.ring()

    def end(self, closed: Closed) -> None:
        """Put the last event, and refuse all others; from any thread.  The first end counts."""
        last: Deque[Event] = collections.deque()
        if self._dropped:
            last.append(self._confession(closed, dict(self._dropped)))
        last.append(closed)
        self._ends.append(last)
        self._bell.ring()

    def _put(self, event: Event) -> None:
        events = self._events
        if event.coalescing and events and self._coalesce(event):
            return
        if event.frequent and len(events) >= self.maxsize // 2:
            self._drop(type(event).__name__)
            return
        if len(events) >= self.maxsize:
            self._evict()
        if self._dropped and len(events) < self.maxsize // 2:
            dropped, self._dropped = self._dropped, {}
            events.append(self._confession(event, dropped))
        self._frequent = self._frequent or event.frequent
        events.append(event)

    def _coalesce(self, event: Event) -> bool:
        # Only the dispatcher appends: what is last stays last, unless it is taken.
        try:
            if type(self._events[-1]) is not type(event):
                return False
            self._events[-1] = event
        except IndexError:
            return False
        return True

    def _evict(self) -> None:
        events = self._events
        try:
            oldest = next((event for event in events.copy() if event.frequent), None) if self._frequent else None
            if oldest is None:
                self._frequent = False
                oldest = events.popleft()
            else:
                events.remove(oldest)
        except (IndexError, ValueError):  # somebody takes events just now, and makes room
            return
        self._drop(type(oldest).__name__)

    def _drop(self, kind: str, count: int = 1) -> None:
        if count > 0:
            self._dropped[kind] = self._dropped.get(kind, 0) + count

    @staticmethod
    def _confession(event: Event, dropped: Dict[str, int]) -> EventsDropped:
        return EventsDropped(event.infohash, event.time, sum(dropped.values()), tuple(sorted(dropped)))
