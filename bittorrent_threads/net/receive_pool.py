"""``ReceivePool``: the memory that all sockets are read into, and that a reader may borrow instead of copying from it.

It is made of *slabs*.  The rule: what is read goes behind everything borrowed in the current slab, and a slab begins
anew only when all that was borrowed of it has come back.  While nobody borrows every read begins at the start of the
same slab, and overwrites the one before.

Pieces of one block are hashed and written where they were read.  To copy them took the network thread 1.8 of 8.3 us a
piece, in which the workers wait for the GIL: without it pieces of 16 KiB come at 431 MB/s instead of 401, for 2.5 s of
processor a GiB instead of 2.6.
"""

from __future__ import annotations

import mmap
from typing import Dict, Iterable, List

from ..buffers import aligned

LEAST_SHARE = 4
"""A slab is left when less than one in so many of its bytes is free: the longer the reads, the fewer they are."""


class Slab:
    """``borrowed`` counts what was borrowed of ``view`` and has not come back."""

    __slots__ = ("borrowed", "memory", "used", "view")

    def __init__(self, size: int) -> None:
        self.view = aligned(size)
        self.memory = self.view.obj
        """What every view of the slab is of."""
        self.borrowed = 0
        self.used = 0
        """Bytes at the start that are not read into."""


class ReceivePool:
    """Slabs of ``size`` bytes, ``most`` at once; for the network thread only."""

    def __init__(self, size: int, most: int = 1) -> None:
        self._size = size
        self._most = most
        self._slab = Slab(size)
        self._slabs: Dict[int, Slab] = {id(self._slab.memory): self._slab}
        self._spare: List[Slab] = []
        """Of which nothing is borrowed; never empty while something is borrowed of the current one."""
        self._lent = False

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

    def borrow(self, data: memoryview) -> bool:
        """May ``data``, of what was read last, be kept as it is until it is given back?  Else it must be copied.

        What is not of a slab belongs to whoever has it: a message that came in several reads.
        """
        slab = self._slab
        if data.obj is not slab.memory:
            return True
        if not self._spare and not self._grow():
            return False
        self._lent = True
        slab.borrowed += 1
        return True

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """Nobody looks any more at these, each of which was borrowed."""
        slabs, current = self._slabs, self._slab
        for data in borrowed:
            slab = slabs.get(id(data.obj))
            if slab is not None:
                slab.borrowed -= 1
                if not slab.borrowed and slab is not current:
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
            self._slab = self._spare.pop()
            if not slab.borrowed:
                slab.used = 0
                self._spare.append(slab)

    def drop_spare(self) -> None:
        """Forget the slabs of which nothing is used."""
        needed = 1 if self._lent or self._slab.borrowed else 0
        for slab in self._spare[needed:]:
            del self._slabs[id(slab.memory)]
        del self._spare[needed:]

    def _grow(self) -> bool:
        """Make another slab, if that can be."""
        if len(self._slabs) >= self._most:
            return False
        try:
            slab = Slab(self._size)
        except (OSError, MemoryError):
            return False
        self._slabs[id(slab.memory)] = slab
        self._spare.append(slab)
        return True
