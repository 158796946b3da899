"""``RateHistory``: how fast one torrent received and sent in the last hour by seconds, and in the last day by minutes.

Only the seconds in which something moved are kept, so that an idle torrent costs nothing.
"""

from __future__ import annotations

from array import array
from typing import List, NamedTuple

FINE = 3600
"""Samples of a second each."""
COARSE = 1440
"""Samples of ``PERIOD`` seconds each."""
PERIOD = 60.0
_WIDTH = 3
"""Numbers of a sample: it is extended and cut as a whole, because other threads copy it at any moment."""


class Sample(NamedTuple):
    """The rates at a moment."""

    time: float
    """Monotonic seconds."""
    download_rate: float
    """Bytes a second received."""
    upload_rate: float
    """Bytes a second sent."""


class RateHistory:
    """The rates of one torrent; at most 86 KiB times two, and 35 KiB times two."""

    def __init__(self) -> None:
        self._fine = array("d")
        self._coarse = array("d")
        self._begin = float("-inf")
        self._count = 0
        self._download = self._upload = 0.0

    def add(self, now: float, download_rate: float, upload_rate: float) -> None:
        """Add a sample, once a second while data moves.

        Args:
            now: Monotonic seconds.
            download_rate: Bytes a second received.
            upload_rate: Bytes a second sent.
        """
        self._fine.extend((now, download_rate, upload_rate))
        if len(self._fine) >= 2 * FINE * _WIDTH:
            self._fine = self._fine[-FINE * _WIDTH :]
        if now - self._begin >= PERIOD:
            if self._count:
                mean = self._begin, self._download / self._count, self._upload / self._count
                self._coarse.extend(mean)
                if len(self._coarse) >= 2 * COARSE * _WIDTH:
                    self._coarse = self._coarse[-COARSE * _WIDTH :]
            self._begin, self._count, self._download, self._upload = now, 0, 0.0, 0.0
        self._count += 1
        self._download += download_rate
        self._upload += upload_rate

    def samples(self) -> List[Sample]:
        """Return the samples, the oldest first; may be called in any thread."""
        fine = _cut(self._fine[:], FINE)
        since = fine[0].time if fine else float("inf")
        return [sample for sample in _cut(self._coarse[:], COARSE) if sample.time + PERIOD <= since] + fine


def _cut(numbers: array[float], count: int) -> List[Sample]:
    numbers = numbers[-count * _WIDTH :]
    return [Sample(*numbers[at : at + _WIDTH]) for at in range(0, len(numbers), _WIDTH)]
