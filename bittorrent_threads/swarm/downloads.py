"""Requests to the sources of a torrent: blocks in, time-outs, and the endgame (BEP 3, BEP 6).

A piece is in exactly one of these states:

    queued --refill--> open --block--> finished --saved--> have, or queued again if it failed

Queued and have are states in the ``Picker``; open is one of ``OpenPieces``, whose blocks are free or requested;
finished is one of ``FinishedPieces``, which the disk hashes and writes.

``block`` is the hot path: it runs once for each 16 KiB and takes about 2 us with the copy.  With pieces of one block
everything that is done for a piece is done for each block, so requests for many pieces are made in one call.
"""

from __future__ import annotations

from typing import Collection, Dict, Iterable, List, Optional, Sequence, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK, Layout
from ..settings import Settings
from .buffer_pool import BufferPool
from .due_requests import DueRequests
from .endgame import duplicates
from .finished_pieces import FinishedPieces
from .interfaces import BlockRequest, Buffer, PieceWriter
from .open_piece import OpenPiece
from .open_pieces import SHIFT, OpenPieces
from .parole import Parole
from .picker import Picker
from .pipeline import LEAST_DEPTH, Pipeline
from .read_windows import ReadWindows
from .request_window import RequestWindow
from .unfinished_pieces import Unfinished

MASK = BLOCK - 1

SLOW_EXCESS = 4
"""Times ``LEAST_DEPTH``: requests to a slow source beyond that, made before it was known to be slow, are cancelled."""

MAX_VIOLATIONS = 200
"""``Pipeline.violations`` above which a peer is closed."""


