"""Gives the events of one torrent to its user: to the queue, to the callbacks, and to waiting threads.

The network thread calls everything but ``end``, ``join`` and ``set_callbacks``, and never waits here.
"""

from __future__ import annotations

import queue
import time
from typing import Callable, Iterator, Optional, Sequence

from .callback_thread import CallbackThread, Post
from .event_queue import EventQueue
from .events import CallbackFailed, Closed, Event, PieceFailed
from .threads.latch import Latch
from .threads.waiters import Waiters

Callback = Callable[[int], object]
"""A function of the index of a piece."""


class EventDispatcher:
    """The dispatcher of one client.

    Args:
        infohash: Infohash of the torrent, 20 bytes.
        size: Events that the queue keeps.
        post: Makes a call on the network thread; raises SessionClosed if there is none any more.
    """

    def __init__(self, infohash: bytes, size: int, post: Post) -> None:
        self.queue = EventQueue(size)
        self.changed = Waiters()
        """The threads that wait for a change of the status, or for an event that may end a wait."""
        self.on_hash_pass: Optional[Callback] = None
        self.on_hash_fail: Optional[Callback] = None
        self._infohash = infohash
        self._callbacks = CallbackThread(self._callback_failed, post)
        self._finishing = False
        self._ended = Latch()

    def set_callbacks(self, on_hash_pass: Optional[Callback], on_hash_fail: Optional[Callback]) -> None:
        """Set the callbacks.

        Raises:
            TypeError: If one cannot be called.
        """
        for name, callback in (("on_hash_pass", on_hash_pass), ("on_hash_fail", on_hash_fail)):
            if callback is not None and not callable(callback):
                raise TypeError(f"{name} must be callable, not {callback!r}")
        self.on_hash_pass, self.on_hash_fail = on_hash_pass, on_hash_fail

    def publish(self, event: Event) -> None:
        """Put one event into the queue, and call the callback for it."""
        self.queue.publish(event)
        callback = self.on_hash_fail  # another thread may set it to None
        if isinstance(event, PieceFailed) and callback is not None and not self._finishing:
            self._callbacks.call("on_hash_fail", callback, event.index)
        if not event.frequent:
            self.changed.wake()

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Publish ``PiecePassed`` for each of these pieces."""
        self.queue.publish_passed(infohash, time, indexes)
        callback = self.on_hash_pass
        if callback is not None and not self._finishing:
            for index in indexes:
                self._callbacks.call("on_hash_pass", callback, index)

    def publish_files(self, infohash: bytes, time: float, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Publish ``FileCompleted`` for each of these files; ``path`` returns the path of one."""
        self.queue.publish_files(infohash, time, files, path)
        self.changed.wake()

    def refreshed(self) -> None:
        """Wake the threads that wait for a change of the status."""
        if self.changed:
            self.changed.wake()

    def finish(self, done: Callable[[], None], reason: str = "") -> None:
        """Wait for the callbacks, put the last event into the queue, and call ``done``.  Only the first call counts."""
        if self._finishing:
            return
        self._finishing = True

        def over() -> None:
            self.end(reason)
            done()

        if self._ended.is_set:  # a callback closes the client, and waits for this
            self._callbacks.close(_nothing)
            done()
        else:
            self._callbacks.close(over)

    def end(self, reason: str) -> None:
        """Put the last event into the queue, and wake the waiting threads; may be called in any thread."""
        self.queue.end(Closed(self._infohash, time.time(), reason))
        self._ended.set()
        self.changed.wake()

    @property
    def calling(self) -> bool:
        """The calling thread is the callback thread."""
        return self._callbacks.current

    def join(self, timeout: float) -> bool:
        """Wait for the last event and the last callback, at most ``timeout`` seconds; return whether they came."""
        began = time.monotonic()
        if self.calling:
            return self._ended.is_set
        return self._ended.wait(timeout) and self._callbacks.join(max(0.0, began + timeout - time.monotonic()))

    def _callback_failed(self, name: str, error: str) -> None:
        self.publish(CallbackFailed(self._infohash, time.time(), name, error))


class EventSource:
    """Base of what has events: the queue, iteration, and the callbacks."""

    _event_dispatcher: EventDispatcher

    @property
    def events(self) -> EventQueue:
        """The queue of the events; the last one is ``Closed``."""
        return self._event_dispatcher.queue

    def fileno(self) -> int:
        """Return the number of a descriptor that is readable while events wait; ``select`` takes the client itself.

        It is :meth:`EventQueue.fileno` of ``events``, for the event loop of another library.  After the end it stays
        readable, until the client is garbage-collected.

        Raises:
            OSError: If the system has no descriptor left.
        """
        return self._event_dispatcher.queue.fileno()

    def __iter__(self) -> Iterator[Event]:
        """Take the events as they come, up to ``Closed``."""
        while True:
            try:
                event = self._event_dispatcher.queue.get()
            except queue.Empty:  # another thread took the last one
                return
            yield event
            if isinstance(event, Closed):
                return

    @property
    def on_hash_pass(self) -> Optional[Callback]:
        """Called with the index of each piece that has the right hash; may be set at any time."""
        return self._event_dispatcher.on_hash_pass

    @on_hash_pass.setter
    def on_hash_pass(self, callback: Optional[Callback]) -> None:
        self._event_dispatcher.set_callbacks(callback, self._event_dispatcher.on_hash_fail)

    @property
    def on_hash_fail(self) -> Optional[Callback]:
        """Called with the index of each piece that has a wrong hash; may be set at any time."""
        return self._event_dispatcher.on_hash_fail

    @on_hash_fail.setter
    def on_hash_fail(self, callback: Optional[Callback]) -> None:
        self._event_dispatcher.set_callbacks(self._event_dispatcher.on_hash_pass, callback)


def _nothing() -> None:
    pass
