"""Bytes a second of one direction of one peer, for choosing whom to serve (BEP 3) and how much to ask for.

The estimator is an average in which a byte's weight falls by e every ``MEMORY`` seconds, divided by the weight that the
time since the stream began could have had.  Without that division an exponential average needs three times ``MEMORY``
to arrive at a steady rate; with it the value is right after a second, as the plain mean is, and it still forgets.  It
needs three floats where a sliding window needs a ring of counters.

Two rules make it fit a stream of batches.  A batch came evenly over the time since the one before, not at once.  And a
stream is at least ``LEAST`` seconds old: the first batch, which came in no measurable time, counts as what a second
brings, so a pipeline sized from the rate grows by a factor each round trip and never jumps.
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
    """An estimate of bytes a second; ``total`` counts all bytes ever added."""

    __slots__ = ("_at", "_began", "_weighted", "total")

    def __init__(self) -> None:
        self.total = 0
        self._weighted = 0.0
        """Bytes, each weighted by its age at ``_at``."""
        self._at = 0.0
        self._began = 0.0

    def add(self, amount: int, now: float) -> None:
        """Count ``amount`` bytes that moved since the last call; once a batch, not once a block."""
        age = now - self._at
        if age > SILENCE or not self.total:
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
        self.total += amount

    def value(self, now: float) -> float:
        """Bytes a second at ``now``; falls by itself while nothing comes."""
        age = now - self._at
        if age > SILENCE or not self.total:
            return 0.0
        known = max(now - self._began, LEAST)
        return self._weighted * exp(-age / MEMORY) / (MEMORY * (1.0 - exp(-known / MEMORY)))
