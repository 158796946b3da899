"""``ReceivePool``: the memory that TCP sockets read into, and that a piece may borrow instead of copying from it.

The memory is made of slabs.  The rule: a read goes behind everything that is borrowed from the current slab, and a slab
is filled from its start again only when everything borrowed from it has been returned.  While nothing is borrowed,
every read goes to the start of the same slab and overwrites the one before.

A piece of one block is hashed and written in the memory that it was received into.  A copy would take the network
thread 1.8 of 8.3 us a piece, in which the disk threads wait for the GIL.
"""

from __future__ import annotations

import mmap
from typing import Dict, Iterable, List

from ..buffers import OwnedBuffer, aligned

MIN_FREE_SHARE = 4
"""A slab is left when less than one in so many of its bytes is free: long reads are fewer reads."""


class Slab:
    """A block of page-aligned memory."""

    __slots__ = ("borrowed", "memory", "used", "view")

    def __init__(self, size: int) -> None:
        self.view = aligned(size)
        self.memory = self.view.obj
        """The object that every view of the slab has as its ``obj``."""
        self.borrowed = 0
        """Views of the slab that were borrowed and not returned."""
        self.used = 0
        """Bytes at the start that must not be read into."""


class ReceivePool:
    """Slabs that sockets read into; for the network thread only.

    Args:
        size: Bytes of a slab.
        most: Slabs at once.
    """

    def __init__(self, size: int, most: int = 1) -> None:
        self._size = size
        self._most = most
        self._slab = Slab(size)
        self._slabs: Dict[int, Slab] = {id(self._slab.memory): self._slab}
        self._spare: List[Slab] = []
        """Slabs from which nothing is borrowed; never empty while something is borrowed from the current slab."""
        self._lent = False
        """Something of the last read was borrowed."""

    @property
    def room(self) -> memoryview:
        """The memory for the next read."""
        slab = self._slab
        if not slab.used:
            return slab.view
        if not slab.borrowed:
            slab.used = 0
            return slab.view
        return slab.view[slab.used :]

    def borrow(self, data: memoryview) -> bool:
        """Keep ``data`` unchanged until it is returned, if that is possible.

        Memory that is neither of a slab nor an ``OwnedBuffer`` belongs to the stream that received it (decrypted data,
        for example), which overwrites it with its next read.

        Args:
            data: A view of what is being handled at the moment.

        Returns:
            False if the caller must copy ``data``.
        """
        slab = self._slab
        if data.obj is not slab.memory:
            return isinstance(data.obj, OwnedBuffer)
        if not self._spare and not self._grow():
            return False
        self._lent = True
        slab.borrowed += 1
        return True

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """Return views that were borrowed and are not used any more."""
        slabs, current = self._slabs, self._slab
        for data in borrowed:
            slab = slabs.get(id(data.obj))
            if slab is not None:
                slab.borrowed -= 1
                if not slab.borrowed and slab is not current:
                    slab.used = 0
                    self._spare.append(slab)

    def end_read(self, size: int) -> None:
        """End the handling of a read: no more of it will be borrowed.

        Args:
            size: Bytes of ``room`` that were read into.
        """
        if not self._lent:
            return
        self._lent = False
        slab = self._slab
        # The kernel copies faster to the start of a page (see ``buffers``).
        slab.used += -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        if (self._size - slab.used) * MIN_FREE_SHARE < self._size:
            self._slab = self._spare.pop()
            if not slab.borrowed:
                slab.used = 0
                self._spare.append(slab)

    def drop_spare(self) -> None:
        """Release the slabs of which nothing is used."""
        needed = 1 if self._lent or self._slab.borrowed else 0
        for slab in self._spare[needed:]:
            del self._slabs[id(slab.memory)]
        del self._spare[needed:]

    def _grow(self) -> bool:
        """Add a slab; false if there are enough or the system has no memory."""
        if len(self._slabs) >= self._most:
            return False
        try:
            slab = Slab(self._size)
        except (OSError, MemoryError):
            return False
        self._slabs[id(slab.memory)] = slab
        self._spare.append(slab)
        return True
