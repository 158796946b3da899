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
    ) -> Tuple[List[BlockRequest], bool]:
        """Mark blocks as requested to this pipeline.

        Args:
            pipeline: That of the source.
            offered: The pieces that may be requested to it.
            within: The only pieces that may be requested, if not None.
            room: How many blocks to mark at most.
            openable: Whether pieces may be opened.
            now: Monotonic seconds.

        Returns:
            The requests, and whether nothing else is to be requested to this source now.
        """
        pieces, picker = self._pieces, self._picker
        due: Sequence[Due] = self._windows.due(now)
        needed = [each for each in due if offered[each.index] and (within is None or each.index in within)]
        needed = [each for each in needed if picker.wants(each.index)]
        if not needed:
            return [], False
        faster = self._faster(pipeline, now)
        if faster and not pipeline.rate.value(now):
            # It is tried with few blocks, and those that are needed last.
            room = min(room, LEAST_DEPTH - len(pipeline.outstanding))
            needed.reverse()
        elif faster:
            ready = now + pipeline.drain_time(now)
            needed = [each for each in needed if ready <= each.deadline + IN_TIME or not _offers(faster, each.index)]
        batch: List[BlockRequest] = []
        alone = any(each.index in pieces.by_index for each in due)
        for each in needed:
            if len(batch) >= room:
                break
            index = each.index
            if index not in pieces.by_index:
                # The first one is opened in any case: the memory may be full of pieces that take long.
                if not openable or not pieces.reopen(index, forced=not alone):
                    continue
                alone = True
            if index in pieces.askable:
                batch += pieces.take(pipeline, (pieces.askable[index],), room - len(batch), now)
        batch += self._late(pipeline, needed, room - len(batch), now)
        return batch, bool(needed) and self._windows.urgent(now)

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

    def _late(self, pipeline: Pipeline, needed: Iterable[Due], room: int, now: float) -> List[BlockRequest]:
        """Mark the blocks of late pieces that are requested elsewhere, and have been for too long."""
        batch: List[BlockRequest] = []
        late = {*self._windows.late(now, PATIENCE)}.intersection([each.index for each in needed])
        known = pipeline.rate.value(now)
        worth = max(PATIENCE, FASTER * pipeline.drain_time(now)) if known else TRIAL_PATIENCE
        for piece in [self._pieces.by_index[index] for index in late if index in self._pieces.by_index]:
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
        """Of what is outstanding from a source that has a needed piece, the blocks of pieces that no reader needs."""
        due = {each.index for each in self._windows.due(now)}
        if not any(pipeline.bits[index] and self._picker.wants(index) for index in due):
            return []
        per_piece = self._pieces.per_piece
        return [number for number in pipeline.outstanding if number // per_piece not in due]


def _offers(pipelines: Iterable[Pipeline], index: int) -> bool:
    return any(pipeline.bits[index] for pipeline in pipelines)
