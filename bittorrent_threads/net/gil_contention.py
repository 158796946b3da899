"""Crowding: how long this thread waits for the interpreter, because another thread of the process computes in Python.

A call to the system lets go of the GIL, and has it back at once, or after a whole switch interval (5 ms) each time if
some other thread never stops to compute.  Then what counts is how many calls there are, not what they do.  The rule:
only calls that are long in themselves tell, since after a short one the GIL is often still free.
"""

from __future__ import annotations

import sys
import time

LONG = 256 * 1024
"""Bytes of a read that tells: more than 50 us, in which the other thread has woken up and taken the GIL."""
MEMORY = 8
"""Reads that the mean wait is of; a thread that lost its processor for once does not change it much."""
SHARE = 0.5
"""Of the switch interval: a mean wait above it is crowding.

Nine in ten times the mean is 2.6 to 7.8 ms beside a main thread that computes, and 0.2 to 1.6 without one.
"""


class GilContention:
    """The mean wait of late; written by the network thread, ``high`` read by any."""

    __slots__ = ("_mean", "_most")

    def __init__(self) -> None:
        self._mean = 0.0
        self._most = SHARE * sys.getswitchinterval()

    @property
    def high(self) -> bool:
        """Whether each call to the system is likely to cost a switch interval."""
        return self._mean > self._most

    @staticmethod
    def clock() -> float:
        """Seconds that this thread did not run, from some moment on."""
        return time.monotonic() - time.thread_time()

    def note(self, waited: float) -> None:
        """A long call was left so many seconds without a processor or the GIL."""
        self._mean += (waited - self._mean) / MEMORY
