"""A publisher that gives every event to a callback, one by one (``engine.interfaces.Publisher``)."""

from __future__ import annotations

from typing import Callable, Sequence

from bittorrent_threads.events import Event, PiecePassed


class Recorder:
    """``heard`` is called with each event."""

    def __init__(self, heard: Callable[[Event], None]) -> None:
        self._heard = heard

    def publish(self, event: Event) -> None:
        """One event."""
        self._heard(event)

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """One event for each piece."""
        for index in indexes:
            self.publish(PiecePassed(infohash, time, index))

    def refreshed(self) -> None:
        """Nobody waits."""
