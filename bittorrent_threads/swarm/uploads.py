"""The requests of one peer that we will fill, in the order in which they came (BEP 3, BEP 6).

They are taken out in runs of neighbouring blocks of a piece, so that one disk read fills a whole run.  A peer may
request what it must not (an honest one too: requests that it sent before our choke reached it), so such a request is
refused and counted, and only ``MAX_REFUSED`` of them end the connection, with the reason in ``failed``.

The hot path: 40,000 requests a second pass here.  A request is one tuple in one dictionary, which keeps the order and
finds duplicates and cancelled requests.
"""

from __future__ import annotations

from typing import Callable, Container, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..metainfo.layout import BLOCK, Layout

Request = Tuple[int, int, int]
"""Index, begin and length."""

MAX_LENGTH = 128 * 1024
"""Bytes of one request.  Clients request 16 KiB (BEP 3); some old ones 32 KiB, and 128 KiB was the limit."""

MAX_REFUSED = 300
"""Refused requests after which the peer is closed."""

MAX_MISLED = 10_000
"""The same for requests of pieces that we announced and cannot send; higher, because the fault is ours."""

FAST_COPIES = 3
"""How often a choked peer may fetch all blocks of an allowed-fast piece; more would make the choke useless (BEP 6)."""


class Run(NamedTuple):
    """Requests for neighbouring blocks of a piece."""

    index: int  # type: ignore[assignment]  # the name of a method of tuple, which is not used
    """The piece."""
    begin: int
    """Where the first block begins in the piece, in bytes."""
    length: int
    """Bytes of all blocks."""
    requests: List[Request]
    """Each as the peer made it, in order."""


class Uploads:
    """The requests of one peer that are not filled.

    Args:
        layout: The pieces of the torrent.
        reqq: How many requests may wait (BEP 10).
        fast: Whether the peer knows the fast extension (BEP 6).
    """

    def __init__(self, *, layout: Layout, reqq: int, fast: bool) -> None:
        self.failed = ""
        """Why the peer must be closed; empty while it need not be."""
        self._layout = layout
        self._reqq = reqq
        self._fast = fast
        self._waiting: Dict[Request, bool] = {}
        """The requests in order; True for those that a choke leaves in place."""
        self._refused = 0
        self._misled = 0
        self._small = min(BLOCK, layout.piece_length) // 2
        self.small = 0
        """Requests for less than half a block that were taken."""
        self._late = 0
        """Requests that may still come because our choke had not reached the peer."""
        self._fast_taken: Dict[int, int] = {}
        """Blocks of each allowed-fast piece that were requested while the peer was choked."""

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
        """Take requests for one piece.

        A request that waits already is filled once.  Once ``failed`` is set, the rest is ignored.

        Args:
            index: The piece.
            requests: The requests in the order in which they came.
            available: Whether we have the piece.
            choked: Whether we choke the peer.
            allowed_fast: Whether the peer may request the piece even while choked (BEP 6).
            misled: Whether we announced the piece to the peer and cannot send it.

        Returns:
            The requests to be rejected (BEP 6).
        """
        size = self._layout.piece_size(index) if 0 <= index < self._layout.piece_count else -1
        waiting = self._waiting
        rejected: List[Request] = []
        for request in requests:
            _, begin, length = request
            if not (0 < length <= MAX_LENGTH and begin >= 0 and begin + length <= size):
                self._refuse(request, "the torrent has no such piece" if size < 0 else "the piece has no such block")
            elif request in waiting:
                continue
            elif misled:
                self._misled += 1
                if self._misled > MAX_MISLED:
                    self.failed = f"made {self._misled} requests for pieces that could not be read"
            elif not available:
                self._refuse(request, "we do not have the piece")
            elif choked and not (allowed_fast and self._grant(index, size)):
                if self._late:
                    self._late -= 1
                else:
                    self._refuse(request, "the peer is choked")
            elif len(waiting) < self._reqq:
                waiting[request] = allowed_fast
                if length < self._small:
                    self.small += 1
                continue
            elif self._fast:
                self._refuse(request, f"more than {self._reqq} requests wait")
            else:
                self.failed = f"made more than {self._reqq} requests at once"
            rejected.append(request)
            if self.failed:
                break
        return rejected

    def accept(self, requests: Sequence[Request], serves: Callable[[int], bool], allowed_fast: Container[int]) -> int:
        """Take requests of a peer that is not choked, up to the first that ``add`` has to look at.

        A request that is taken here costs 0.3 us, in ``add`` 0.5 us, and 1.5 us if each is for another piece.

        Args:
            requests: The requests in the order in which they came.
            serves: Returns whether we have a piece.
            allowed_fast: The pieces that the peer may request even while choked (BEP 6).

        Returns:
            How many were taken, from the first on.
        """
        layout, waiting, small = self._layout, self._waiting, self._small
        most = min(len(requests), self._reqq - len(waiting))
        last, size, allowed = -1, 0, False
        for number, request in enumerate(requests):
            index, begin, length = request
            if index != last:
                if not (0 <= index < layout.piece_count and serves(index)):
                    return number
                last, size, allowed = index, layout.piece_size(index), index in allowed_fast
            if (
                number >= most
                or begin < 0
                or not small <= length <= MAX_LENGTH
                or begin + length > size
                or request in waiting
            ):
                return number
            waiting[request] = allowed
        return len(requests)

    def cancel(self, index: int, begin: int, length: int) -> bool:
        """Forget a request that the peer cancelled; returns whether it waited."""
        return self._waiting.pop((index, begin, length), None) is not None

    def drop(self, pieces: Container[int]) -> List[Request]:
        """Drop the waiting requests for these pieces, which were lost; returns them, as they are to be rejected."""
        dropped = [request for request in self._waiting if request[0] in pieces]
        for request in dropped:
            del self._waiting[request]
        return dropped

    def choke(self) -> List[Request]:
        """Drop the waiting requests, because we choke the peer.

        Returns:
            What was dropped: with BEP 6 all but requests for allowed-fast pieces, and they are to be rejected.
        """
        self._late = self._reqq
        dropped = [request for request, kept in self._waiting.items() if not (kept and self._fast)]
        for request in dropped:
            del self._waiting[request]
        return dropped

    def take(self, max_bytes: int, enough: int = 1) -> List[Run]:
        """Take out the next runs.

        Args:
            max_bytes: Most bytes of all runs, unless the first request has more.
            enough: Bytes of which so many runs are taken as are needed.

        Returns:
            The runs in the order of the requests; none if nothing waits.
        """
        waiting = self._waiting
        runs: List[Run] = []
        taken: List[Request] = []
        piece, start, end, left = -1, 0, 0, max_bytes
        for request in waiting:
            index, begin, length = request
            if begin != end or index != piece or end + length - start > left:
                if taken:
                    runs.append(Run(piece, start, end - start, taken))
                    taken = []
                    left -= end - start
                    if left <= 0 or max_bytes - left >= enough:
                        break
                piece, start, end = index, begin, begin
            end += length
            taken.append(request)
        if taken:
            runs.append(Run(piece, start, end - start, taken))
        for run in runs:
            for request in run.requests:
                del waiting[request]
        return runs

    def take_one(self, rank: Callable[[int], int]) -> Optional[Run]:
        """Take out the first request of the piece of lowest rank; None if nothing waits."""
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
                f"made {self._refused} requests that were refused, "
                f"the last one for {length} bytes at {begin} of piece {index}: {fact}"
            )
