"""The end of a download: what slow peers were asked for is asked of quicker ones too (BEP 3).

Each peer is asked for seconds of its rate in advance, so a block that has waited for a second is not late.  What counts
is when it would come: the blocks that a slow peer would send last are those worth asking for twice.
"""

from __future__ import annotations

import itertools
import math
from typing import Iterable, Iterator

from .pipeline import Pipeline

ENDGAME_DEPTH = 16
"""Blocks asked of a peer at once that others were asked for too."""

ENDGAME_PATIENCE = 0.5
ENDGAME_GAIN = 2.0
"""A block is asked of a second peer only if the first will need so many seconds more, and so many times longer.

In a swarm of twenty equals, duplicates without these two rules doubled the traffic (simulated, 65 pieces of 64 KiB).
"""


TRIAL_PATIENCE = 2.0
"""Seconds that a block must have to wait at a peer that crawls for it to be asked of a peer that was asked for nothing.

One block, to know its rate: eight peers that all wait for a seed of 20 kB/s otherwise never ask each other.
"""


def slower_blocks(pipeline: Pipeline, others: Iterable[Pipeline], now: float) -> Iterator[int]:
    """Global numbers of the blocks that this peer would bring much sooner, those of the slowest peer first."""
    trial = not pipeline.rate.value(now)
    if len(pipeline.sent) >= (1 if trial else ENDGAME_DEPTH):
        return
    worth = TRIAL_PATIENCE if trial else max(ENDGAME_PATIENCE, ENDGAME_GAIN * pipeline.drain_time(now))
    waits = [(other.drain_time(now), other) for other in others if other is not pipeline and other.sent]
    for wait, owner in sorted(waits, key=lambda item: item[0], reverse=True):
        if wait <= worth:
            return
        if trial:
            if owner.crawls(now):
                yield next(reversed(owner.sent))
            return
        yield from list(itertools.islice(reversed(owner.sent), math.ceil(len(owner.sent) * (1 - worth / wait))))
