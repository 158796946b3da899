"""``ReadCoalescer``: decides how long the loop rests between two passes, so that the next pass reads more at once.

A pass costs a fixed time.  Without a rest there is one pass for each block that a peer slower than this host sends.
The rule: only bulk data may wait; requests, commands and timers are handled at once.
"""

from __future__ import annotations

import os

INTERVAL = 0.001 if os.name == "posix" else 0.0
"""Seconds from one pass with bulk data to the next.

At 170 MB/s in single blocks a download takes 3.7 s of processor a GiB with it and 4.5 s without; 2 ms change no more.
Windows may sleep 16 ms instead of 1, longer than a TCP window lasts.
"""
BULK = 1024
"""Bytes of a pass that must be more than requests: a peer that asks for single blocks sends 17 bytes for each."""


class ReadCoalescer:
    """What the pass under way has received; for the network thread only."""

    __slots__ = ("_more", "_received", "_urgent")

    def __init__(self) -> None:
        self._received = 0
        self._more = False
        self._urgent = False

    def note(self, size: int, *, more: bool) -> None:
        """Count a read.

        Args:
            size: Bytes that were read.
            more: The buffer was filled, so that there may be more to read.
        """
        self._received += size
        self._more = self._more or more

    def skip_rest(self) -> None:
        """Do not rest after this pass, because the next one does what a peer waits for.

        Requests come in bulk too: aria2 sends 128 at once and then waits.  It got 472 MB/s while the loop rested before
        it read the answers of the disk, and gets 506 MB/s.
        """
        self._urgent = True

    def rest(self, lasted: float) -> float:
        """End the pass, and return the seconds to rest.

        Args:
            lasted: Seconds that the pass took.
        """
        resting = self._received >= BULK and not self._more and not self._urgent
        self._received = 0
        self._more = self._urgent = False
        return max(0.0, INTERVAL - lasted) if resting else 0.0
