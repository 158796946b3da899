"""Counts answers that are still to come, such as ``stopped`` announces and files being closed."""

from __future__ import annotations

from typing import Callable, List


class WaitGroup:
    """A count of expected answers, and callbacks for the moment when it is zero."""

    def __init__(self) -> None:
        self._expected = 0
        self._waiting: List[Callable[[], None]] = []

    def expect(self) -> None:
        """One answer more will come."""
        self._expected += 1

    @property
    def over(self) -> bool:
        """No answer is expected."""
        return not self._expected

    def answered(self) -> None:
        """An answer came."""
        self._expected -= 1
        if not self._expected:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()

    def when_over(self, callback: Callable[[], None]) -> None:
        """Call when nothing is expected; at once if nothing is."""
        if self._expected:
            self._waiting.append(callback)
        else:
            callback()
