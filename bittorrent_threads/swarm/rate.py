"""Bytes a second of one direction of one peer, from which follow unchokes (BEP 3) and the number of requests.

The estimator is an average in which a byte's weight falls by e every ``MEMORY`` seconds, divided by the weight that the
time since the stream began could have had.  Without that division an exponential average needs three times ``MEMORY``
to arrive at a steady rate; with it the value is right after a second, as the plain mean is, and it still forgets.  It
needs three floats, where a sliding window needs a ring of counters.

Two rules make it fit a stream of batches.  A batch is taken to have come evenly over the time since the one before, not
at once.  And a stream is at least ``LEAST`` seconds old: the first batch, which came in no measurable time, counts as
what a second brings, so that a pipeline sized from the rate grows by a factor each round trip and does not jump.
"""

from __future__ import annotations

from math import exp

MEMORY = 4.0
"""Seconds after which a byte counts 1/e: long enough to smooth batches, short enough to follow a changed path."""

LEAST = 1.0
"""Least age of a stream, in seconds."""

SILENCE = 20.0
"""Seconds without a byte after which the rate is 0 and the next byte begins a new stream (BEP 3 clients: 20 s)."""


class Rate:
    """An estimate of bytes a second."""

    __slots__ = ("_at", "_began", "_started", "_weighted")

    def __init__(self) -> None:
        self._started = False
        """Whether any byte was added."""
        self._weighted = 0.0
        """Bytes, each weighted by its age at ``_at``."""
        self._at = 0.0
        self._began = 0.0

    def add(self, amount: int, now: float) -> None:
        """Count bytes; once a batch, not once a block.

        Args:
            amount: Bytes that moved since the last call.
            now: Monotonic seconds.
        """
        age = now - self._at
        if age > SILENCE or not self._started:
            self._began = now
            self._weighted = amount
        elif age > 0.0:
            if self._at == self._began:
                # How long the first batch took is known now: about as long as the second.
                self._began -= min(age, LEAST)
            kept = exp(-age / MEMORY)
            self._weighted = self._weighted * kept + amount * (1.0 - kept) * MEMORY / age
        else:
            self._weighted += amount
        self._at = now
        self._started = True

    def value(self, now: float) -> float:
        """Bytes a second at ``now``; falls by itself while nothing comes."""
        age = now - self._at
        if age > SILENCE or not self._started:
            return 0.0
        known = max(now - self._began, LEAST)
        return self._weighted * exp(-age / MEMORY) / (MEMORY * (1.0 - exp(-known / MEMORY)))
