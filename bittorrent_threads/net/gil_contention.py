"""``GilContention``: measures how long the network thread waits for the GIL after a system call.

A system call releases the GIL.  The thread gets it back at once, or after a whole switch interval (5 ms) each time if
another thread computes without a pause.  In the second case the number of system calls matters, not what they do.

The rule: only calls that are long in themselves are measured.  After a short one the GIL is often still free, because
the other thread has not woken up yet.
"""

from __future__ import annotations

import sys
import time

LONG = 256 * 1024
"""Bytes of a read that is measured: it takes more than 50 us, in which another thread wakes up and takes the GIL."""
SAMPLES = 8
"""Reads over which the wait is averaged; one read in which the thread lost its processor changes the mean little."""
SHARE = 0.5
"""Share of the switch interval above which the mean wait counts as contention.

In nine of ten measurements the mean was 2.6 to 7.8 ms beside a thread that computes, and 0.2 to 1.6 ms without one.
"""


class GilContention:
    """The mean wait of the last reads; the network thread writes it, any thread may read ``high``."""

    __slots__ = ("_mean", "_most")

    def __init__(self) -> None:
        self._mean = 0.0
        self._most = SHARE * sys.getswitchinterval()

    @property
    def high(self) -> bool:
        """True if each system call is likely to cost a switch interval."""
        return self._mean > self._most

    @staticmethod
    def clock() -> float:
        """Return a clock in seconds that advances only while the calling thread does not run."""
        return time.monotonic() - time.thread_time()

    def note(self, waited: float) -> None:
        """Add a measurement: for ``waited`` seconds of a long call the thread had no processor or no GIL."""
        self._mean += (waited - self._mean) / SAMPLES
