"""The end of a download: blocks that are requested to slow sources are requested to quicker ones too (BEP 3).

Each source has requests for some seconds of its rate, so a block that has waited for a second is not late.  What counts
is when it would come: the blocks worth requesting twice are those that a slow source would send last.
"""

from __future__ import annotations

import itertools
import math
from typing import Iterable, Iterator, List

from ..metainfo.bitfield import Bitfield
from .interfaces import BlockRequest
from .open_pieces import OpenPieces
from .pipeline import Pipeline

ENDGAME_DEPTH = 16
"""Outstanding requests of a source up to which blocks are requested to it that were requested elsewhere."""

ENDGAME_PATIENCE = 0.5
ENDGAME_GAIN = 2.0
"""A block is requested to a second source only if the first needs so many seconds more, and so many times longer.

In a swarm of twenty equals, duplicates without these two rules doubled the traffic (simulated, 65 pieces of 64 KiB).
"""

TRIAL_PATIENCE = 2.0
"""Seconds that a block has to wait at a slow source to be requested to a source that was never tried.

One block, to know its rate: eight peers that all wait for a seed of 20 kB/s otherwise never ask each other.
"""


def duplicates(
    pipeline: Pipeline, pieces: OpenPieces, others: Iterable[Pipeline], *, offered: Bitfield, room: int, now: float
) -> List[BlockRequest]:
    """Mark blocks as requested to this pipeline that are requested to slower ones.

    Args:
        pipeline: That of the quicker source.
        pieces: The open pieces.
        others: All pipelines of the torrent.
        offered: The pieces that may be requested to the source.
        room: How many blocks to mark at most.
        now: Monotonic seconds.
    """
    batch: List[BlockRequest] = []
    for number in slower_blocks(pipeline, others, now):
        index, block = divmod(number, pieces.per_piece)
        piece = pieces.by_index.get(index)
        if piece is not None and offered[index] and piece.duplicable(block, pipeline):
            piece.extra.setdefault(block, []).append(pipeline)
            pipeline.outstanding[number] = now
            batch.append(pieces.request(number))
            if len(batch) >= room or len(pipeline.outstanding) >= ENDGAME_DEPTH:
                break
    return batch


def slower_blocks(pipeline: Pipeline, others: Iterable[Pipeline], now: float) -> Iterator[int]:
    """Global numbers of the blocks that this source would send much sooner, those of the slowest source first."""
    trial = not pipeline.rate.value(now)
    if len(pipeline.outstanding) >= (1 if trial else ENDGAME_DEPTH):
        return
    worth = TRIAL_PATIENCE if trial else max(ENDGAME_PATIENCE, ENDGAME_GAIN * pipeline.drain_time(now))
    waits = [(other.drain_time(now), other) for other in others if other is not pipeline and other.outstanding]
    for wait, owner in sorted(waits, key=lambda item: item[0], reverse=True):
        if wait <= worth:
            return
        if trial:
            if owner.slow(now):
                yield next(reversed(owner.outstanding))
            return
        count = math.ceil(len(owner.outstanding) * (1 - worth / wait))
        yield from list(itertools.islice(reversed(owner.outstanding), count))
