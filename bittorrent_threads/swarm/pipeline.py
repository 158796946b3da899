"""What one peer was asked for and has not sent: its depth, its rate, and when the peer counts as snubbing.

The depth follows the bandwidth-delay product without measuring delay: a few seconds of the peer's rate, never
below a floor that fills a fast path from the start, never above what the peer says it queues (``reqq``, BEP 10).
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Set, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK
from ..settings import Settings
from .rate import Rate

PeerKey = Tuple[Tuple[str, int], bytes]
"""Address and peer id of a peer: what it is blamed by."""

START_TIME = 5.0
"""Seconds for which the depth does not fall below that of the start: until then the rate is not known well."""

LEAST_DEPTH = 4
"""Blocks asked of a slow peer at once.

With 64, eight peers of a 2 Mbit/s seed fetched 3.0 copies before every piece was out, with 4 it was 2.1 (simulated).
"""

DEFAULT_REQQ = 250
"""Requests a peer is taken to queue when it does not say (libtorrent assumes as much)."""

MAX_BATCH = 256
"""Blocks for which the next requests wait at most.

Behind 100 ms, with 2,000 requests under way, batches of a quarter made 218 MB/s and these 241 (of 128 blocks: 247, but
3 % slower on a fast path).
"""

MAX_ALLOWED_FAST = 100
"""Allowed-fast pieces remembered of a peer; more are ignored."""

MAX_SUGGESTED = 16
"""Suggested pieces remembered of a peer, the newest."""

UNKNOWN_TIME = 60.0
"""Seconds that a peer is taken to need that was asked for nothing yet."""

MAX_REFUSED = 64
"""Refused pieces of a peer, above which it is asked for nothing until some of them may be asked for again."""

REFUSAL_TIME = 10.0
"""Seconds for which a piece is not asked of a peer that rejected a block of it: without them the two never rest."""

MAX_LATE = 4096
"""Withdrawn blocks remembered of a peer, before all are forgotten."""


class Pipeline:
    """The requests to one peer.

    ``key`` names the peer for the blame and outlives its connection; ``peer`` is whatever the port wants back.
    """

    __slots__ = ("allowed", "answered", "bits", "choked", "depth", "doubtful", "fast", "key", "last_block", "late",
                 "payload", "peer", "rate", "refused", "reqq", "sent", "snubbed", "suggested", "unasked",
                 "unasked_size", "wasted", "_began", "_counted", "_max_depth", "_min_depth", "_queue_time", "_timeout",
                 "_unchoked_payload")  # fmt: skip

    def __init__(self, peer: Any, key: PeerKey, bits: Bitfield, settings: Settings) -> None:
        self.peer = peer
        self.key = key
        self.bits = bits
        self.fast = False
        self.choked = True
        self.allowed: Set[int] = set()
        """Pieces the peer sends even while it chokes us (BEP 6)."""
        self.suggested: List[int] = []
        self.sent: Dict[int, float] = {}
        """Global block number to the time it was asked for, oldest first."""
        self.answered = -math.inf
        """When the block that came last was asked for."""
        self.late: Set[int] = set()
        """Blocks that were asked for and taken back: they may come still, and are no offence."""
        self.doubtful: Optional[int] = None
        """The block that a peer which snubbed us may be sending still; all others were taken back."""
        self.refused: Dict[int, float] = {}
        """Pieces of which the peer rejected a block or let one wait, and when they may be asked for again."""
        self.last_block = 0.0
        self.snubbed = False
        self.payload = 0
        """Bytes of blocks that came and were wanted."""
        self.wasted = 0
        """Bytes of blocks that nobody needed any more."""
        self.unasked = 0
        """Offences: blocks never asked for at this place and of this size, rejects likewise, and blocks withheld."""
        self.unasked_size = 0
        """Bytes of those blocks, which are no progress."""
        self.rate = Rate()
        self.reqq = DEFAULT_REQQ
        self.depth = settings.min_requests
        self._began = 0.0
        self._counted = 0
        self._unchoked_payload = 0
        """``payload`` when the peer last let us ask."""
        self._min_depth = settings.min_requests
        # One peer may not fill the whole memory for pieces with its own requests.  With a quarter of it, 16 MiB, a peer
        # behind 100 ms sent 127 MB/s, with this 208.
        self._max_depth = max(1, min(settings.max_requests, settings.piece_memory // BLOCK // 2))
        self._queue_time = settings.request_queue_time
        self._timeout = settings.request_timeout

    @property
    def room(self) -> int:
        """Blocks that may be asked for now."""
        return self.depth - len(self.sent) if len(self.refused) < MAX_REFUSED else 0

    @property
    def thin(self) -> bool:
        """Is it time to ask again?  In batches of a quarter, or ``MAX_BATCH``, so that requests leave in few sends."""
        return self.room * 4 >= min(self.depth, 4 * MAX_BATCH)

    def on_choke(self) -> None:
        """The peer lets us ask no more.

        If it has sent nothing since it let us ask, it is asked for less the next time: a choke and an unchoke cost the
        peer ten bytes, and a full pipeline of requests is a thousand times as much.
        """
        self.choked = True
        self.doubtful = None
        if self.payload == self._unchoked_payload:
            self.depth = max(1, self.depth // 2)

    def on_unchoke(self) -> None:
        """The peer lets us ask."""
        self.choked = False
        self._unchoked_payload = self.payload

    def allow(self, index: int) -> None:
        """The peer sends this piece even while it chokes us."""
        if len(self.allowed) < MAX_ALLOWED_FAST:
            self.allowed.add(index)

    def suggest(self, index: int) -> None:
        """The peer has this piece at hand."""
        if index in self.suggested:
            return
        if len(self.suggested) >= MAX_SUGGESTED:
            del self.suggested[0]
        self.suggested.append(index)

    def refuse(self, index: int, now: float) -> None:
        """The peer does not send this piece now, though it lets us ask: other peers are asked for it first."""
        self.refused[index] = now + REFUSAL_TIME

    def measure(self, now: float) -> None:
        """Count what came of what was asked for, and set the depth from the rate; once a pass, not once a block."""
        came = self.payload + self.wasted - self.unasked_size - self._counted
        if came:
            self._counted += came
            self.rate.add(came, now)
            self.last_block = now
            if self.snubbed:
                self.snubbed = False
                self.refused.clear()
            self.doubtful = None
            self._began = self._began or now
            depth = self._fitting(now)
            floor = self._min_depth if now - self._began < START_TIME else LEAST_DEPTH
            self.depth = max(1, min(max(depth, floor), self._max_depth, self.reqq))

    def drain_time(self, now: float) -> float:
        """Seconds that the peer needs for what it was asked for, one block if nothing, as far as its rate tells.

        Of a peer that has not sent anything yet it is known only how long it has needed already.
        """
        rate = self.rate.value(now)
        if rate:
            return (len(self.sent) or 1) * BLOCK / rate
        return now - next(iter(self.sent.values())) if self.sent else UNKNOWN_TIME

    def withdraw(self, kept: int = 0) -> List[int]:
        """Only the oldest requests are kept; returns the global numbers of the blocks that are asked for no more."""
        numbers = list(self.sent)[kept:]
        if len(self.late) > MAX_LATE:
            self.late.clear()
        self.late.update(numbers)
        for number in numbers:
            del self.sent[number]
        return numbers

    def withheld(self, now: float) -> List[int]:
        """The blocks that the peer has not sent for the whole time-out, though it sent some that were asked for later.

        A peer answers in about the order in which it is asked.  One that leaves a block out of each piece would keep
        other peers from all of them, and fill the memory for pieces.
        """
        found: List[int] = []
        for number, asked in self.sent.items():
            if asked >= self.answered or now - asked < self._timeout:
                break
            found.append(number)
        return found

    def overdue(self, now: float) -> bool:
        """Has the peer held requests for the whole time-out without sending any block?"""
        oldest: Optional[float] = next(iter(self.sent.values()), None)
        return oldest is not None and now - max(oldest, self.last_block) >= self._timeout

    def slow(self, now: float) -> bool:
        """Has the peer had time to show how fast it is, and is to be asked for no more than ``LEAST_DEPTH``?"""
        return now - next(iter(self.sent.values()), now) >= START_TIME and self.crawls(now)

    def crawls(self, now: float) -> bool:
        """Is the rate of the peer as low as it can be for ``LEAST_DEPTH``, as far as it is known?"""
        return self._fitting(now) <= LEAST_DEPTH

    def restrain(self) -> None:
        """The peer is slow: it is asked for little until its rate says otherwise."""
        self.depth = min(self.depth, LEAST_DEPTH)
        self._began = self._began or -START_TIME

    def _fitting(self, now: float) -> int:
        """Blocks that the peer sends in ``request_queue_time``, as far as its rate tells."""
        return int(self.rate.value(now) * self._queue_time) // BLOCK

    def snub(self) -> None:
        """The peer let us wait: one request at a time until it sends again."""
        self.snubbed = True
        self.depth = 1
