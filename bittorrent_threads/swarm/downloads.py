"""What a torrent asks of its peers: open pieces, requests, arrivals, time-outs and the endgame (BEP 3, BEP 6).

A piece is in exactly one of five states: unwanted or had (the picker's), queued (the picker's), open (blocks are asked
for or free), finished (every block is here, the disk hashes and writes it).

    queued --refill--> open --block--> finished --saved--> had, or queued again when it failed

``block`` is the hot path: it runs once for each 16 KiB, and costs about 2 us with the copy.  A piece may be a single
block, so what can be done for many pieces in one call is: that costs another 2 us a piece.
"""

from __future__ import annotations

from typing import Collection, Dict, Hashable, Iterable, Iterator, List, Optional, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK, Layout
from ..settings import Settings
from .buffer_pool import BufferPool
from .endgame import ENDGAME_DEPTH, slower_blocks
from .finished_pieces import FinishedPieces
from .interfaces import BlockRequest, DownloadPort
from .open_piece import Buffer, OpenPiece
from .parole import Parole
from .picker import Picker
from .piece_factory import PieceFactory
from .pipeline import LEAST_DEPTH, Pipeline
from .request_window import RequestWindow
from .segmented_piece import SegmentedPiece
from .unfinished_pieces import Unfinished, UnfinishedPieces, unfinished

SHIFT = 14
MASK = BLOCK - 1

SLOW_EXCESS = 4
"""Times ``LEAST_DEPTH``: what a slow peer was asked for beyond that, before it was known to be slow, is taken back."""

MAX_UNASKED = 200
"""Blocks nobody asked for that a peer may send before it is closed."""


