"""``TrackerFaults``: what a scripted tracker does wrong, one fault for each request, in the order given."""

from __future__ import annotations

import collections
import threading
from typing import Deque, NamedTuple, Optional

LOSE, DELAY, REPEAT, GARBLE, FAIL = "lose", "delay", "repeat", "garble", "fail"


class Fault(NamedTuple):
    """What happens to one request."""

    kind: str = ""
    """One of the constants above; empty for a right answer."""
    seconds: float = 0.0
    """Delay of the answer."""
    reason: str = ""
    """Failure reason to answer with."""


class TrackerFaults:
    """The faults that are still to come, and the number of requests; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._script: Deque[Fault] = collections.deque()
        self._lasting: Optional[Fault] = None

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return self._requests

    def add(self, fault: Fault, count: Optional[int]) -> None:
        """Add a fault for ``count`` further requests, behind those added before; for all that follow if None."""
        if count is not None and count < 1:
            raise ValueError(f"count is {count}; it must be at least 1, or None for every further request")
        with self._lock:
            if count is None:
                self._lasting = fault
            else:
                self._script.extend([fault] * count)

    def clear(self) -> None:
        """Drop all faults."""
        with self._lock:
            self._script.clear()
            self._lasting = None

    def take(self) -> Fault:
        """Count a request, and return what happens to it."""
        with self._lock:
            self._requests += 1
            return self._script.popleft() if self._script else self._lasting or Fault()
