"""Requests for the pieces that readers wait for or will get to: time-critical pieces, in the words of other clients.

The nearest piece is requested first, and to sources that send it in time: a slow source that has a faster one beside it
is left out.  A block is requested a second time only when the piece is late: when a reader has waited for it, and the
source of the block has had the time in which another one would have sent it twice.
"""

from __future__ import annotations

from typing import Collection, Iterable, List, Optional, Sequence, Tuple

from ..metainfo.bitfield import Bitfield
from .interfaces import BlockRequest
from .open_pieces import OpenPieces
from .picker import Picker
from .pipeline import LEAST_DEPTH, UNKNOWN_TIME, Pipeline
from .read_windows import Due, ReadWindows

IN_TIME = 0.25
"""Seconds in which a source of any rate sends what it was asked for in time."""

FASTER = 2.0
"""Times as fast another source has to be for a piece to be left to it."""

PATIENCE = 0.5
"""Seconds of a wait after which the piece is late, and after which a block may be requested a second time."""

TRIAL_PATIENCE = 2.0
"""The same for a second request to a source whose rate is not known."""


class DueRequests:
    """Requests the pieces of the windows of one torrent.

    Args:
        windows: The windows.
        pieces: The open pieces.
        picker: Has the others.
        pipelines: Those of the sources of the torrent.
    """

    def __init__(
        self, windows: ReadWindows, pieces: OpenPieces, picker: Picker, pipelines: Collection[Pipeline]
    ) -> None:
        self._windows = windows
        self._pieces = pieces
        self._picker = picker
        self._pipelines = pipelines

    def take(
        self,
        pipeline: Pipeline,
        offered: Bitfield,
        within: Optional[Collection[int]],
        *,
        room: int,
        openable: bool,
        now: float,
    ) -> Tuple[List[BlockRequest], Optional[Bitfield]]:
        """Mark blocks as requested to this pipeline.

        Args:
            pipeline: That of the source.
            offered: The pieces that may be requested to it.
            within: The only pieces that may be requested, if not None.
            room: How many blocks to mark at most.
            openable: Whether pieces may be opened.
            now: Monotonic seconds.

        Returns:
            The requests, and the pieces that may be requested to this source besides; None if a reader waits for it.
        """
        windows = self._windows
        awaited, due = windows.awaited(now), windows.due(now)
        usable = offered
        faster = self._faster(pipeline, now)
        if faster:
            usable = self._without_near(pipeline, offered, faster, now)
        if faster and not pipeline.rate.value(now):
            # It is tried with few blocks, and those that are needed last.
            most = min(room, LEAST_DEPTH - len(pipeline.outstanding))
            batch, _ = self._request(pipeline, due[::-1], offered, within, room=most, openable=openable, now=now)
        else:
            batch, due[:] = self._request(pipeline, due, usable, within, room=room, openable=openable, now=now)
        late = [index for index in windows.late(now, PATIENCE) if usable[index]] if within is None else []
        batch += self._late(pipeline, late, room - len(batch), now)
        alone = any(usable[index] and (within is None or index in within) for index in awaited)
        return batch, None if alone else usable

    def _request(
        self,
        pipeline: Pipeline,
        due: Sequence[Due],
        offered: Bitfield,
        within: Optional[Collection[int]],
        *,
        room: int,
        openable: bool,
        now: float,
    ) -> Tuple[List[BlockRequest], List[Due]]:
        """Mark blocks of these pieces in their order; returns the requests, and the pieces that have more blocks."""
        pieces, picker = self._pieces, self._picker
        awaited = self._windows.awaited(now)
        batch: List[BlockRequest] = []
        left: List[Due] = []
        for place, each in enumerate(due):
            if len(batch) >= room:
                return batch, [*left, *due[place:]]
            index = each.index
            opened = index in pieces.by_index
            if index not in pieces.askable if opened else not picker.queued(index):
                continue  # requested, being written, or there
            usable = offered[index] and (within is None or index in within)
            # One that is waited for is opened in any case: the memory may be full of pieces that take long.
            if usable and (opened or (openable and pieces.reopen(index, forced=index in awaited))):
                batch += pieces.take(pipeline, (pieces.by_index[index],), room - len(batch), now)
            if index in pieces.askable or not usable or index not in pieces.by_index:
                left.append(each)
        return batch, left

    def _without_near(
        self, pipeline: Pipeline, offered: Bitfield, faster: Collection[Pipeline], now: float
    ) -> Bitfield:
        """The pieces of a slow source without those that a faster one sends sooner, and that are due before."""
        ready = now + (pipeline.drain_time(now) if pipeline.rate.value(now) else UNKNOWN_TIME) - IN_TIME
        near = [each.index for each in self._windows.due(now) if each.deadline < ready]
        kept = offered.copy()
        for index in (*self._windows.awaited(now), *near):
            if any(other.bits[index] for other in faster):
                kept.clear(index)
        return kept

    def _faster(self, pipeline: Pipeline, now: float) -> List[Pipeline]:
        """The sources that would answer much sooner."""
        most = (pipeline.drain_time(now) if pipeline.rate.value(now) else UNKNOWN_TIME) / FASTER
        return [
            other
            for other in self._pipelines
            if other is not pipeline
            and not other.choked
            and not other.snubbed
            and other.rate.value(now)
            and other.drain_time(now) < most
        ]

    def _late(self, pipeline: Pipeline, indexes: Iterable[int], room: int, now: float) -> List[BlockRequest]:
        """Mark the blocks of late pieces that are requested elsewhere, and have been for too long."""
        batch: List[BlockRequest] = []
        known = pipeline.rate.value(now)
        worth = max(PATIENCE, FASTER * pipeline.drain_time(now)) if known else TRIAL_PATIENCE
        for piece in [self._pieces.by_index[index] for index in indexes if index in self._pieces.by_index]:
            first = piece.index * self._pieces.per_piece
            for block, owner in enumerate(piece.owners):
                if len(batch) >= room:
                    return batch
                if owner is None or not piece.duplicable(block, pipeline):
                    continue
                number = first + block
                if now - owner.outstanding.get(number, now) >= worth:
                    piece.extra.setdefault(block, []).append(pipeline)
                    pipeline.outstanding[number] = now
                    batch.append(self._pieces.request(number))
        return batch

    def outside(self, pipeline: Pipeline, now: float) -> List[int]:
        """Of what is outstanding from a source of a piece that is waited for, the blocks of pieces in no window."""
        if not any(pipeline.bits[index] for index in self._windows.awaited(now)):
            return []
        per_piece, includes = self._pieces.per_piece, self._windows.includes
        outside = {index for index in {number // per_piece for number in pipeline.outstanding} if not includes(index)}
        return [number for number in pipeline.outstanding if number // per_piece in outside]
