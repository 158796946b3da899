"""``Deadline``: when a job has to end, which may be decided while it runs."""

from __future__ import annotations

import math
import time


class Deadline:
    """The deadline of one job; the network thread sets it, and the job reads it."""

    __slots__ = ("_time",)

    def __init__(self, seconds: float = math.inf) -> None:
        self._time = time.monotonic() + seconds

    def set(self, seconds: float) -> None:
        """End the job in so many seconds, unless it is to end before."""
        self._time = min(self._time, time.monotonic() + seconds)

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return self._time < math.inf

    @property
    def over(self) -> bool:
        """Whether the job has to end now."""
        return self._time <= time.monotonic()