class Downloads:
    """What is requested for one torrent.

    Args:
        layout: The pieces of the torrent.
        picker: Chooses the pieces to open.
        memory: The pool of buffers, shared with other torrents.
        writer: Gets what was received.
        settings: Time-outs and limits.
    """

    def __init__(
        self, layout: Layout, picker: Picker, *, memory: BufferPool, writer: PieceWriter, settings: Settings
    ) -> None:
        self.picker = picker
        self.window = RequestWindow(settings.request_queue_time)
        """How much may be outstanding under a rate limit."""
        self.suspended = False
        """Whether nothing is requested: the torrent is paused, or the disk failed."""
        self.cautious = False
        """Whether only one piece is open at a time: the disk failed and is being tried."""
        self.wasted = 0
        """Bytes that were received and thrown away, of sources that have left."""
        self._layout = layout
        self._memory = memory
        self._writer = writer
        self._pieces = OpenPieces(layout, picker, memory)
        self._open = self._pieces.by_index
        self._per_piece = self._pieces.per_piece
        self._pipelines: Dict[Pipeline, None] = {}
        """Those to which something was requested, and that have not left."""
        self.windows = ReadWindows(layout.piece_length)
        """What is being read, and is requested first."""
        self._due = DueRequests(self.windows, self._pieces, picker, self._pipelines)
        self._parole = Parole(settings.request_timeout)
        self.finished = FinishedPieces(picker, self._parole, memory)

    # -- received blocks ---------------------------------------------------------------------------------------------

    def block(self, pipeline: Pipeline, index: int, begin: int, data: memoryview) -> None:
        """Take a block that a source sent.

        Args:
            pipeline: That of the source.
            index: A piece of the torrent; the caller has checked that it exists.
            begin: Where the block begins in the piece, in bytes; not checked.
            data: The content; valid during the call, unless it is borrowed from the lender of the memory.
        """
        size = len(data)
        end = begin + size
        block = begin >> SHIFT
        number = index * self._per_piece + block
        piece = self._open.get(index)
        if (
            piece is None
            or begin & MASK
            or end > piece.size
            or (size != BLOCK and (size > BLOCK or end != piece.size))
            or piece.received[block]
        ):
            if piece is None and number in pipeline.late and self._reopen(index):
                self.block(pipeline, index, begin, data)
            else:
                self._waste(pipeline, index, begin, size)
            return
        requested = pipeline.outstanding.pop(number, None)
        if requested is None:
            late = number in pipeline.late and piece.expects(block)
            if not late or not self._parole.has_turn(index, pipeline.sender):
                self._waste(pipeline, index, begin, size)
                return
            del pipeline.late[number]
        else:
            pipeline.answered = requested
        complete = piece.put(block, begin, end, data, self._memory)
        pipeline.payload += size
        if piece.owners[block] is not pipeline or piece.extra:
            self._pieces.settle(piece, block, number, pipeline)
        if complete:
            self._complete(piece, block)

    def blocks(self, pipeline: Pipeline, index: int, begin: int, data: Sequence[memoryview]) -> None:
        """Take neighbouring blocks of full length that a source sent, as ``block`` takes one.

        Args:
            pipeline: That of the source.
            index: A piece of the torrent; the caller has checked that it exists.
            begin: Where the first block begins in the piece, in bytes; not checked.
            data: The content of each, as of ``block``.
        """
        piece, first, count = self._open.get(index), begin >> SHIFT, len(data)
        numbers = range(index * self._per_piece + first, index * self._per_piece + first + count)
        outstanding = pipeline.outstanding
        complete: Optional[bool] = None
        if piece is not None and not begin & MASK and all(map(outstanding.__contains__, numbers)):
            complete = piece.put_run(first, data, pipeline, self._memory)
        if piece is None or complete is None:
            for place, each in enumerate(data):
                self.block(pipeline, index, begin + (place << SHIFT), each)
            return
        pipeline.answered = outstanding[numbers[-1]]
        for number in numbers:
            del outstanding[number]
        pipeline.payload += count << SHIFT
        if complete:
            self._complete(piece, first)

    def _complete(self, piece: OpenPiece, block: int) -> None:
        """Give the writer what a block completed: a piece, or a part of it."""
        if not piece.left:
            del self._open[piece.index]
            self.finished.add(piece)
        piece.save(block, self._memory, self._writer, self)

    def _reopen(self, index: int) -> bool:
        """Open a piece again of which a late block was received, if there is a use and room for it."""
        return not self.cautious and index not in self._parole and self._pieces.reopen(index)

    def written(self, piece: OpenPiece, *, failed: bool, whole: bool) -> None:
        """Take the news that a segment of a piece is on disk, or could not be written: then the piece begins anew."""
        if self._pieces.written(piece):
            return
        if failed:
            self.finished.drop(piece.index)
            self._pieces.close(piece)
        elif whole:
            self._writer.written_whole(piece.index)

    def _waste(self, pipeline: Pipeline, index: int, begin: int, size: int) -> None:
        """Count a block that is thrown away."""
        pipeline.wasted += size
        number = index * self._per_piece + (begin >> SHIFT)
        rest = self._layout.piece_size(index) - begin
        if begin & MASK or rest <= 0 or size != min(BLOCK, rest) or number not in pipeline.late:
            # A block of another size than was requested is no answer: the request stays as it is.
            pipeline.violations += 1
            pipeline.unrequested_bytes += size
        else:
            del pipeline.late[number]

    def rejected(self, pipeline: Pipeline, index: int, begin: int, now: float) -> None:
        """Take the news that a source will not send a block (BEP 6).

        Args:
            pipeline: That of the source.
            index: The piece.
            begin: Where the block begins in the piece, in bytes.
            now: Monotonic seconds.
        """
        number = index * self._per_piece + (begin >> SHIFT)
        if number == pipeline.uncancelled:
            pipeline.uncancelled = None
        if begin & MASK == 0 and number in pipeline.late:
            # It may have been requested again since: the reject is for the first request, as peers answer in order.
            del pipeline.late[number]
        elif begin & MASK == 0 and pipeline.outstanding.pop(number, None) is not None:
            self._pieces.give_back(pipeline, [number])
            if self._parole.lost(index, pipeline.sender):
                self._pieces.cancel_requests(index, (pipeline.sender,))
            if pipeline.choked:
                pipeline.allowed.discard(index)
            else:
                pipeline.refuse(index, now)
        else:
            pipeline.violations += 1

    # -- requests ----------------------------------------------------------------------------------------------------

    def refill(self, pipeline: Pipeline, now: float) -> None:
        """Request as many blocks of the pieces of a source as its pipeline has room for, in one batch."""
        room = pipeline.room if not self.window.rate else self.window.room(pipeline, self._pipelines)
        if room <= 0 or self.suspended or not pipeline.refill_due:
            return
        within: Optional[Collection[int]] = None
        if pipeline.choked:
            if not pipeline.allowed:
                return
            within = pipeline.allowed
        offered = pipeline.bits
        if pipeline.refused or self._parole:
            offered = self._parole.offered(offered, pipeline.sender, pipeline.refused, choked=pipeline.choked, now=now)
        batch: List[BlockRequest] = []
        rest: Optional[Bitfield] = offered
        if self.windows:
            openable = not self.cautious or not (self._open or self.finished)
            batch, rest = self._due.take(pipeline, offered, within, room=room, openable=openable, now=now)
            if self.windows.in_use(now):
                depth = pipeline.brief_depth(now, self.windows.steady(now))
                free = depth - len(pipeline.outstanding)
                room = min(room, len(batch) + free) if free * 4 >= depth else len(batch)
        if rest is not None and len(batch) < room:
            batch += self._pieces.take(pipeline, self._pieces.offered(rest, within), room - len(batch), now)
        while rest is not None and len(batch) < room:
            pieces = self._open_more(pipeline, rest, -(-(room - len(batch)) // self._per_piece), within)
            if not pieces:
                break
            batch += self._pieces.take(pipeline, pieces, room - len(batch), now)
        if (
            not batch
            and rest is not None
            and room > 0
            and within is None
            and self._pieces.exhausted
            and not self.window.reached
        ):
            batch = duplicates(pipeline, self._pieces, self._pipelines, offered=offered, room=room, now=now)
        if batch:
            self._send(pipeline, batch, now)

    def shorten(self, now: float) -> None:
        """A file is opened: cancel so many of the newest requests that those for its data are answered soon."""
        for pipeline in self._pipelines:
            self._cancel(pipeline, pipeline.brief_depth(now))

    def give_way(self, now: float) -> None:
        """A reader waits: cancel what was requested, to the sources of its pieces, of pieces that no reader needs."""
        for pipeline in self._pipelines:
            outside = self._due.outside(pipeline, now)
            # A source keeps its turn at a failed piece: the cancel would count against it.
            numbers = [number for number in outside if number // self._per_piece not in self._parole]
            if numbers:
                pipeline.forget(numbers)
                pipeline.source.cancel([self._pieces.request(number) for number in numbers])
                self._pieces.give_back(pipeline, numbers)

    def blocks_left(self, index: int) -> int:
        """Blocks of a piece that were not received; of one that is not open all, and of a finished one none."""
        piece = self._open.get(index)
        if piece is not None:
            return piece.left
        return 0 if index in self.finished else self._layout.block_count(index)

    def _send(self, pipeline: Pipeline, batch: List[BlockRequest], now: float) -> None:
        """Request these blocks, which are marked as requested."""
        self._pipelines[pipeline] = None
        if self._parole:
            for index in {index for index, _, _ in batch if index in self._parole}:
                self._parole.asked(index, pipeline.sender, now)
        if pipeline.uncancelled is not None:
            # A second request for that block might bring it twice.
            uncancelled = self._pieces.request(pipeline.uncancelled)
            batch = [block for block in batch if block != uncancelled]
        if batch:
            pipeline.source.request(batch)

    def _open_more(
        self, pipeline: Pipeline, offered: Bitfield, count: int, within: Optional[Collection[int]]
    ) -> List[OpenPiece]:
        affordable = self._pieces.affordable(count)
        if not affordable or self.cautious:
            affordable = 0 if self._open or self.finished else 1
        # Failed pieces come first: a bad sender is found when they are right, and spoils others until then.
        first = [*self._parole, *pipeline.suggested] if self._parole else pipeline.suggested
        return self._pieces.open(offered, affordable, within=within, first=first)

    # -- giving up ---------------------------------------------------------------------------------------------------

    def release(self, pipeline: Pipeline) -> None:
        """Expect nothing of what was requested: the source choked us, timed out or left."""
        self._pieces.give_back(pipeline, pipeline.withdraw())
        for index in self._parole.turns(pipeline.sender):
            self._parole.lost(index, pipeline.sender)

    def left(self, pipeline: Pipeline) -> None:
        """Forget a source that has gone."""
        self.release(pipeline)
        self._pipelines.pop(pipeline, None)
        self.wasted += pipeline.wasted

    def withdraw(self, pipeline: Pipeline) -> None:
        """Cancel every request to the source."""
        self._cancel(pipeline, 0)
        self.release(pipeline)

    def drop(self, indexes: Iterable[int]) -> None:
        """Give up pieces that are not wanted any more: cancel their requests, and drop their blocks."""
        if self._open or self._parole:
            for index in [index for index in indexes if index in self._open or index in self._parole]:
                if index in self._open:
                    self._pieces.close(self._open[index])
                self.finished.forget(index)

    def set_priorities(self, priorities: Sequence[int]) -> None:
        """Set the priority of every piece, 0 (not wanted) to 7 (first), and give up those not wanted any more."""
        self.drop(self.picker.set_priorities(priorities))
        # One that became unwanted and wanted again while the disk works on it must not be opened meanwhile.
        for index in (*self.finished, *self._pieces.unopenable):
            self.picker.take(index)

    def _cancel(self, pipeline: Pipeline, kept: int) -> None:
        """Cancel all requests but the oldest ``kept``, whose blocks may be on their way."""
        numbers = pipeline.withdraw(kept)
        if numbers:
            pipeline.source.cancel([self._pieces.request(number) for number in numbers])
            self._pieces.give_back(pipeline, numbers)

    # -- once a second -----------------------------------------------------------------------------------------------

    def tick(self, pipeline: Pipeline, now: float, *, departure: float = 0.0) -> None:
        """Once a second: give up requests that are overdue.

        Args:
            pipeline: That of the source.
            now: Monotonic seconds.
            departure: Seconds that requests may need to leave under an upload limit of ours.
        """
        pipeline.expire_refusals(now)
        delay = self.window.delay(self._pipelines) + departure
        for number in pipeline.withheld(now - delay):
            pipeline.violations += 1
            pipeline.cancel(number, self._pieces.request(number))
            self._pieces.give_back(pipeline, [number])
            pipeline.refuse(number // self._per_piece, now)
        if pipeline.overdue(now - delay):
            for index in {number // self._per_piece for number in pipeline.outstanding}:
                pipeline.refuse(index, now)  # else the next refill would request the same block again
            pipeline.snub()
            self._cancel(pipeline, 1)
            (pipeline.uncancelled,) = pipeline.outstanding
            self.release(pipeline)
        elif len(pipeline.outstanding) > SLOW_EXCESS * LEAST_DEPTH and pipeline.proven_slow(now):
            pipeline.restrain()
            self._cancel(pipeline, LEAST_DEPTH)
        uncancelled = pipeline.uncancelled
        if uncancelled is not None and not self._lacks(uncancelled):
            pipeline.uncancelled = None
            if uncancelled in pipeline.late:
                pipeline.source.cancel([self._pieces.request(uncancelled)])
        for index, senders in self._parole.expired(now, self._blocks_left, delay).items():
            self._pieces.cancel_requests(index, senders)

    def adapt(self, *, unused: bool) -> None:
        """Once a second: fit the outstanding requests to the rate limit, of which a part was ``unused`` or none."""
        self.window.adapt(unused=unused)
        excess = self.window.excess(self._pipelines)
        if excess > 0:
            for pipeline in sorted(self._pipelines, key=lambda each: len(each.outstanding), reverse=True):
                kept = max(1, len(pipeline.outstanding) - max(0, excess))
                excess -= len(pipeline.outstanding) - kept
                self._cancel(pipeline, kept)

    def _lacks(self, number: int) -> bool:
        """Whether a block is missing still."""
        index, block = divmod(number, self._per_piece)
        piece = self._open.get(index)
        if piece is not None:
            return not piece.received[block]
        return index not in self.finished and self.picker.wants(index)

    def _blocks_left(self, index: int) -> Optional[int]:
        piece = self._open.get(index)
        return None if piece is None else piece.left

    # -- stopping and starting ---------------------------------------------------------------------------------------

    @property
    def saving(self) -> bool:
        """Whether the disk works on a piece."""
        return bool(self.finished) or self._pieces.busy

    def unfinished(self) -> List[Unfinished]:
        """What was received of the open pieces, to be written; the views in it are valid until ``forget``."""
        return self._pieces.unfinished()

    def forget(self) -> None:
        """Close every open piece."""
        self._pieces.close_all()

    def restore(self, index: int, blocks: Bitfield) -> List[Tuple[int, int, int]]:
        """Open a piece of which some blocks are on disk; as ``OpenPieces.restore``."""
        return [] if index in self._parole else self._pieces.restore(index, blocks)

    def restored(self, index: int, segment: int, data: Optional[Buffer]) -> None:
        """Take a segment as read from disk; as ``OpenPieces.restored``."""
        self._pieces.restored(index, segment, data)

    # -- for tests ---------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Assert the invariants between pieces, picker and memory; for tests."""
        self.picker.check()
        self._pieces.check()
        assert not self._open.keys() & {*self.finished}
        self.finished.check([*self._pieces.held])
        requested = {
            (id(pipeline), index * self._per_piece + block)
            for index, piece in self._open.items()
            for block, pipeline in piece.asked()
        }
        assert requested == {(id(each), number) for each in self._pipelines for number in each.outstanding}
