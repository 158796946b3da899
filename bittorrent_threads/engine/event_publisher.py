"""Makes the events of one torrent: each carries its infohash and the time."""

from __future__ import annotations

from typing import Any, Callable, Protocol, Sequence

from ..events import Event
from .interfaces.event_dispatcher import EventDispatcher


class Publisher(Protocol):
    """Makes the events of one torrent and hands them out."""

    def publish(self, kind: Callable[..., Event], **fields: Any) -> None:
        """Hand out an event of this class with these fields."""

    def publish_passed(self, indexes: Sequence[int]) -> None:
        """Hand out that these pieces are right; nothing for no piece."""

    def publish_files(self, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Hand out that these files are complete; nothing for no file."""


class EventPublisher:
    """Publishes the events of one torrent.

    Args:
        infohash: 20 bytes, carried by every event.
        dispatcher: Hands the events to the user.
        wall: Seconds since 1970.
    """

    def __init__(self, infohash: bytes, dispatcher: EventDispatcher, wall: Callable[[], float]) -> None:
        self._infohash = infohash
        self._dispatcher = dispatcher
        self._wall = wall

    def publish(self, kind: Callable[..., Event], **fields: Any) -> None:
        """Hand out an event of this class with these fields."""
        self._dispatcher.publish(kind(infohash=self._infohash, time=self._wall(), **fields))

    def publish_passed(self, indexes: Sequence[int]) -> None:
        """Hand out that these pieces are right; nothing for no piece."""
        if indexes:
            self._dispatcher.publish_passed(self._infohash, self._wall(), indexes)

    def publish_files(self, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Hand out that these files are complete; nothing for no file."""
        if files:
            self._dispatcher.publish_files(self._infohash, self._wall(), files, path)

    def refreshed(self) -> None:
        """Wake the threads that wait for a change of the status."""
        self._dispatcher.refreshed()
