"""``Recorder``: an ``engine.interfaces.Publisher`` that calls a function with each event."""

from __future__ import annotations

from typing import Callable, Sequence

from ...events import Event, FileCompleted, PiecePassed


class Recorder:
    """``heard`` is called with each event."""

    def __init__(self, heard: Callable[[Event], None]) -> None:
        self._heard = heard

    def publish(self, event: Event) -> None:
        """Report one event."""
        self._heard(event)

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Report one event for each piece."""
        for index in indexes:
            self.publish(PiecePassed(infohash, time, index))

    def publish_files(self, infohash: bytes, time: float, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Report one event for each file."""
        for index in files:
            self.publish(FileCompleted(infohash, time, index, path(index)))

    def refreshed(self) -> None:
        """Nothing: no thread waits for events."""
