"""``EventDispatcher``: hands the events of a torrent to its user."""

from __future__ import annotations

from typing import Callable, Protocol, Sequence

from ...events import Event


class EventDispatcher(Protocol):
    """Hands the events of one torrent to its user; never waits."""

    def publish(self, event: Event) -> None:
        """Hand out one event."""

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Hand out ``PiecePassed`` for each of these pieces."""

    def publish_files(self, infohash: bytes, time: float, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Hand out ``FileCompleted`` for each of these files; ``path`` returns the path of one."""

    def refreshed(self) -> None:
        """The status has changed."""
