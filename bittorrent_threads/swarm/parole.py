"""Which peers may be asked for a piece that failed its hash with several senders, so that it is right before long.

Peers take *turns* at such a piece.  The first turns belong to all peers together that sent nothing of a failed copy.
Where there are none, and after ``SHARED_FAILURES``, a turn belongs to one peer alone: if it sends the whole piece and
that is wrong, it is banned.  So each failure either bans a peer or leaves fewer that may spoil the piece together.

A peer gets a *strike* for each failed copy that it sent some of, and for each turn that it lost: because it choked us,
rejected a request, left, or let ``timeout`` seconds go by in which no block of the piece came.  But the peer that
finished what others had begun gets none: else some that lie and do not finish, one after the other, would always come
before it.  A strike is no proof
of anything and harms a peer in no other way than this: the next turn is that of the peer of fewest strikes among those
that ask for something to do within ``DRAW_TIME``.  What came of the piece stays when a turn ends.
"""

from __future__ import annotations

from math import inf
from typing import Callable, Dict, Hashable, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from ..metainfo.bitfield import Bitfield
from .bans import remember

SHARED_FAILURES = 2
"""After so many failed copies the piece is fetched from one peer at a time."""

DRAW_TIME = 2.0
"""Seconds from the end of a turn to the next turn of a peer alone; every peer that is idle comes by once a second."""

LONGEST_TURN = 2
"""Time-outs for each failed copy after which a turn is over though a block came before each of them.

It grows so that some day a slow peer sends the whole piece in one turn, however large that is.
"""

MAX_PIECES = 256
"""Pieces that are treated so; of more the oldest is anybody's again."""

MAX_STRUCK = 200
"""Peers of a piece whose strikes are remembered, the latest: as many as ``Settings.max_connections``."""


class _Piece:
    """What is known of one piece."""

    __slots__ = ("began_at", "best", "failures", "free_since", "left", "progress_at", "shared", "strikes", "turn")

    def __init__(self) -> None:
        self.failures = 0
        self.strikes: Dict[Hashable, int] = {}
        self.turn: Set[Hashable] = set()
        """Who is asked now."""
        self.shared = False
        """Peers without a strike may join the turn."""
        self.free_since: Optional[float] = None
        """When a peer first came by after the last turn."""
        self.best: Tuple[int, float] = (0, -inf)
        """Fewest strikes of the peers that came by since, and when."""
        self.began_at = 0.0
        self.progress_at = 0.0
        self.left: Optional[int] = None

    def admits(self, key: Hashable, now: float) -> bool:
        """May this peer be asked now?"""
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
        """These peers sent some of a failed copy, or lost their turn."""
        for key in keys:
            remember(self.strikes, key, self.strikes.get(key, 0) + 1, limit=MAX_STRUCK)

    def leave(self, keys: Iterable[Hashable]) -> None:
        """These peers have no turn any more."""
        self.turn.difference_update(keys)
        self.free_since = None


class Parole:
    """The pieces of one torrent that failed with several senders; ``timeout`` is ``Settings.request_timeout``.

    A key is that of a peer (``Pipeline.key``).
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
        """The piece is wrong; ``senders`` are those of its blocks, None for what was on disk before."""
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
        """The piece is right, or not wanted any more."""
        self._pieces.pop(index, None)

    def offered(self, bits: Bitfield, key: Hashable, refused: Iterable[int], *, choked: bool, now: float) -> Bitfield:
        """Those of the pieces ``bits`` of a peer that it may be asked for: none that it refused, nor others' turns."""
        bits = bits.copy()
        for index in refused:
            bits.clear(index)
        for index in self if choked else self.withheld(key, bits, now):
            bits.clear(index)
        return bits

    def withheld(self, key: Hashable, bits: Bitfield, now: float) -> List[int]:
        """Those of the pieces ``bits`` that this peer, which comes by for something to do, may not be asked for now."""
        return [index for index, piece in self._pieces.items() if bits[index] and not piece.admits(key, now)]

    def asked(self, index: int, key: Hashable, now: float) -> None:
        """The peer was asked for some of the piece: it begins a turn, or joins one."""
        piece = self._pieces[index]
        if not piece.turn:
            piece.shared = piece.failures <= SHARED_FAILURES and key not in piece.strikes
            piece.began_at = piece.progress_at = now
        piece.turn.add(key)

    def has_turn(self, index: int, key: Hashable) -> bool:
        """May a block of this piece, asked for some time ago, be taken from this peer?"""
        piece = self._pieces.get(index)
        return piece is None or key in piece.turn

    def turns(self, key: Hashable) -> List[int]:
        """The pieces at which this peer has a turn."""
        return [index for index, piece in self._pieces.items() if key in piece.turn]

    def lost(self, index: int, key: Hashable) -> bool:
        """The peer will not send some of the piece; returns whether it had a turn, which is over now."""
        piece = self._pieces.get(index)
        if piece is None or key not in piece.turn:
            return False
        piece.strike((key,))
        piece.leave((key,))
        return True

    def expired(
        self, now: float, left: Callable[[int], Optional[int]], delay: float = 0.0
    ) -> Dict[int, Sequence[Hashable]]:
        """The turns that are over because too little came, and whose they were; to be asked once a second.

        ``left`` tells how many blocks of a piece have not come, ``delay`` for how long our own limit holds them up.
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
