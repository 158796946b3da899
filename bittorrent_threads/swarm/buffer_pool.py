"""The budget of bytes for pieces that are being received or wait for the disk, shared by the torrents of a session.

A piece is counted when it is opened and its buffer taken when its first block comes: what is only asked for costs no
memory.  Buffers are used again, because a fresh one costs a page fault for every 4 KiB.  A piece of a single block has
no buffer of its own if it can borrow the memory that it was received into.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Protocol, Union

SPARE_SHARE = 2
"""At most one in so many bytes of the budget is kept in buffers nobody uses, beside memory that can be borrowed."""

SAVING_SHARE = 2
"""No piece is opened while one in so many bytes of the budget waits for the disk: then buffers are used again.

Without this a slow disk fills the whole budget with fresh buffers.
"""


class Lender(Protocol):
    """The memory that what peers send is received into."""

    def borrow(self, data: memoryview) -> bool:
        """May this, of what is being handled, be kept as it is until it is given back?  Else it must be copied."""

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """Nobody looks any more at these, each of which was borrowed."""

    def drop_spare(self) -> None:
        """Forget memory that nobody uses."""


class NullLender:
    """Null lender: everything is copied."""

    def borrow(self, data: memoryview) -> bool:
        return False

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        pass

    def drop_spare(self) -> None:
        pass


NULL_LENDER = NullLender()


class BufferPool:
    """Counts bytes against ``limit`` and recycles piece buffers.

    ``on_free`` is called when there is room again after somebody found too little: a peer whose requests ran out
    meanwhile sends nothing that would have it asked again.  ``lender`` has what is received.
    """

    def __init__(self, limit: int, on_free: Callable[[], None] = lambda: None, lender: Lender = NULL_LENDER) -> None:
        self.limit = limit
        self.lender = lender
        self.reserved = 0
        self.saving = 0
        """Bytes of whole pieces that wait for the disk."""
        self._spare: Dict[int, List[bytearray]] = {}
        self._spare_bytes = 0
        self._on_free = on_free
        self._short = False

    def affordable(self, size: int) -> int:
        """How many more pieces of this size may be opened."""
        count = 0 if self.congested else max(0, self.limit - self.reserved) // size
        self._short = self._short or not count
        return count

    def reserve(self, size: int, *, forced: bool = False) -> bool:
        """Count ``size`` bytes if they fit, or in any case when forced (a torrent's only open piece)."""
        if not forced and self.reserved + size > self.limit:
            self._short = True
            return False
        self.reserved += size
        return True

    @property
    def congested(self) -> bool:
        """The disk has enough to do."""
        return self.saving * SAVING_SHARE > self.limit

    def release(self, size: int) -> None:
        """Give back what was reserved."""
        self.reserved -= size
        if self._short and not self.congested:
            self._short = False
            self._on_free()

    def take(self, size: int) -> bytearray:
        """A buffer of exactly ``size`` bytes, its content undefined."""
        spare = self._spare.get(size)
        if spare:
            self._spare_bytes -= size
            return spare.pop()
        return bytearray(size)

    def give(self, buffers: Iterable[Union[bytearray, memoryview]]) -> None:
        """Take buffers back, those borrowed among them."""
        borrowed: List[memoryview] = []
        for buffer in buffers:
            if isinstance(buffer, memoryview):
                borrowed.append(buffer)
                continue
            size = len(buffer)
            if self._spare_bytes + size <= self.limit // SPARE_SHARE:
                self._spare_bytes += size
                self._spare.setdefault(size, []).append(buffer)
        self.lender.give_back(borrowed)

    def drop_spare(self) -> None:
        """Forget the unused buffers: nothing is being received any more."""
        self._spare.clear()
        self._spare_bytes = 0
        self.lender.drop_spare()
