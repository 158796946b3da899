"""How fast one torrent receives and sends, from the totals of its connections."""

from __future__ import annotations

from typing import Protocol

from ..swarm.rate import Rate
from ..swarm.rate_history import RateHistory


class Totals(Protocol):
    """The connections of the torrent, earlier ones included."""

    @property
    def downloaded(self) -> int:
        """Payload bytes received."""

    @property
    def uploaded(self) -> int:
        """Payload bytes sent."""


class TransferRates:
    """The rates of one torrent; ``now`` is monotonic seconds everywhere.

    Args:
        totals: Its connections.
    """

    def __init__(self, totals: Totals) -> None:
        self.receiving = False
        """Data came in the last second."""
        self.sending = False
        """Data went in the last second."""
        self.history = RateHistory()
        """The rates of earlier seconds, since the torrent was made."""
        self._totals = totals
        self._downloaded = 0
        self._uploaded = 0
        self.reset()

    def reset(self) -> None:
        """The torrent was stopped."""
        self._download, self._upload = Rate(), Rate()
        self.receiving = self.sending = False

    def look(self) -> None:
        """Once a second: find out whether data came and went."""
        self.receiving = self._totals.downloaded > self._downloaded
        self.sending = self._totals.uploaded > self._uploaded

    def add(self, now: float) -> None:
        """Count what came and went since the last call."""
        received, sent = self._totals.downloaded - self._downloaded, self._totals.uploaded - self._uploaded
        if received:
            self._download.add(received, now)
            self._downloaded += received
        if sent:
            self._upload.add(sent, now)
            self._uploaded += sent
        self.history.add(now, self.download(now), self.upload(now))

    def download(self, now: float) -> float:
        """Bytes a second received."""
        return self._download.value(now)

    def upload(self, now: float) -> float:
        """Bytes a second sent."""
        return self._upload.value(now)
