"""Who sent the bad block of a piece that failed its hash.

A hash tells that some block is bad and not which.  The one sender of all blocks is guilty at once.  With several
senders the digest of each block is remembered together with who sent it, and the piece is fetched again, from whomever
``Parole`` lets.  When it is right, each remembered block that differs from the good one convicts its sender.  Before
that, two digests of one block from one sender convict it: an honest peer has one version of a block.

The rule: only proof counts.  No peer is counted against or banned for having been near a bad piece: with points for
being there, a liar that spoils many pieces gets honest peers banned.  What is forgotten for want of room lets a liar
go until its next lie.
"""

from __future__ import annotations

from typing import (
    Collection,
    Dict,
    FrozenSet,
    Hashable,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from ..metainfo.fingerprint import DIGEST_SIZE

MAX_COPIES = 4
"""Failed copies remembered of one piece, the latest."""

MAX_PIECES = 256
"""Pieces of which failed copies are remembered, the latest."""

MAX_BLOCKS = 1 << 17
"""Blocks remembered in all, at 24 bytes each about 3 MB; four copies of the largest piece that there is (512 MiB)."""


class _Copy(NamedTuple):
    """The senders of a copy's blocks, in order, and their digests one after the other."""

    senders: Tuple[Optional[Hashable], ...]
    digests: bytes

    def differing(self, digests: bytes) -> Iterator[int]:
        """The blocks that are not the same in a copy of these digests."""
        for block in range(len(self.senders)):
            start = block * DIGEST_SIZE
            if self.digests[start : start + DIGEST_SIZE] != digests[start : start + DIGEST_SIZE]:
                yield block


class SmartBan:
    """The failed copies of the pieces of one torrent.

    A sender is any key that outlives a connection; None stands for a block that was on disk before.
    """

    def __init__(self, *, max_pieces: int = MAX_PIECES, max_blocks: int = MAX_BLOCKS) -> None:
        self._max_pieces = max_pieces
        self._max_blocks = max_blocks
        self._copies: Dict[int, List[_Copy]] = {}
        self._blocks = 0

    @property
    def pieces(self) -> Collection[int]:
        """Those of which failed copies are remembered: ``passed`` wants to know when one is right."""
        return self._copies.keys()

    def failed(self, index: int, senders: Sequence[Optional[Hashable]], digests: bytes) -> FrozenSet[Hashable]:
        """The piece is wrong; returns who is to blame as far as that is proved.

        ``senders`` are those of its blocks in order, ``digests`` its fingerprint, empty if it is not known.
        """
        if only_sender(senders):
            return frozenset(senders[:1])
        if len(digests) != len(senders) * DIGEST_SIZE:
            return frozenset()
        copy = _Copy(tuple(senders), digests)
        copies = self._copies.pop(index, [])
        guilty: Set[Optional[Hashable]] = set()
        for old in copies:
            guilty.update([senders[block] for block in old.differing(digests) if old.senders[block] == senders[block]])
        self._copies[index] = [*copies, copy]
        self._blocks += len(senders)
        if len(copies) >= MAX_COPIES:
            self._blocks -= len(self._copies[index].pop(0).senders)
        while len(self._copies) > 1 and (len(self._copies) > self._max_pieces or self._blocks > self._max_blocks):
            self.forget(next(iter(self._copies)))
        return _peers(guilty)

    def passed(self, index: int, digests: bytes) -> FrozenSet[Hashable]:
        """The piece is right and has this fingerprint, empty if it is not known; returns who sent something else."""
        copies = self._copies.get(index, ())
        self.forget(index)
        if not digests:
            return frozenset()
        guilty: Set[Optional[Hashable]] = set()
        for copy in copies:
            guilty.update([copy.senders[block] for block in copy.differing(digests)])
        return _peers(guilty)

    def forget(self, index: int) -> None:
        """The piece is of no interest any more."""
        for copy in self._copies.pop(index, ()):
            self._blocks -= len(copy.senders)


def only_sender(senders: Sequence[Optional[Hashable]]) -> bool:
    """Did all blocks come from one peer, and none from the disk?"""
    return senders[0] is not None and len(set(senders)) == 1


def _peers(senders: Iterable[Optional[Hashable]]) -> FrozenSet[Hashable]:
    return frozenset([sender for sender in senders if sender is not None])
