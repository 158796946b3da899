"""The requests to one source of blocks: how many, since when, and whether the source is slow or has stopped sending.

The number of requests (the *depth*) follows the bandwidth-delay product without measuring delay: a few seconds of the
source's rate, never below a floor that fills a fast path from the start, never above what the peer says it queues
(``reqq``, BEP 10).

A block is identified by its global number: blocks are counted from the start of the torrent, each piece having as many
as a piece of full length.
"""

from __future__ import annotations

import math
from typing import Dict, List, Optional, Set

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK
from ..settings import Settings
from .interfaces import BlockRequest, BlockSource
from .rate import Rate

START_TIME = 5.0
"""Seconds for which the depth does not fall below that of the start: until then the rate is not known well."""

LEAST_DEPTH = 4
"""Blocks requested to a slow source at once.

With 64, eight peers of a 2 Mbit/s seed fetched 3.0 copies before every piece was out, with 4 it was 2.1 (simulated).
"""

DEFAULT_REQQ = 250
"""Requests that a peer is assumed to queue when it does not say (as in libtorrent)."""

BRIEF_DEPTH = 16
BRIEF_TRIPS = 1.5
BRIEF_MOST = 1.0
"""While files are being read, so many blocks of the rest are outstanding, or those of so many round trips, which are
taken for so many seconds at most.

A reader that jumps waits for all that the peer has begun to send.  With less than a round trip the peer would wait.
"""

STEADY_TIME = 0.5
"""Seconds of the rate that may be outstanding of the rest while all readers read in sequence, but no more than half of
what is ready for them: the other half lasts until what they need next is requested and comes.

With the requests of a round trip alone, a file that was read as fast as it came took 1.4 times as long as its download,
since each block or two cost the network thread a pass.
"""

MAX_BATCH = 256
"""Free places in the pipeline at which it is filled again, if a quarter of the depth is not reached before.

With 100 ms of delay and 2,000 requests under way, batches of a quarter made 218 MB/s and these 241.
"""

MAX_ALLOWED_FAST = 100
"""Allowed-fast pieces remembered of a peer; more are ignored."""

MAX_SUGGESTED = 16
"""Suggested pieces remembered of a peer, the newest."""

UNKNOWN_TIME = 60.0
"""Seconds that a source is assumed to need for a block if nothing was requested to it yet."""

MAX_REFUSED = 64
"""Refused pieces of a source; with more, nothing is requested until the refusals expire."""

REFUSAL_TIME = 10.0
"""Seconds for which a piece is not requested after a block of it was rejected; without a pause, request and reject
would follow each other at full speed."""

MAX_LATE = 4096
"""Cancelled blocks remembered of a source, the newest: those may still be on their way."""


