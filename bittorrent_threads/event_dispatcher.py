"""Hands the events of one torrent to its user: into the queue, to the callbacks, to who waits.

Everything but ``end``, ``join`` and the callbacks' setting is called on the network thread, and waits for nobody.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Optional, Sequence

from .callback_thread import Callbacks, Post
from .event_queue import EventQueue
from .events import CallbackFailed, Closed, Event, PieceFailed
from .threads.latch import Latch
from .threads.waiters import Waiters

Callback = Callable[[int], Any]


class EventDispatcher:
    """One for each client; ``post`` has a call made on the network thread, or raises SessionClosed."""

    def __init__(self, infohash: bytes, size: int, post: Post) -> None:
        self.queue = EventQueue(size)
        self.changed = Waiters()
        """Rings when the status has changed, or an event came that may end a wait."""
        self.on_hash_pass: Optional[Callback] = None
        self.on_hash_fail: Optional[Callback] = None
        self._infohash = infohash
        self._callbacks = Callbacks(self._callback_failed, post)
        self._finishing = False
        self._ended = Latch()

    def set_callbacks(self, on_hash_pass: Optional[Callback], on_hash_fail: Optional[Callback]) -> None:
        """Call these from now on; raises TypeError."""
        for name, callback in (("on_hash_pass", on_hash_pass), ("on_hash_fail", on_hash_fail)):
            if callback is not None and not callable(callback):
                raise TypeError(f"{name} must be callable, not {callback!r}")
        self.on_hash_pass, self.on_hash_fail = on_hash_pass, on_hash_fail

    def publish(self, event: Event) -> None:
        """Hand out one event."""
        self.queue.publish(event)
        callback = self.on_hash_fail  # a user may take it away at any time
        if isinstance(event, PieceFailed) and callback is not None and not self._finishing:
            self._callbacks.call("on_hash_fail", callback, event.index)
        if not event.frequent:
            self.changed.wake()

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Hand out ``PiecePassed`` for each of these pieces."""
        self.queue.publish_passed(infohash, time, indexes)
        callback = self.on_hash_pass
        if callback is not None and not self._finishing:
            for index in indexes:
                self._callbacks.call("on_hash_pass", callback, index)

    def refreshed(self) -> None:
        """The status has changed."""
        if self.changed:
            self.changed.wake()

    def finish(self, done: Callable[[], None], reason: str = "") -> None:
        """Let the callbacks end, put the last event into the queue, and call ``done``.  The first call counts."""
        if self._finishing:
            return
        self._finishing = True

        def over() -> None:
            self.end(reason)
            done()

        if self._ended.is_set:  # by one of the callbacks, which waits for this now
            self._callbacks.close(_nothing)
            done()
        else:
            self._callbacks.close(over)

    def end(self, reason: str) -> None:
        """Put the last event into the queue, and wake who waits; from any thread, never waits."""
        self.queue.end(Closed(self._infohash, time.time(), reason))
        self._ended.set()
        self.changed.wake()

    @property
    def calling(self) -> bool:
        """Asked in a callback."""
        return self._callbacks.current

    def join(self, timeout: float) -> bool:
        """Wait for the last event and the end of the callbacks, at most ``timeout`` seconds; whether they came."""
        began = time.monotonic()
        if self.calling:
            return self._ended.is_set
        return self._ended.wait(timeout) and self._callbacks.join(max(0.0, began + timeout - time.monotonic()))

    def _callback_failed(self, name: str, error: str) -> None:
        self.publish(CallbackFailed(self._infohash, time.time(), name, error))


def _nothing() -> None:
    pass
