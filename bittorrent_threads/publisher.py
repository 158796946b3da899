"""Hands the events of one torrent to its user: into the queue, to the callbacks, to who waits.

``publish`` is called on the network thread and never waits for anybody.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Any, Callable, Iterator, List, Optional, Sequence

from .callbacks import Callbacks
from .event_queue import EventQueue
from .events import CallbackFailed, Closed, Event, PieceFailed
from .net.reply import SLICE

Callback = Callable[[int], Any]


class Publisher:
    """One for each client."""

    def __init__(self, infohash: bytes, size: int) -> None:
        self.queue = EventQueue(size)
        self.on_hash_pass: Optional[Callback] = None
        self.on_hash_fail: Optional[Callback] = None
        self._infohash = infohash
        self._callbacks = Callbacks(self._callback_failed)
        self._watches: List[threading.Event] = []
        self._closed = False

    def set_callbacks(self, on_hash_pass: Optional[Callback], on_hash_fail: Optional[Callback]) -> None:
        """Call these from now on; raises TypeError."""
        for name, callback in (("on_hash_pass", on_hash_pass), ("on_hash_fail", on_hash_fail)):
            if callback is not None and not callable(callback):
                raise TypeError(f"{name} must be callable, not {callback!r}")
        if on_hash_pass is not None or on_hash_fail is not None:
            self._callbacks.start()
        self.on_hash_pass, self.on_hash_fail = on_hash_pass, on_hash_fail

    def publish(self, event: Event) -> None:
        """Hand out one event."""
        self.queue.publish(event)
        callback = self.on_hash_fail  # a user may take it away at any time
        if isinstance(event, PieceFailed) and callback is not None:
            self._callbacks.call("on_hash_fail", callback, event.index)
        if not event.frequent:
            for watch in list(self._watches):
                watch.set()

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Hand out ``PiecePassed`` for each of these pieces."""
        self.queue.publish_passed(infohash, time, indexes)
        callback = self.on_hash_pass
        if callback is not None:
            for index in indexes:
                self._callbacks.call("on_hash_pass", callback, index)

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watch]:
        """Something to wait on that wakes when an event came that may end a wait."""
        event = threading.Event()
        self._watches.append(event)
        try:
            yield Watch(event)
        finally:
            self._watches.remove(event)

    def take(self) -> Optional[Event]:
        """The next event; waits for it, in slices so that Ctrl-C works everywhere; None when none will come."""
        while True:
            try:
                event: Event = self.queue.get(timeout=SLICE)
                return event
            except queue.Empty:
                if self._closed:
                    return None

    def close(self, timeout: float) -> None:
        """Let the callbacks end, within ``timeout`` seconds, and put the last event into the queue."""
        self._callbacks.close(timeout)
        self.end("")

    def end(self, reason: str) -> None:
        """Put the last event into the queue, and wake who waits; never waits."""
        self.queue.publish(Closed(self._infohash, time.time(), reason))
        self._closed = True
        for watch in list(self._watches):
            watch.set()

    def _callback_failed(self, name: str, error: str) -> None:
        self.publish(CallbackFailed(self._infohash, time.time(), name, error))


class Watch:
    """Waits for the next event of weight."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def wait(self, timeout: float) -> None:
        """Return at the next such event, or after ``timeout`` seconds."""
        self._event.wait(timeout)
        self._event.clear()