class Pipeline:
    """The requests to one source.

    Args:
        source: Gets the requests.
        bits: The pieces that the source has.  The owner of the pipeline keeps it up to date, and may replace it.
        settings: Limits of the depth, and time-outs.
    """

    __slots__ = ("allowed", "answered", "bits", "choked", "depth", "last_block", "late", "outstanding", "payload",
                 "quickest", "rate", "refused", "reqq", "sender", "snubbed", "source", "suggested", "uncancelled",
                 "unrequested_bytes", "violations", "wasted", "_began", "_counted", "_max_depth", "_min_depth",
                 "_queue_time", "_timeout", "_unchoked_payload")  # fmt: skip

    def __init__(self, source: BlockSource, bits: Bitfield, settings: Settings) -> None:
        self.source = source
        self.sender = source.sender
        """The identity of the source, at hand for the blame."""
        self.bits = bits
        self.choked = True
        """Whether the source accepts no requests but for ``allowed`` pieces."""
        self.allowed: Set[int] = set()
        """Pieces that may be requested even while ``choked`` (allowed fast, BEP 6)."""
        self.suggested: List[int] = []
        """Pieces that the peer suggested (BEP 6), the newest last."""
        self.outstanding: Dict[int, float] = {}
        """The requests that are not answered: global block number to the time of the request, oldest first."""
        self.answered = -math.inf
        """When the block that was received last had been requested."""
        self.quickest = math.inf
        """Fewest seconds from a request to its block: about a round trip, as of ``measure``."""
        self.late: Dict[int, None] = {}
        """Blocks whose requests were withdrawn, the newest last; to send or reject them still is no violation."""
        self.uncancelled: Optional[int] = None
        """The only request withdrawn from a snubbed source without a cancel, as the block may be on its way."""
        self.refused: Dict[int, float] = {}
        """Pieces of which a block was rejected or not sent in time, and when they may be requested again."""
        self.last_block = 0.0
        """When blocks were received last, as of ``measure``."""
        self.snubbed = False
        """Whether the source sent nothing for a whole time-out though requests were outstanding."""
        self.payload = 0
        """Bytes of received blocks that were kept."""
        self.wasted = 0
        """Bytes of received blocks that were thrown away."""
        self.violations = 0
        """Blocks that were not requested (or of another size), rejects likewise, and blocks withheld."""
        self.unrequested_bytes = 0
        """Bytes of the blocks that were not requested; they do not count as progress."""
        self.rate = Rate()
        self.reqq = DEFAULT_REQQ
        """Requests that the peer queues at most (BEP 10)."""
        self.depth = settings.min_requests
        """Outstanding requests to aim at."""
        self._began = 0.0
        self._counted = 0
        self._unchoked_payload = 0
        """``payload`` at the last unchoke."""
        self._min_depth = settings.min_requests
        # One source may not fill the whole memory for pieces with its requests.  With a quarter of the memory, 16 MiB,
        # a peer behind 100 ms sent 127 MB/s, with half of it 208.
        self._max_depth = max(1, min(settings.max_requests, settings.piece_memory // BLOCK // 2))
        self._queue_time = settings.request_queue_time
        self._timeout = settings.request_timeout

    @property
    def room(self) -> int:
        """Blocks that may be requested now."""
        return self.depth - len(self.outstanding) if len(self.refused) < MAX_REFUSED else 0

    @property
    def refill_due(self) -> bool:
        """Whether enough places are free to request again, so that requests leave in few sends."""
        return self.room * 4 >= min(self.depth, 4 * MAX_BATCH)

    def brief_depth(self, now: float, steady: int = 0) -> int:
        """Outstanding requests to aim at if what is requested next is to come soon: those of about a round trip.

        Args:
            now: Monotonic seconds.
            steady: Bytes of the smallest window of readers that read in sequence.
        """
        rate = self.rate.value(now)
        trip = 0.0 if self.quickest == math.inf else min(self.quickest, BRIEF_MOST)
        return max(BRIEF_DEPTH, int(max(rate * trip * BRIEF_TRIPS, min(steady / 2, rate * STEADY_TIME))) // BLOCK)

    # -- what a peer tells -------------------------------------------------------------------------------------------

    def on_choke(self) -> None:
        """The peer choked us.

        If it has sent nothing since the last unchoke, the next time fewer blocks are requested: a choke and an unchoke
        cost the peer ten bytes, and a full pipeline of requests is a thousand times as much.
        """
        self.choked = True
        self.uncancelled = None
        if self.payload == self._unchoked_payload:
            self.depth = max(1, self.depth // 2)

    def on_unchoke(self) -> None:
        """The peer unchoked us."""
        self.choked = False
        self._unchoked_payload = self.payload

    def allow(self, index: int) -> None:
        """The peer allows requests for a piece even while it chokes us (BEP 6)."""
        if len(self.allowed) < MAX_ALLOWED_FAST:
            self.allowed.add(index)

    def suggest(self, index: int) -> None:
        """The peer suggests a piece (BEP 6)."""
        if index in self.suggested:
            return
        if len(self.suggested) >= MAX_SUGGESTED:
            del self.suggested[0]
        self.suggested.append(index)

    def refuse(self, index: int, now: float) -> None:
        """Prefer other sources for this piece for some time."""
        self.refused[index] = now + REFUSAL_TIME

    def expire_refusals(self, now: float) -> None:
        """Forget the refusals whose time is over."""
        for index in [index for index, until in self.refused.items() if until <= now]:
            del self.refused[index]

    # -- withdrawing requests ----------------------------------------------------------------------------------------

    def withdraw(self, kept: int = 0) -> List[int]:
        """Forget all requests but the oldest, without a cancel.

        Args:
            kept: How many of the oldest remain.

        Returns:
            The global numbers of the others.
        """
        numbers = list(self.outstanding)[kept:]
        self.forget(numbers)
        return numbers

    def forget(self, numbers: List[int]) -> None:
        """Forget these requests, without a cancel."""
        for number in numbers:
            del self.outstanding[number]
            self._expect_late(number)

    def cancel(self, number: int, block: BlockRequest) -> None:
        """Withdraw and cancel one request; without effect if it is not outstanding.

        Args:
            number: The global number of the block.
            block: The same block, as it was requested.
        """
        if self.outstanding.pop(number, None) is not None:
            self._expect_late(number)
            self.source.cancel([block])

    def _expect_late(self, number: int) -> None:
        late = self.late
        late.pop(number, None)
        late[number] = None
        if len(late) > MAX_LATE:
            del late[next(iter(late))]

    # -- rate and depth ----------------------------------------------------------------------------------------------

    def measure(self, now: float) -> None:
        """Count the requested blocks that were received, and set the depth from the rate; once for each read."""
        came = self.payload + self.wasted - self.unrequested_bytes - self._counted
        if came:
            self._counted += came
            self.rate.add(came, now)
            self.last_block = now
            self.quickest = min(self.quickest, now - self.answered)
            if self.snubbed:
                self.snubbed = False
                self.refused.clear()
            self.uncancelled = None
            self._began = self._began or now
            depth = self._fitting(now)
            floor = self._min_depth if now - self._began < START_TIME else LEAST_DEPTH
            self.depth = max(1, min(max(depth, floor), self._max_depth, self.reqq))

    def drain_time(self, now: float) -> float:
        """Estimate the seconds until the outstanding requests, or the next one, are answered.

        Of a source that has sent nothing yet only the time is known that it has taken already.
        """
        rate = self.rate.value(now)
        if rate:
            return (len(self.outstanding) or 1) * BLOCK / rate
        return now - next(iter(self.outstanding.values())) if self.outstanding else UNKNOWN_TIME

    def slow(self, now: float) -> bool:
        """Whether the rate is so low that ``LEAST_DEPTH`` is enough, or not known."""
        return self._fitting(now) <= LEAST_DEPTH

    def proven_slow(self, now: float) -> bool:
        """Whether the source is slow, and had the time to show its rate."""
        return now - next(iter(self.outstanding.values()), now) >= START_TIME and self.slow(now)

    def restrain(self) -> None:
        """Request little until the rate is known to be higher."""
        self.depth = min(self.depth, LEAST_DEPTH)
        self._began = self._began or -START_TIME

    def _fitting(self, now: float) -> int:
        """Blocks that the source sends in ``request_queue_time``, by its rate."""
        return int(self.rate.value(now) * self._queue_time) // BLOCK

    # -- time-outs ---------------------------------------------------------------------------------------------------

    def withheld(self, now: float) -> List[int]:
        """The blocks that are overdue though blocks requested after them were received.

        A peer answers in about the order of the requests.  If it may leave out one block of each piece, it keeps other
        sources from them, and fills the memory with pieces that are never complete.
        """
        found: List[int] = []
        for number, requested in self.outstanding.items():
            if requested >= self.answered or now - requested < self._timeout:
                break
            found.append(number)
        return found

    def overdue(self, now: float) -> bool:
        """Whether no block was received for the whole time-out though requests were outstanding."""
        oldest: Optional[float] = next(iter(self.outstanding.values()), None)
        return oldest is not None and now - max(oldest, self.last_block) >= self._timeout

    def snub(self) -> None:
        """Mark the source as snubbed: one request at a time until it sends again."""
        self.snubbed = True
        self.depth = 1
