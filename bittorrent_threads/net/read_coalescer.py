"""Pace: how long the loop rests between two passes, so that a pass has something to do.

A pass has its price whatever comes, and without a rest there is one for each block as it trickles in from a peer that
is slower than we are.  The rule: only what comes in bulk can wait; requests, commands and timers are answered at once.
"""

from __future__ import annotations

import os

INTERVAL = 0.001 if os.name == "posix" else 0.0
"""Seconds from one pass with payload to the next.

At 170 MB/s in single blocks a download takes 3.7 s of processor a GiB, 4.5 without (libtorrent 3.3), and is 4 to 9 %
faster when both ends share two processors; with 2 ms it is the same.  Windows may sleep 16 ms instead, and more than
a window of TCP would have come.
"""

BULK = 1024
"""Bytes of a pass that are more than requests: those of a peer that asks for single blocks are 17 each."""


class ReadCoalescer:
    """What came in the pass under way; for the network thread only."""

    __slots__ = ("_came", "_hurried", "_more")

    def __init__(self) -> None:
        self._came = 0
        self._more = False
        self._hurried = False

    def note(self, size: int, *, more: bool) -> None:
        """So many bytes were read; ``more`` may be there already, as the buffer was full."""
        self._came += size
        self._more = self._more or more

    def hurry(self) -> None:
        """Somebody waits for what the next pass does.

        The requests of a fast peer come in bulk as well: aria2 sends 128 at once and waits for the blocks.  It got 472
        MB/s while the loop rested before the disk's answers, and gets 506.
        """
        self._hurried = True

    def rest(self, lasted: float) -> float:
        """The pass is over, and ``lasted`` so many seconds: how many to rest."""
        resting = self._came >= BULK and not self._more and not self._hurried
        self._came = 0
        self._more = self._hurried = False
        return max(0.0, INTERVAL - lasted) if resting else 0.0
