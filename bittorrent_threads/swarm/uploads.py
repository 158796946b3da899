"""The requests of one peer that we will fill, in the order they came (BEP 3, BEP 6).

They are taken out in runs: as many as lie one behind the other in a piece, so that one read of the disk fills them all.
A peer may ask too much (an honest one too: whatever it sent before a choke reached it), so a request that cannot be
filled is refused and counted, and only ``MAX_REFUSED`` of them end the connection, with the reason in ``failed``.

The hot path: 40,000 requests a second pass here.  A request is one tuple in one dictionary, which keeps the order and
finds doubles and cancelled ones.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..metainfo.layout import BLOCK, Layout

Request = Tuple[int, int, int]
"""Index, begin and length."""

MAX_LENGTH = 128 * 1024
"""Bytes of one request.  Clients ask for 16 KiB (BEP 3); some old ones for 32 KiB, and 128 KiB was the limit."""

MAX_REFUSED = 300
"""Requests refused before the peer is closed (limits: invalid requests, or while choked)."""

MAX_MISLED = 10_000
"""Requests refused, of pieces that we said we have and cannot send, before the peer is closed: the fault is ours."""

FAST_COPIES = 3
"""How often a peer may fetch all blocks of an allowed-fast piece while choked (limits: allowed-fast abuse)."""


class Run(NamedTuple):
    """Requests of ``length`` bytes in all, one behind the other in piece ``index`` from ``begin`` on."""

    index: int  # type: ignore[assignment]  # a field may well be named like a method of tuple
    begin: int
    length: int
    requests: List[Request]
    """Each as the peer made it, in order."""


class Uploads:
    """What one peer asked for and has not been given; at most ``reqq`` requests."""

    def __init__(self, *, layout: Layout, reqq: int, fast: bool) -> None:
        self.failed = ""
        """Why the peer must be closed; empty when it need not."""
        self._layout = layout
        self._reqq = reqq
        self._fast = fast
        self._waiting: Dict[Request, bool] = {}
        """True for those that a choke leaves in place."""
        self._refused = 0
        self._misled = 0
        self._small = min(BLOCK, layout.piece_length) // 2
        self.small = 0
        """Requests taken for less than half a block."""
        self._late = 0
        """Requests that may still arrive because the peer had not heard of our choke."""
        self._fast_taken: Dict[int, int] = {}
        """Blocks granted of each allowed-fast piece while choked."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(  # noqa: C901 - hot path, without further calls
        self,
        index: int,
        requests: Iterable[Request],
        *,
        available: bool,
        choked: bool,
        allowed_fast: bool,
        misled: bool = False,
    ) -> List[Request]:
        """Take requests for one piece, in the order they came; returns those to be rejected (BEP 6).

        ``available`` means that we have the piece, ``misled`` that we have not but the peer was told so,
        ``allowed_fast`` that it is granted to the peer, ``choked`` that we choke the peer.  A request that waits
        already is answered once.  After ``failed`` is set no more are looked at.
        """
        size = self._layout.piece_size(index) if 0 <= index < self._layout.piece_count else -1
        waiting = self._waiting
        rejected: List[Request] = []
        for request in requests:
            _, begin, length = request
            if not (0 < length <= MAX_LENGTH and begin >= 0 and begin + length <= size):
                self._refuse(request, "outside of the torrent" if size < 0 else "not a block of the piece")
            elif request in waiting:
                continue
            elif misled:
                self._misled += 1
                if self._misled > MAX_MISLED:
                    self.failed = f"asked {self._misled} times for pieces that could not be read"
            elif not available:
                self._refuse(request, "of a piece we do not have")
            elif choked and not (allowed_fast and self._grant(index, size)):
                if self._late:
                    self._late -= 1
                else:
                    self._refuse(request, "while choked")
            elif len(waiting) < self._reqq:
                waiting[request] = allowed_fast
                if length < self._small:
                    self.small += 1
                continue
            elif self._fast:
                self._refuse(request, f"beyond the {self._reqq} that may wait")
            else:
                self.failed = f"asked for more than {self._reqq} blocks at once"
            rejected.append(request)
            if self.failed:
                break
        return rejected

    def cancel(self, index: int, begin: int, length: int) -> bool:
        """The peer takes a request back; returns False if it is not waiting (any more)."""
        return self._waiting.pop((index, begin, length), None) is not None

    def choke(self) -> List[Request]:
        """We choke the peer: drop what waits, but for allowed-fast pieces if it has BEP 6; returns what was dropped."""
        self._late = self._reqq
        dropped = [request for request, kept in self._waiting.items() if not (kept and self._fast)]
        for request in dropped:
            del self._waiting[request]
        return dropped

    def take(self, max_bytes: int) -> Optional[Run]:
        """The next run, of at most ``max_bytes`` or of one request; None if nothing waits."""
        waiting = self._waiting
        if not waiting:
            return None
        taken: List[Request] = []
        piece, start, end = -1, 0, 0
        for request in waiting:
            index, begin, length = request
            if begin != end or index != piece or end + length - start > max_bytes:
                if taken:
                    break
                piece, start, end = index, begin, begin
            end += length
            taken.append(request)
        for request in taken:
            del waiting[request]
        return Run(piece, start, end - start, taken)

    def take_one(self, rank: Callable[[int], int]) -> Optional[Run]:
        """The first request of the piece of lowest rank among those asked for; None if nothing waits."""
        if not self._waiting:
            return None
        ranks = {index: rank(index) for index in {index for index, _, _ in self._waiting}}
        request = min(self._waiting, key=lambda request: ranks[request[0]])
        del self._waiting[request]
        return Run(*request, [request])

    def _grant(self, index: int, size: int) -> bool:
        taken = self._fast_taken.get(index, 0)
        if taken >= FAST_COPIES * -(-size // BLOCK):
            return False
        self._fast_taken[index] = taken + 1
        return True

    def _refuse(self, request: Request, fact: str) -> None:
        self._refused += 1
        if self._refused > MAX_REFUSED:
            index, begin, length = request
            self.failed = (
                f"asked {self._refused} times for what it may not have, "
                f"the last time for {length} bytes at {begin} of piece {index}: {fact}"
            )
