"""The bounded queue of the events of a client.

Publishing never waits.  Frequent events are dropped while half of the queue is full, so that state changes and failures
have room.  When the queue is full, the oldest frequent event is dropped, or else the oldest event.  ``Closed`` is never
dropped.

One thread publishes, any number of threads take, and there is no lock, as an interrupt could leave it held.  A taker
changes the queue by one atomic operation, and the publisher allows for that between any two of its own.
"""

from __future__ import annotations

import collections
import queue
import time
from typing import Callable, Deque, Dict, List, Optional, Sequence

from .events import Closed, Event, EventsDropped, FileCompleted, PiecePassed
from .net.readiness import Readiness
from .threads.waiters import Waiters


class EventQueue:
    """A queue of events with the getting half of ``queue.Queue``.

    After the last event, ``Closed``, ``get`` raises ``queue.Empty`` at once.
    """

    def __init__(self, size: int) -> None:
        self.maxsize = max(size, 4)
        """Most events in the queue, besides the last one."""
        self._events: Deque[Event] = collections.deque()
        self._ends: List[Deque[Event]] = []
        """The last events.  Two threads may end the queue at once: only the first entry counts."""
        self._dropped: Dict[str, int] = {}
        self._frequent = True
        """There may be a frequent event in the queue; a full queue without one is not searched again."""
        self._waiters = Waiters()
        self._readiness: List[Readiness] = []
        """Made by the first ``fileno``.  Two threads may make one at once: only the first entry counts."""

    # -- for the user ----------------------------------------------------------------------------------------------

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Event:
        """Take the next event.

        An interrupt may lose the event that was being taken.

        Args:
            block: Wait until there is an event.
            timeout: Most seconds to wait; None for no limit.

        Raises:
            queue.Empty: If there is no event, or no event will come any more.
            ValueError: If ``timeout`` is negative.
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
            latch = self._waiters.add()
            try:
                event = self._take()
                if event is not None:
                    return event
                left = None if deadline is None else deadline - time.monotonic()
                if self.ended or not latch.wait(left):
                    raise queue.Empty
            finally:
                self._waiters.remove(latch)

    def get_nowait(self) -> Event:
        """Take the next event without waiting.

        Raises:
            queue.Empty: If there is no event.
        """
        event = self._take()
        if event is None:
            raise queue.Empty
        return event

    def qsize(self) -> int:
        """Return the number of events that can be taken now."""
        return 0 if self.ended else len(self._events) + sum(map(len, self._ends[:1]))

    def empty(self) -> bool:
        """Return whether no event can be taken now."""
        return not self.qsize()

    def full(self) -> bool:
        """Return whether the queue is full, so that the next event replaces another or is dropped."""
        return len(self._events) >= self.maxsize

    def fileno(self) -> int:
        """Return the number of a descriptor that is readable while events can be taken, and always after the end.

        It is for event loops: ``select``, ``selectors``, and those of toolkits.  Do not read from it; take the events.
        It is made by the first call, and is closed when the queue is garbage-collected.

        Raises:
            OSError: If the system has no descriptor left.
        """
        if not self._readiness:
            events, ends = self._events, self._ends  # not the queue, which would be in a cycle of references
            self._readiness.append(Readiness(lambda: bool(events or ends)))
            self._signal()
        return self._readiness[0].fileno()

    @property
    def ended(self) -> bool:
        """The last event was taken."""
        ends = self._ends
        return bool(ends) and not ends[0]

    def _take(self) -> Optional[Event]:
        event = self._pop()
        if self._readiness and not self._events:
            self._readiness[0].lowered()
        return event

    def _pop(self) -> Optional[Event]:
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
        """Put an event into the queue.

        Args:
            event: The event; it may be dropped, or replace an older one.
        """
        if not self._ends:
            self._put(event)
            self._signal()

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Put ``PiecePassed`` for each piece.

        Events for which there is no room are counted and not made: a hash check of 65,536 pieces is a tenth faster for
        it.

        Args:
            infohash: Infohash of the torrent, 20 bytes.
            time: Time of the events, in seconds since 1970.
            indexes: Indexes of the pieces.
        """
        if self._ends:
            return
        room = max(0, self.maxsize // 2 - len(self._events))
        for index in indexes[:room]:
            self._put(PiecePassed(infohash, time, index))
        self._drop("PiecePassed", len(indexes) - room)
        self._signal()

    def publish_files(self, infohash: bytes, time: float, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Put ``FileCompleted`` for each file.

        If no thread waits for events, those that later ones would replace are counted and not made: a hash check
        completes 20,000 files at once.

        Args:
            infohash: Infohash of the torrent, 20 bytes.
            time: Time of the events, in seconds since 1970.
            files: Indexes of the files.
            path: Returns the absolute path of a file.
        """
        if self._ends:
            return
        replaced = 0 if self._waiters else max(0, len(files) - self.maxsize)
        for index in files[replaced:]:
            self._put(FileCompleted(infohash, time, index, path(index)))
        self._drop("FileCompleted", replaced)
        self._signal()

    def end(self, closed: Closed) -> None:
        """Put the last event, and accept no other; may be called in any thread, and only the first call counts.

        Args:
            closed: The last event.
        """
        last: Deque[Event] = collections.deque()
        if self._dropped:
            last.append(self._report_of_dropped(closed, dict(self._dropped)))
        last.append(closed)
        self._ends.append(last)
        self._signal()

    def _signal(self) -> None:
        """Wake the threads and event loops that wait, after something was added."""
        if self._waiters:
            self._waiters.wake()
        if self._readiness:
            if self._ends:
                self._readiness[0].end()
            else:
                self._readiness[0].raised()

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
            events.append(self._report_of_dropped(event, dropped))
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
        except (IndexError, ValueError):  # another thread takes events, and makes room
            return
        self._drop(type(oldest).__name__)

    def _drop(self, kind: str, count: int = 1) -> None:
        if count > 0:
            self._dropped[kind] = self._dropped.get(kind, 0) + count

    @staticmethod
    def _report_of_dropped(event: Event, dropped: Dict[str, int]) -> EventsDropped:
        return EventsDropped(event.infohash, event.time, sum(dropped.values()), tuple(sorted(dropped)))
