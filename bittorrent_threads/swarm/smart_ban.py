"""Which source sent the bad block of a piece that failed its hash check.

The hash of a piece tells that some block is bad, and not which.  If one source sent all blocks, it is proven to be bad.
With several senders the digest of each block is remembered with its sender, and the piece is downloaded again from the
sources that ``Parole`` allows.  When it is right, each remembered block that differs from the right one proves that its
sender is bad.  Before that, two different versions of one block from one sender prove it: a good source has one version
of a block.

The rule: only a proof counts.  No source is banned for having sent a part of a bad piece: with points for that, one
that spoils many pieces gets good ones banned.  Where a copy is forgotten for want of room, its bad sender is found at
the next bad block.
"""

from __future__ import annotations

from typing import (
    Collection,
    Dict,
    FrozenSet,
    Generic,
    Hashable,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
)

from ..metainfo.fingerprint import DIGEST_SIZE

MAX_COPIES = 4
"""Failed copies remembered of one piece, the latest."""

MAX_PIECES = 256
"""Pieces of which failed copies are remembered, the latest."""

MAX_BLOCKS = 1 << 17
"""Blocks remembered in all, at 24 bytes each about 3 MB: four copies of the largest possible piece (512 MiB)."""

S = TypeVar("S", bound=Hashable)
"""The identity of a sender, which outlives its connection."""


class _Copy(Generic[S]):
    """The senders of the blocks of a failed copy, in order, and the digests of its blocks one after the other."""

    __slots__ = ("digests", "senders")

    def __init__(self, senders: Tuple[Optional[S], ...], digests: bytes) -> None:
        self.senders = senders
        self.digests = digests

    def differing(self, digests: bytes) -> Iterator[int]:
        """The blocks that differ from those of a copy with these digests."""
        for block in range(len(self.senders)):
            start = block * DIGEST_SIZE
            if self.digests[start : start + DIGEST_SIZE] != digests[start : start + DIGEST_SIZE]:
                yield block


class SmartBan(Generic[S]):
    """The failed copies of the pieces of one torrent; the sender of a block that was on disk is None."""

    def __init__(self, *, max_pieces: int = MAX_PIECES, max_blocks: int = MAX_BLOCKS) -> None:
        self._max_pieces = max_pieces
        self._max_blocks = max_blocks
        self._copies: Dict[int, List[_Copy[S]]] = {}
        self._blocks = 0

    @property
    def pieces(self) -> Collection[int]:
        """The pieces of which failed copies are remembered: ``passed`` is to be called when one is right."""
        return self._copies.keys()

    def failed(self, index: int, senders: Sequence[Optional[S]], digests: bytes) -> FrozenSet[S]:
        """Take the news that a piece is wrong.

        Args:
            index: The piece.
            senders: The senders of its blocks, in order.
            digests: Its fingerprint, empty if that is not known.

        Returns:
            The senders that are proven to be bad.
        """
        if only_sender(senders):
            return _proven(senders[:1])
        if len(digests) != len(senders) * DIGEST_SIZE:
            return frozenset()
        copies = self._copies.pop(index, [])
        guilty: Set[Optional[S]] = set()
        for old in copies:
            guilty.update([senders[block] for block in old.differing(digests) if old.senders[block] == senders[block]])
        self._copies[index] = [*copies, _Copy(tuple(senders), digests)]
        self._blocks += len(senders)
        if len(copies) >= MAX_COPIES:
            self._blocks -= len(self._copies[index].pop(0).senders)
        while len(self._copies) > 1 and (len(self._copies) > self._max_pieces or self._blocks > self._max_blocks):
            self.forget(next(iter(self._copies)))
        return _proven(guilty)

    def passed(self, index: int, digests: bytes) -> FrozenSet[S]:
        """Take the news that a piece is right; its copies are forgotten.

        Args:
            index: The piece.
            digests: Its fingerprint, empty if that is not known.

        Returns:
            The senders that are proven to be bad.
        """
        copies = self._copies.get(index, ())
        self.forget(index)
        if not digests:
            return frozenset()
        guilty: Set[Optional[S]] = set()
        for copy in copies:
            guilty.update([copy.senders[block] for block in copy.differing(digests)])
        return _proven(guilty)

    def forget(self, index: int) -> None:
        """Forget the copies of a piece."""
        for copy in self._copies.pop(index, ()):
            self._blocks -= len(copy.senders)


def only_sender(senders: Sequence[Optional[Hashable]]) -> bool:
    """Whether all blocks came from one source, and none from disk."""
    return senders[0] is not None and len(set(senders)) == 1


def _proven(senders: Iterable[Optional[S]]) -> FrozenSet[S]:
    return frozenset([sender for sender in senders if sender is not None])
