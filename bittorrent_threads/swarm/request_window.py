"""How many blocks may be under way to all peers of a torrent whose rate is limited.

What is asked for at a low limit waits for that limit, not for the peers: asked of twenty peers at once, blocks come as
slowly as time-outs are long, and what comes after them was asked for again meanwhile.  So no more is asked for than the
limit lets in within seconds.  Where the limit is not reached, because the peers are slow, far or silent, the window
grows until it is.

Without a limit nothing is counted.
"""

from __future__ import annotations

import sys
from typing import Collection

from ..metainfo.layout import BLOCK
from .pipeline import Pipeline

LEAST_BLOCKS = 2
"""Blocks under way at any limit: one is received while the next is asked for."""

SHARE = 8
"""One peer gets at most one in so many blocks of the window, so that a few slow ones do not hold all of it."""

GROWTH = 4
"""The window grows by one in so many blocks a second, and shrinks by a block."""

TOO_MANY = 2
"""Times the window: what is under way beyond that, after a limit was lowered, is taken back."""


class RequestWindow:
    """The window of one torrent; ``queue_time`` is ``Settings.request_queue_time``."""

    def __init__(self, queue_time: float) -> None:
        self.rate = 0
        """Bytes a second that the torrent may receive; 0 for no limit."""
        self._queue_time = queue_time
        self._grown = 0
        self._short = False
        """A peer would have been asked for more but for the window."""
        self.reached = False
        """The limit kept something from coming in the last second."""

    @property
    def blocks(self) -> int:
        """Blocks that may be under way to all peers together."""
        if not self.rate:
            return sys.maxsize
        return max(LEAST_BLOCKS, int(self.rate * self._queue_time) // BLOCK) + self._grown

    def room(self, pipeline: Pipeline, others: Collection[Pipeline]) -> int:
        """Blocks that this peer may be asked for beside what it and the others were asked for."""
        blocks = self.blocks
        room = min(max(1, blocks // SHARE) - len(pipeline.outstanding), blocks - outstanding(others))
        self._short = self._short or room < pipeline.room
        return min(pipeline.room, room)

    def excess(self, pipelines: Collection[Pipeline]) -> int:
        """Blocks that should be taken back."""
        return outstanding(pipelines) - TOO_MANY * self.blocks if self.rate else 0

    def delay(self, pipelines: Collection[Pipeline]) -> float:
        """Seconds that our own limit needs for all that is under way."""
        return outstanding(pipelines) * BLOCK / self.rate if self.rate else 0.0

    def adapt(self, *, unused: bool) -> None:
        """Once a second: ``unused`` tells that less came than the limit lets in."""
        self.reached = bool(self.rate) and not unused
        if not self.rate:
            self._grown = 0
        elif not unused:
            self._grown = max(0, self._grown - 1)
        elif self._short:
            self._grown += max(1, self.blocks // GROWTH)
        self._short = False


def outstanding(pipelines: Collection[Pipeline]) -> int:
    """Blocks that these peers were asked for and have not sent."""
    return sum([len(pipeline.outstanding) for pipeline in pipelines])
