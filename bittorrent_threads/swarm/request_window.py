"""How many blocks may be outstanding from all sources of a torrent whose rate is limited.

At a low limit, requests wait for the limit and not for the sources.  Blocks requested to twenty sources at once would
take longer than the time-out, and be requested again meanwhile.  So no more is requested than the limit lets in within
seconds.  Where the limit is not reached, because the sources are slow, far or silent, the window grows until it is.

Without a limit nothing is counted.
"""

from __future__ import annotations

import sys
from typing import Collection

from ..metainfo.layout import BLOCK
from .pipeline import Pipeline

LEAST_BLOCKS = 2
"""Blocks outstanding at any limit: one is received while the next is requested."""

SHARE = 8
"""One source gets at most one in so many blocks of the window, so that a few slow ones do not hold all of it."""

GROWTH = 4
"""The window grows by one in so many blocks a second, and shrinks by one block."""

TOO_MANY = 2
"""Times the window: outstanding requests beyond that, after a limit was lowered, are cancelled."""


class RequestWindow:
    """The window of one torrent.

    Args:
        queue_time: Seconds of the limit that the window covers (``Settings.request_queue_time``).
    """

    def __init__(self, queue_time: float) -> None:
        self.rate = 0
        """Bytes a second that the torrent may receive; 0 for no limit."""
        self.reached = False
        """Whether the limit held something back in the last second."""
        self._queue_time = queue_time
        self._grown = 0
        """Blocks by which the window has grown."""
        self._short = False
        """Whether more would have been requested without the window."""

    @property
    def blocks(self) -> int:
        """Blocks that may be outstanding from all sources together."""
        if not self.rate:
            return sys.maxsize
        return max(LEAST_BLOCKS, int(self.rate * self._queue_time) // BLOCK) + self._grown

    def room(self, pipeline: Pipeline, pipelines: Collection[Pipeline]) -> int:
        """How many further blocks may be requested to one source.

        Args:
            pipeline: That of the source.
            pipelines: Those of all sources with outstanding requests.
        """
        blocks = self.blocks
        room = min(max(1, blocks // SHARE) - len(pipeline.outstanding), blocks - outstanding(pipelines))
        self._short = self._short or room < pipeline.room
        return min(pipeline.room, room)

    def excess(self, pipelines: Collection[Pipeline]) -> int:
        """How many outstanding requests should be cancelled."""
        return outstanding(pipelines) - TOO_MANY * self.blocks if self.rate else 0

    def delay(self, pipelines: Collection[Pipeline]) -> float:
        """Seconds that the limit needs for all that is outstanding."""
        return outstanding(pipelines) * BLOCK / self.rate if self.rate else 0.0

    def adapt(self, *, unused: bool) -> None:
        """Once a second: grow or shrink.

        Args:
            unused: Whether less was received than the limit allows.
        """
        self.reached = bool(self.rate) and not unused
        if not self.rate:
            self._grown = 0
        elif not unused:
            self._grown = max(0, self._grown - 1)
        elif self._short:
            self._grown += max(1, self.blocks // GROWTH)
        self._short = False


def outstanding(pipelines: Collection[Pipeline]) -> int:
    """Outstanding requests of all of these."""
    return sum([len(pipeline.outstanding) for pipeline in pipelines])
