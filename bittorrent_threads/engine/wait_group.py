"""What a stopped torrent still waits for: its ``stopped`` announces and its files being closed."""

from __future__ import annotations

from typing import Callable, List


class WaitGroup:
    """Counts answers that are expected, and tells when none is."""

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
