"""``SendBudget``: how many bytes all datagrams of the node may have.

The rule: half of the budget is for our own queries.  Other hosts can make us answer, so an answer is sent from the
other half only, and a flood of queries never delays a search of ours.
"""

from __future__ import annotations

BURST = 2.0
"""Seconds of the rate that may be sent at once after a silence."""
ROOM = 1024
"""Bytes that must be free before anything is sent: the longest answer, or a few queries."""

_ROUNDING = 0.001
"""Seconds that make up for the rounding of the division."""


class SendBudget:
    """A bucket of bytes that fills at a constant rate.

    Args:
        rate: Bytes a second.
        now: Monotonic seconds.
    """

    def __init__(self, rate: int, now: float) -> None:
        self.rate = rate
        self._most = rate * BURST
        self._left = self._most
        self._at = now

    def answer_ready(self, now: float) -> bool:
        """Return whether an answer may be sent, of up to ``ROOM`` bytes."""
        self._fill(now)
        return self._left - ROOM >= self._most / 2

    def query_ready(self, now: float) -> bool:
        """Return whether a few queries may be sent."""
        self._fill(now)
        return self._left >= ROOM

    @property
    def query_ready_at(self) -> float:
        """When a few queries may be sent, in monotonic seconds."""
        return self._at + max(0.0, ROOM - self._left) / self.rate + _ROUNDING

    def take(self, size: int) -> None:
        """Count the bytes of a datagram that is sent; one is smaller than ``ROOM``."""
        self._left -= size

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._left = min(self._most, self._left + (now - self._at) * self.rate)
            self._at = now
