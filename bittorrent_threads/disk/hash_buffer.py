"""``HashBuffer``: memory of one worker into which neighbouring pieces are read, to be hashed there.

It is cut into pieces once and used again: with two workers at pieces of 16 KiB, every line for each piece is paid for
twice, because meanwhile the other worker waits for the GIL.  Cutting it for each read took 11 % of the speed
(1.73 GB/s instead of 1.95), making it anew for each job a sixth.
"""

from __future__ import annotations

from typing import List

from ..buffers import aligned
from ..threads.original import local

CHUNK = 1024 * 1024
"""Bytes read at a time: many small pieces, or a part of a large one.

So much stays in the cache of a core until it is hashed: two threads of nothing but ``preadv`` and SHA-1 made 2.57 GB/s
with 512 KiB or 1 MiB, 2.45 with 4 MiB (pieces of 1 MiB).
"""


MAX_PARTS = 1024
"""Pieces that the memory is cut into at most, each with an object of its own; 64 pieces of 16 KiB fill it."""


class HashBuffer:
    """``view`` is ``CHUNK`` bytes that begin a page."""

    def __init__(self) -> None:
        self.view = aligned(CHUNK)
        self._parts: List[memoryview] = []
        self._piece_length = 0

    def parts(self, piece_length: int, size: int) -> List[memoryview]:
        """The first ``size`` bytes cut into at most ``MAX_PARTS`` pieces of that length, the last may be shorter."""
        if piece_length != self._piece_length:
            self._piece_length = piece_length
            end = min(CHUNK, MAX_PARTS * piece_length)
            self._parts = [self.view[at : at + piece_length] for at in range(0, end, piece_length)]
        whole, rest = divmod(size, piece_length)
        return [*self._parts[:whole], self._parts[whole][:rest]] if rest else self._parts[:whole]


class HashBuffers(local):
    """``own`` is the scratch of the thread that asks."""

    def __init__(self) -> None:
        self.own = HashBuffer()