class Downloads:
    """The pieces of one torrent on their way in."""

    def __init__(
        self, layout: Layout, picker: Picker, *, memory: BufferPool, port: DownloadPort, settings: Settings
    ) -> None:
        self.picker = picker
        self.window = RequestWindow(settings.request_queue_time)
        """How much may be under way at a limited rate."""
        self.suspended = False
        """Nothing new is asked for: paused, or the disk failed."""
        self.cautious = False
        """One piece at a time: the disk failed and is being tried."""
        self.wasted = 0
        """Bytes that came for nothing, of peers that have left."""
        self._layout = layout
        self._memory = memory
        self._port = port
        self._per_piece = max(1, -(-layout.piece_length // BLOCK))
        self._opening = PieceFactory(layout, picker, memory)
        self._open: Dict[int, OpenPiece] = {}
        self._partial: Dict[int, OpenPiece] = {}
        """The open pieces that have something to ask for."""
        self._asked: Dict[Pipeline, None] = {}
        """Peers that were ever asked for something and have not left."""
        self._parole = Parole(settings.request_timeout)
        self.finished = FinishedPieces(picker, self._parole, memory, port.accuse)
        self._closing: Dict[int, OpenPiece] = {}
        """Pieces given up of which the disk still writes a stripe: nobody may begin them anew before."""
        self._restoring = UnfinishedPieces(self._opening, picker, memory)

    # -- arrivals --------------------------------------------------------------------------------------------------

    def block(self, pipeline: Pipeline, index: int, begin: int, data: memoryview) -> None:
        """A block came; the wire has checked that ``index`` exists."""
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
            if piece is None and number in pipeline.late and self._open_late(index):
                self.block(pipeline, index, begin, data)
            else:
                self._waste(pipeline, index, begin, size)
            return
        asked = pipeline.sent.pop(number, None)
        if asked is None:
            late = number in pipeline.late and piece.expects(block)
            if not late or not self._parole.has_turn(index, pipeline.key):
                self._waste(pipeline, index, begin, size)
                return
            pipeline.late.discard(number)
        else:
            pipeline.answered = asked
        complete = piece.put(block, begin, end, data, self._memory)
        pipeline.payload += size
        if piece.owners[block] is not pipeline or piece.extra:
            self._settle_owners(piece, block, number, pipeline)
        if complete:
            self._complete(piece, block)

    def _open_late(self, index: int) -> bool:
        """A block comes of a piece that was given up meanwhile: open it again, if there is a use and room for it."""
        if self.cautious or index in self._parole or not self._opening.affordable(1) or not self.picker.take(index):
            return False
        piece = self._opening.piece(index)
        self._memory.reserve(piece.reserved, forced=True)
        self._reopen(piece)
        return True

    def _complete(self, piece: OpenPiece, block: int) -> None:
        """The piece, or the stripe of this block, is here."""
        if not piece.left:
            del self._open[piece.index]
            self.finished.add(piece)
        if isinstance(piece, SegmentedPiece):
            self._port.received_stripe(piece, piece.write(block))
        else:
            self._port.received(piece)

    def written(self, piece: SegmentedPiece, stripe: int, *, failed: bool) -> None:
        """The disk has written a stripe, or could not: then the piece begins anew."""
        piece.written(stripe, self._memory)
        if piece.index in self._closing:
            self._close(piece)
        elif failed:
            self.finished.drop(piece.index)
            self._close(piece)
        elif not piece.unwritten:
            self._port.written_whole(piece)

    def rejected(self, pipeline: Pipeline, index: int, begin: int, now: float) -> None:
        """The peer will not send a block (BEP 6); a reject of what was not asked for is counted."""
        number = index * self._per_piece + (begin >> SHIFT)
        if number == pipeline.doubtful:
            pipeline.doubtful = None
        if begin & MASK == 0 and pipeline.sent.pop(number, None) is not None:
            self._give_back(pipeline, [number])
            if self._parole.lost(index, pipeline.key):
                self._end_turns(index, (pipeline.key,))
            if pipeline.choked:
                pipeline.allowed.discard(index)
            else:
                pipeline.refuse(index, now)
        elif number in pipeline.late:
            pipeline.late.discard(number)
        else:
            pipeline.unasked += 1

    # -- asking ----------------------------------------------------------------------------------------------------

    def refill(self, pipeline: Pipeline, now: float) -> None:  # noqa: C901 - hot path, without further calls
        """Ask the peer for as many blocks as its pipeline has room for, in one batch."""
        room = pipeline.room if not self.window.rate else self.window.room(pipeline, self._asked)
        if room <= 0 or self.suspended or not pipeline.thin:
            return
        within: Optional[Collection[int]] = None
        if pipeline.choked:
            if not pipeline.allowed:
                return
            within = pipeline.allowed
        offered = pipeline.bits
        if pipeline.refused or self._parole:
            offered = self._parole.offered(offered, pipeline.key, pipeline.refused, choked=pipeline.choked, now=now)
        batch = self._take(pipeline, self._askable(offered, within), room, now)
        while len(batch) < room:
            pieces = self._open_more(pipeline, offered, -(-(room - len(batch)) // self._per_piece), within)
            if not pieces:
                break
            batch += self._take(pipeline, pieces, room - len(batch), now)
        if not batch and within is None and self._opening.exhausted and not self.window.reached:
            for number in slower_blocks(pipeline, self._asked, now):
                index, block = divmod(number, self._per_piece)
                slow = self._open.get(index)
                if slow is not None and offered[index] and slow.duplicable(block, pipeline):
                    slow.extra.setdefault(block, []).append(pipeline)
                    pipeline.sent[number] = now
                    batch.append(self._request(number))
                    if len(batch) >= room or len(pipeline.sent) >= ENDGAME_DEPTH:
                        break
        if batch:
            self._asked[pipeline] = None
            if self._parole:
                for index in {index for index, _, _ in batch if index in self._parole}:
                    self._parole.asked(index, pipeline.key, now)
            if pipeline.doubtful is not None:
                # That one the peer was asked for already: to ask again might bring it twice.
                batch = [block for block in batch if block != self._request(pipeline.doubtful)]
            if batch:
                self._port.request(pipeline.peer, batch)

    def _askable(self, offered: Bitfield, within: Optional[Collection[int]]) -> Iterator[OpenPiece]:
        """The open pieces that have something to ask for and are offered."""
        for piece in list(self._partial.values()):
            if offered[piece.index] and (within is None or piece.index in within):
                yield piece

    def _take(self, pipeline: Pipeline, pieces: Iterable[OpenPiece], room: int, now: float) -> List[BlockRequest]:
        """Up to ``room`` blocks of these pieces to ask the peer for.

        Of many pieces at once: to open and ask for one of one block takes 1.3 us, and took 3.1 with a call for each.
        """
        sent, per_piece, partial, memory = pipeline.sent, self._per_piece, self._partial, self._memory
        batch: List[BlockRequest] = []
        left = room
        for piece in pieces:
            free, owners, index, size = piece.free, piece.owners, piece.index, piece.size
            if isinstance(piece, SegmentedPiece) and len(free) < left:
                piece.widen(left, memory)
            first, last = index * per_piece, piece.blocks - 1
            for _ in free[:left]:
                block = free.pop()
                owners[block] = pipeline
                sent[first + block] = now
                begin = block << SHIFT
                batch.append((index, begin, BLOCK if block != last else size - begin))
            if free or (isinstance(piece, SegmentedPiece) and piece.askable):
                partial[index] = piece
            elif index in partial:
                del partial[index]
            left = room - len(batch)
            if not left:
                break
        return batch

    def _open_more(
        self, pipeline: Pipeline, offered: Bitfield, count: int, within: Optional[Collection[int]]
    ) -> List[OpenPiece]:
        affordable = self._opening.affordable(count)
        if not affordable or self.cautious:
            affordable = 0 if self._open or self.finished else 1
        # Pieces that failed come first: a liar is known when they are right, and spoils others until then.
        first = [*self._parole, *pipeline.suggested] if self._parole else pipeline.suggested
        pieces = self._opening.open(offered, affordable, within=within, first=first)
        self._open.update([(piece.index, piece) for piece in pieces])
        return pieces

    # -- giving up -------------------------------------------------------------------------------------------------

    def release(self, pipeline: Pipeline) -> None:
        """The peer will send nothing of what it was asked for: it choked us, snubbed us or left."""
        self._give_back(pipeline, pipeline.withdraw())
        for index in self._parole.turns(pipeline.key):
            self._parole.lost(index, pipeline.key)

    def left(self, pipeline: Pipeline) -> None:
        """The peer has gone."""
        self.release(pipeline)
        self._asked.pop(pipeline, None)
        self.wasted += pipeline.wasted

    def tick(self, pipeline: Pipeline, now: float, *, departure: float = 0.0) -> None:
        """Once a second: notice a peer that holds requests and sends nothing; forget what it refused long ago.

        ``departure`` is the time that our requests may need to leave under a limit of ours.
        """
        for index in [index for index, until in pipeline.refused.items() if until <= now]:
            del pipeline.refused[index]
        delay = self.window.delay(self._asked) + departure
        for number in pipeline.withheld(now - delay):
            pipeline.unasked += 1
            self._take_back(pipeline, number)
            self._give_back(pipeline, [number])
            pipeline.refuse(number // self._per_piece, now)
        if pipeline.overdue(now - delay):
            for index in {number // self._per_piece for number in pipeline.sent}:
                pipeline.refuse(index, now)  # or it would be asked for the same block again, before all others
            pipeline.snub()
            self._cancel(pipeline, 1)
            (pipeline.doubtful,) = pipeline.sent
            self.release(pipeline)
        elif len(pipeline.sent) > SLOW_EXCESS * LEAST_DEPTH and pipeline.slow(now):
            pipeline.restrain()
            self._cancel(pipeline, LEAST_DEPTH)
        doubtful = pipeline.doubtful
        if doubtful is not None and not self._lacks(doubtful):
            pipeline.doubtful = None
            if doubtful in pipeline.late:
                self._port.cancel(pipeline.peer, [self._request(doubtful)])
        for index, keys in self._parole.expired(now, self._left, delay).items():
            self._end_turns(index, keys)

    def adapt(self, *, unused: bool) -> None:
        """Once a second: fit what is under way to the limit, of which less was used than there is if ``unused``."""
        self.window.adapt(unused=unused)
        excess = self.window.excess(self._asked)
        if excess > 0:
            for pipeline in sorted(self._asked, key=lambda pipeline: len(pipeline.sent), reverse=True):
                kept = max(1, len(pipeline.sent) - max(0, excess))
                excess -= len(pipeline.sent) - kept
                self._cancel(pipeline, kept)

    def _cancel(self, pipeline: Pipeline, kept: int) -> None:
        """Take the requests to this peer back but for the oldest: it may be sending that."""
        numbers = pipeline.withdraw(kept)
        if numbers:
            self._port.cancel(pipeline.peer, [self._request(number) for number in numbers])
            self._give_back(pipeline, numbers)

    def _lacks(self, number: int) -> bool:
        """Is a block of use still?"""
        index, block = divmod(number, self._per_piece)
        piece = self._open.get(index)
        if piece is not None:
            return not piece.received[block]
        return index not in self.finished and self.picker.wants(index)

    def _left(self, index: int) -> Optional[int]:
        piece = self._open.get(index)
        return None if piece is None else piece.left

    def _end_turns(self, index: int, keys: Collection[Hashable]) -> None:
        """What these peers were asked for of a piece on parole is taken back: others are asked for it now."""
        piece = self._open.get(index)
        if piece is None:
            return
        first = index * self._per_piece
        for block, pipeline in piece.asked():
            if pipeline.key in keys:
                self._take_back(pipeline, first + block)
                self._give_back(pipeline, [first + block])

    def withdraw(self, pipeline: Pipeline) -> None:
        """Take every request to the peer back, and tell it (pausing)."""
        self._cancel(pipeline, 0)
        self.release(pipeline)

    def drop(self, indexes: Iterable[int]) -> None:
        """The pieces are not wanted any more: forget their blocks and take the requests back."""
        if self._open or self._parole:
            for index in [index for index in indexes if index in self._open or index in self._parole]:
                if index in self._open:
                    self._close(self._open[index])
                self.finished.forget(index)

    def _close(self, piece: OpenPiece) -> None:
        first = piece.index * self._per_piece
        for block, pipeline in piece.asked():
            self._take_back(pipeline, first + block)
        self._open.pop(piece.index, None)
        self._partial.pop(piece.index, None)
        if piece.writing:
            self._closing[piece.index] = piece
            return
        self._closing.pop(piece.index, None)
        piece.release(self._memory)
        self.picker.lost(piece.index)

    def _give_back(self, pipeline: Pipeline, numbers: List[int]) -> None:
        for number in numbers:
            index, block = divmod(number, self._per_piece)
            piece = self._open.get(index)
            if piece is not None and piece.give_back(block, pipeline):
                self._partial[index] = piece
                if piece.untouched:
                    self._close(piece)

    def _settle_owners(self, piece: OpenPiece, block: int, number: int, pipeline: Pipeline) -> None:
        """The block came from one of several that were asked, or late: the others need not send it."""
        others = piece.settle(block, pipeline)
        if not piece.askable:
            self._partial.pop(piece.index, None)
        for other in others:
            self._take_back(other, number)

    def _take_back(self, pipeline: Pipeline, number: int) -> None:
        if pipeline.sent.pop(number, None) is not None:
            pipeline.late.add(number)
            self._port.cancel(pipeline.peer, [self._request(number)])

    def _waste(self, pipeline: Pipeline, index: int, begin: int, size: int) -> None:
        pipeline.wasted += size
        number = index * self._per_piece + (begin >> SHIFT)
        rest = self._layout.piece_size(index) - begin
        if begin & MASK or rest <= 0 or size != min(BLOCK, rest) or number not in pipeline.late:
            # That of another size than was asked for is no answer: the request is late as if nothing had come.
            pipeline.unasked += 1
            pipeline.unasked_size += size
        else:
            pipeline.late.discard(number)

    def _request(self, number: int) -> BlockRequest:
        index, block = divmod(number, self._per_piece)
        return index, block << SHIFT, self._layout.block_size(index, block)

    # -- stopping and starting ---------------------------------------------------------------------------------------

    @property
    def saving(self) -> bool:
        """Does the disk work on a piece, or bring one back?"""
        busy = self.finished or self._closing or len(self._restoring)
        return bool(busy) or any(piece.writing for piece in self._open.values())

    def unfinished(self) -> List[Unfinished]:
        """What there is of the open pieces, to be written and remembered; the views are good until ``forget``."""
        return [unfinished(piece) for piece in self._open.values() if piece.left < piece.blocks]

    def forget(self) -> None:
        """Let go of the open pieces: nobody is asked for anything, and what there is of them was written."""
        for piece in list(self._open.values()):
            self._close(piece)

    def restore(self, index: int, blocks: Bitfield) -> List[Tuple[int, int, int]]:
        """These blocks of a piece are on disk: open it with them.

        Returns what ``restored`` must bring: stripes, where each begins in the piece, and its bytes.
        """
        if index in self._parole:
            return []
        stripes = self._restoring.begin(index, blocks)
        self._reopen(self._restoring.ready(index))
        return stripes

    def restored(self, index: int, stripe: int, data: Optional[Buffer]) -> None:
        """The bytes of a stripe as they are on disk; None if they could not be read, then the piece begins anew."""
        piece = self._restoring.bring(index, stripe, data)
        if piece is not None and data is None:
            self._close(piece)
        else:
            self._reopen(piece)

    def _reopen(self, piece: Optional[OpenPiece]) -> None:
        if piece is not None:
            self._open[piece.index] = self._partial[piece.index] = piece

    # -- for status and tests --------------------------------------------------------------------------------------

    @property
    def open_count(self) -> int:
        """Pieces open or waiting for the disk."""
        return len(self._open) + len(self.finished) + len(self._restoring) + len(self._closing)

    def check(self) -> None:
        """Assert what must hold between pieces, picker and budget; for tests."""
        self.picker.check()
        assert not self._open.keys() & {*self.finished}
        assert {i for i, piece in self._open.items() if piece.askable} == set(self._partial)
        for piece in self._open.values():
            piece.check()
        self.finished.check([*self._open.values(), *self._closing.values()])
