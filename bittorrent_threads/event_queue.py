"""The queue a user takes events from: bounded, never blocking who puts, honest about what it dropped.

Frequent events get half of the room, so that a state change or a failure always finds some.  When even that is full
the oldest frequent event makes place, and then the oldest of all; ``Closed`` is never dropped.
"""

from __future__ import annotations

import queue
from typing import Dict, Sequence

from .events import Closed, Event, EventsDropped, PiecePassed


class EventQueue(queue.Queue):  # type: ignore[type-arg]
    """A ``queue.Queue`` of events; ``publish`` is for the library, ``get`` for the user."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = max(size, 4)
        self._dropped: Dict[str, int] = {}
        self._closed = False

    def publish(self, event: Event) -> None:
        """Put an event; never waits for a consumer."""
        with self.mutex:
            if not self._closed:
                self._put_event(event)

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Put ``PiecePassed`` for each piece; those that find no room are counted and not made.

        A hash check of 65,536 pieces that nobody listens to is a tenth faster for it.
        """
        with self.mutex:
            if self._closed:
                return
            room = max(0, self._size // 2 - len(self.queue))
            for index in indexes[:room]:
                self._put_event(PiecePassed(infohash, time, index))
            self._drop("PiecePassed", len(indexes) - room)

    def _put_event(self, event: Event) -> None:
        events = self.queue
        if event.coalescing and events and type(events[-1]) is type(event):
            events[-1] = event
            return
        if event.frequent and len(events) >= self._size // 2:
            self._drop(type(event).__name__)
            return
        if len(events) >= self._size:
            self._evict()
        self._closed = isinstance(event, Closed)
        if self._dropped and (len(events) < self._size // 2 or self._closed):
            count, kinds = sum(self._dropped.values()), tuple(sorted(self._dropped))
            self._dropped.clear()
            events.append(EventsDropped(event.infohash, event.time, count, kinds))
        events.append(event)
        self.not_empty.notify()

    def _evict(self) -> None:
        events = self.queue
        place = next((i for i, event in enumerate(events) if event.frequent), 0)
        self._drop(type(events[place]).__name__)
        del events[place]

    def _drop(self, kind: str, count: int = 1) -> None:
        if count > 0:
            self._dropped[kind] = self._dropped.get(kind, 0) + count
