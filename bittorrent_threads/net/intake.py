"""``Intake``: the memory that all sockets are read into, and that a reader may borrow instead of copying from it.

It is made of *slabs*.  The rule: what is read goes behind everything borrowed in the current slab, and a slab begins
anew only when all that was borrowed of it has come back.  While nobody borrows there is one slab, every read begins at
its start, and the next one overwrites it.

Pieces of one block are hashed and written where they were read.  To copy them took the network thread 1.8 of 8.3 us a
piece, in which the workers wait for the GIL: without it pieces of 16 KiB come at 431 MB/s instead of 401, for 2.5 s of
processor a GiB instead of 2.6.
"""

from __future__ import annotations

import mmap
from typing import Iterable, List, Optional

from ..buffers import aligned

LEAST_SHARE = 4
"""A slab is left when less than one in so many of its bytes is free: the longer the reads, the fewer they are."""


class Slab:
    """``borrowed`` counts what was borrowed of ``view`` and has not come back."""

    __slots__ = ("borrowed", "used", "view")

    def __init__(self, size: int) -> None:
        self.view = aligned(size)
        self.borrowed = 0
        self.used = 0
        """Bytes at the start that are not read into."""


class Intake:
    """Slabs of ``size`` bytes, ``most`` at once; for the network thread only."""

    def __init__(self, size: int, most: int = 1) -> None:
        self._size = size
        self._most = most
        self._slab = Slab(size)
        self._lent = False
        self._made = 1
        self._spare: List[Slab] = []

    @property
    def room(self) -> memoryview:
        """Where the next read goes."""
        slab = self._slab
        if not slab.used:
            return slab.view
        if not slab.borrowed:
            slab.used = 0
            return slab.view
        return slab.view[slab.used :]

    def borrow(self) -> Optional[Slab]:
        """What was read last stays as it is until this is given back; None if it must be copied.

        Each call counts.  That the last free slab is never lent is what keeps room for the next read.
        """
        if self._made == self._most and not self._spare:
            return None
        self._lent = True
        slab = self._slab
        slab.borrowed += 1
        return slab

    def give_back(self, loans: Iterable[Slab]) -> None:
        """Nobody looks any more at what was borrowed with these."""
        for slab in loans:
            slab.borrowed -= 1
            if not slab.borrowed and slab is not self._slab:
                slab.used = 0
                self._spare.append(slab)

    def passed(self, size: int) -> None:
        """So many bytes of ``room`` were read, and whoever wanted some of them has borrowed."""
        if not self._lent:
            return
        self._lent = False
        slab = self._slab
        # The kernel copies faster to where a page begins (``buffers``).
        slab.used += -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        if (self._size - slab.used) * LEAST_SHARE < self._size:
            if self._spare:
                self._slab = self._spare.pop()
            else:
                self._slab = Slab(self._size)
                self._made += 1

    def drop_spare(self) -> None:
        """Forget the slabs of which nothing is used."""
        self._made -= len(self._spare)
        self._spare.clear()
