"""Which sources may be asked for a piece that failed its hash check with several senders, so that it is right soon.

Sources take *turns* at such a piece.  The first turns belong to all sources together that sent no block of a failed
copy.  Where there are none, and after ``SHARED_FAILURES``, a turn belongs to one source alone: if it sends the whole
piece and that is wrong, it is banned.  So each failure either bans a source or leaves fewer that may spoil the piece
together.

A source gets a *strike* for each failed copy of which it sent a block, and for each turn that it lost: because it
choked us, rejected a request, left, or sent no block of the piece for a whole time-out.  The source that finished a
piece which others had begun gets none: else several that send bad blocks and never finish, one after the other, would
always come before it.  A strike proves nothing, and has no other effect than this: the next turn goes to the source
with fewest strikes among those that come for requests within ``DRAW_TIME``.  The received blocks of the piece are kept
when a turn ends.

A source is named by its ``sender``, which outlives its connection.
"""

from __future__ import annotations

from math import inf
from typing import Callable, Dict, Hashable, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from ..metainfo.bitfield import Bitfield
from .bans import remember

SHARED_FAILURES = 2
"""After so many failed copies the piece is requested to one source at a time."""

DRAW_TIME = 2.0
"""Seconds from the end of a turn to the next turn of one source; each idle source comes for requests every second."""

LONGEST_TURN = 2
"""Time-outs for each failed copy after which a turn is over though a block was received before each of them.

The turns grow until a slow source can send the whole piece in one of them, however large that is.
"""

MAX_PIECES = 256
"""Pieces on parole; if there are more, the oldest may be requested to every source again."""

MAX_STRUCK = 200
"""Sources of a piece whose strikes are remembered, the latest: as many as ``Settings.max_connections``."""


class _Piece:
    """The turns and strikes of one piece."""

    __slots__ = ("began_at", "best", "failures", "free_since", "left", "progress_at", "shared", "strikes", "turn")

    def __init__(self) -> None:
        self.failures = 0
        self.strikes: Dict[Hashable, int] = {}
        self.turn: Set[Hashable] = set()
        """The sources that may be asked now."""
        self.shared = False
        """Whether sources without a strike may join the turn."""
        self.free_since: Optional[float] = None
        """When a source first came for requests after the last turn."""
        self.best: Tuple[int, float] = (0, -inf)
        """Fewest strikes of the sources that came since, and when one with so many did."""
        self.began_at = 0.0
        self.progress_at = 0.0
        self.left: Optional[int] = None

    def admits(self, key: Hashable, now: float) -> bool:
        """Whether this source may be asked now; it has come for requests."""
        strikes = self.strikes.get(key, 0)
        if self.turn:
            return key in self.turn or (self.shared and not strikes)
        if self.free_since is None:
            self.free_since = now
        best, seen = self.best
        if strikes <= best or now - seen >= DRAW_TIME:
            self.best = (strikes, now)
        else:
            return False
        return not strikes or now - self.free_since >= DRAW_TIME

    def strike(self, keys: Iterable[Hashable]) -> None:
        """Count a strike for each of these sources."""
        for key in keys:
            remember(self.strikes, key, self.strikes.get(key, 0) + 1, limit=MAX_STRUCK)

    def leave(self, keys: Iterable[Hashable]) -> None:
        """End the turn of these sources."""
        self.turn.difference_update(keys)
        self.free_since = None


class Parole:
    """The pieces of one torrent that failed with several senders.

    Args:
        timeout: Seconds without a block of the piece that end a turn (``Settings.request_timeout``).
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._pieces: Dict[int, _Piece] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._pieces))

    def __contains__(self, index: int) -> bool:
        return index in self._pieces

    def failed(self, index: int, senders: Iterable[Optional[Hashable]]) -> None:
        """Take the news that a piece is wrong.

        Args:
            index: The piece.
            senders: The senders of its blocks; None for one that was on disk.
        """
        piece = self._pieces.setdefault(index, _Piece())
        piece.failures += 1
        others = {sender for sender in senders if sender is not None}
        if not piece.shared and not others <= piece.turn:
            others -= piece.turn
        piece.strike(others)
        piece.leave(list(piece.turn))
        if len(self._pieces) > MAX_PIECES:
            self.forget(next(iter(self._pieces)))

    def forget(self, index: int) -> None:
        """Forget a piece that is right, or not wanted any more."""
        self._pieces.pop(index, None)

    def offered(self, bits: Bitfield, key: Hashable, refused: Iterable[int], *, choked: bool, now: float) -> Bitfield:
        """Of the pieces of a source, those that may be requested to it now.

        Args:
            bits: The pieces of the source.
            key: Its sender.
            refused: The pieces of which it refused a block.
            choked: Whether it chokes us; then it gets no turn.
            now: Monotonic seconds.
        """
        bits = bits.copy()
        for index in refused:
            bits.clear(index)
        for index in self if choked else self.withheld(key, bits, now):
            bits.clear(index)
        return bits

    def withheld(self, key: Hashable, bits: Bitfield, now: float) -> List[int]:
        """Of the pieces ``bits`` of a source that comes for requests, those that may not be requested to it now."""
        return [index for index, piece in self._pieces.items() if bits[index] and not piece.admits(key, now)]

    def asked(self, index: int, key: Hashable, now: float) -> None:
        """Take the news that blocks of the piece were requested to a source: it begins a turn, or joins one."""
        piece = self._pieces[index]
        if not piece.turn:
            piece.shared = piece.failures <= SHARED_FAILURES and key not in piece.strikes
            piece.began_at = piece.progress_at = now
        piece.turn.add(key)

    def has_turn(self, index: int, key: Hashable) -> bool:
        """Whether a late block of this piece may be taken from this source."""
        piece = self._pieces.get(index)
        return piece is None or key in piece.turn

    def turns(self, key: Hashable) -> List[int]:
        """The pieces at which this source has a turn."""
        return [index for index, piece in self._pieces.items() if key in piece.turn]

    def lost(self, index: int, key: Hashable) -> bool:
        """Take the news that a source will not send a requested block of the piece.

        Returns:
            Whether it had a turn, which is over now.
        """
        piece = self._pieces.get(index)
        if piece is None or key not in piece.turn:
            return False
        piece.strike((key,))
        piece.leave((key,))
        return True

    def expired(
        self, now: float, left: Callable[[int], Optional[int]], delay: float = 0.0
    ) -> Dict[int, Sequence[Hashable]]:
        """End the turns in which too little was received; to be called once a second.

        Args:
            now: Monotonic seconds.
            left: Tells how many blocks of a piece were not received, None if it is not open.
            delay: Seconds for which a rate limit of ours delays blocks.

        Returns:
            By piece, the sources whose turns are over.
        """
        timeout = self._timeout + delay
        over: Dict[int, Sequence[Hashable]] = {}
        for index, piece in self._pieces.items():
            if not piece.turn:
                continue
            blocks, piece.left = piece.left, left(index)
            if blocks != piece.left:
                piece.progress_at = now
            longest = LONGEST_TURN * piece.failures * timeout
            if now - piece.progress_at >= timeout or now - piece.began_at >= longest:
                over[index] = list(piece.turn)
                piece.strike(piece.turn)
                piece.leave(over[index])
        return over
