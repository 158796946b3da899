"""Who sent the bad block of a piece that failed its hash.

A hash tells that some block is bad and not which.  The one sender of all blocks is guilty at once.  With several
senders the digest of each block is remembered together with who sent it, and the piece is to be fetched again from one
peer alone: if that copy fails too, that peer is guilty; if it passes, every remembered block that differs from the good
one convicts its sender.

The rule: only proof counts.  Nobody is ever counted against, suspected or banned for having been near a bad piece: with
points for being there, a liar that spoils many pieces gets honest peers banned.  What is forgotten for want of room
lets a liar go until its next lie.
"""

from __future__ import annotations

import hashlib
from typing import Dict, FrozenSet, Hashable, List, NamedTuple, Sequence, Set, Tuple, Union

from ..metainfo.layout import BLOCK

DIGEST_SIZE = 8
"""Bytes: to pass for the good block a liar would need a second preimage of 64 bits for every block."""

MAX_COPIES = 4
"""Failed copies remembered of one piece, the latest."""

MAX_BLOCKS = 1 << 18
"""Blocks remembered in all, about 5 MB."""


class Verdict(NamedTuple):
    """What a failed piece tells."""

    guilty: FrozenSet[Hashable]
    exclusive: bool
    """The piece is to be fetched from one peer alone."""


class _Copy(NamedTuple):
    """The senders of a copy's blocks, in order, and their digests one after the other."""

    senders: Tuple[Hashable, ...]
    digests: bytes


def block_digests(buffer: Union[bytes, bytearray, memoryview], size: int, block: int = BLOCK) -> List[bytes]:
    """A digest of each block of the first ``size`` bytes."""
    view = memoryview(buffer)
    digest = hashlib.blake2b
    return [
        digest(view[start : min(start + block, size)], digest_size=DIGEST_SIZE).digest()
        for start in range(0, size, block)
    ]


class Blame:
    """Remembers failed copies of at most ``limit`` pieces."""

    def __init__(self, *, limit: int = 64) -> None:
        self._limit = limit
        self._copies: Dict[int, List[_Copy]] = {}
        self._blocks = 0

    def suspected(self, index: int) -> bool:
        """Are failed copies of this piece remembered?  Then ``passed`` wants to know when it passes."""
        return index in self._copies

    def failed(self, index: int, blocks: Sequence[Tuple[Hashable, bytes]]) -> Verdict:
        """The piece failed its hash; ``blocks`` are the sender and the digest of each block, in order."""
        senders = tuple([sender for sender, _ in blocks])
        if len(set(senders)) <= 1:
            return Verdict(frozenset(senders), exclusive=index in self._copies)
        copies = self._copies.setdefault(index, [])
        copies.append(_Copy(senders, b"".join([digest for _, digest in blocks])))
        self._blocks += len(senders)
        if len(copies) > MAX_COPIES:
            self._blocks -= len(copies.pop(0).senders)
        while len(self._copies) > 1 and (len(self._copies) > self._limit or self._blocks > MAX_BLOCKS):
            self._forget(next(iter(self._copies)))
        return Verdict(frozenset(), exclusive=True)

    def passed(self, index: int, digests: Sequence[bytes]) -> FrozenSet[Hashable]:
        """The piece passed, and its blocks have these digests; returns all who sent something else."""
        good = b"".join(digests)
        guilty: Set[Hashable] = set()
        for copy in self._copies.get(index, ()):
            for number, sender in enumerate(copy.senders):
                start = number * DIGEST_SIZE
                if copy.digests[start : start + DIGEST_SIZE] != good[start : start + DIGEST_SIZE]:
                    guilty.add(sender)
        self._forget(index)
        return frozenset(guilty)

    def _forget(self, index: int) -> None:
        for copy in self._copies.pop(index, ()):
            self._blocks -= len(copy.senders)
