"""``Signals``: a storm of signals at random moments."""

from __future__ import annotations

import faulthandler
import random
import signal
import sys
import time
from types import FrameType
from typing import Any, Optional

from .ground import PATIENCE
from .program import Call

SECOND = 0.2
"""Share of the interrupts that are followed by a second one."""


class Signals:
    """Interrupts by signals at random moments."""

    def __init__(self, interrupts: int, chance: random.Random) -> None:
        self.done = 0
        self._most = interrupts
        self._chance = chance

    def __call__(self, call: Call) -> None:
        """Make the call until so many interrupts have come."""
        call()  # for what happens once, such as imports
        began = time.perf_counter()
        call()
        lasts = time.perf_counter() - began
        signal.signal(signal.SIGALRM, self._interrupt)
        while self.done < self._most:
            try:
                try:
                    # Python ignores an exception in a finaliser; the timer then raises the next one.
                    signal.setitimer(signal.ITIMER_REAL, self._chance.uniform(1e-5, 1.5 * lasts + 1e-4), 0.2)
                    while True:
                        call()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                self.done += 1
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _interrupt(self, number: int, frame: Optional[FrameType]) -> None:
        if frame is not None and frame.f_code in (Signals.__call__.__code__, ignore_interrupt.__code__):
            return  # the signal came between two calls
        if self._chance.random() < SECOND:
            signal.setitimer(signal.ITIMER_REAL, self._chance.uniform(1e-5, 1e-3), 0.2)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        raise KeyboardInterrupt


def ignore_interrupt(unraisable: Any) -> None:
    """Report what Python cannot raise, but no interrupt in a finaliser: it is no fault of the library."""
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)
