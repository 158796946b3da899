"""The temperature of memory: whether the system has free memory at hand when a run begins to fill the page cache.

A virtual machine gives memory that is free for some seconds back to its host, and waits for the host when it needs it
again.  The same program that writes 1 GiB to new page cache took 0.4 to 1.5 s of system time for that reason alone.
So a run begins either with as much memory as it will fill freed at that moment (warm), or some seconds after that
(cold), and both are reported.
"""

from __future__ import annotations

import enum
import os
import time
from pathlib import Path

from .data import MIB

REST = 5.0
"""Seconds between the freeing of memory and a cold run."""


class Temperature(enum.Enum):
    """How long the memory that a run fills has been free."""

    WARM = "warm"
    COLD = "cold"

    def prepare(self, folder: Path, size: int) -> None:
        """Fill ``size`` bytes of page cache with a file in ``folder`` and free them; if cold, wait for ``REST``."""
        path = folder / "freed"
        block = os.urandom(MIB)
        with path.open("wb", buffering=0) as file:
            for _ in range(0, size, MIB):
                file.write(block)
        path.unlink()
        if self is Temperature.COLD:
            time.sleep(REST)
