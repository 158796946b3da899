"""Memory for pieces that are being received or wait for the disk, shared by the torrents of a session.

A piece is counted when it is opened, and its buffer is taken with its first block: requests alone take no memory.
Buffers are used again, because a fresh one costs a page fault for every 4 KiB: 0.4 ms for 1 MiB, as long as its hash.
A piece of a single block needs no buffer if the memory that the block was received into can be borrowed.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Protocol, Union

from ..buffers import Memory, anonymous

SAVING_SHARE = 2
"""No piece is opened while one in so many bytes of the limit waits for the disk: then buffers are used again.

Without this a slow disk fills the whole limit with fresh buffers.
"""


class Lender(Protocol):
    """Lends the memory that blocks were received into."""

    def borrow(self, data: memoryview) -> bool:
        """Keep received data where it is until it is given back.

        Args:
            data: What is being handled now.

        Returns:
            Whether it is lent; if not, the borrower must copy it.
        """

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """End the loan of each of these."""

    def drop_spare(self) -> None:
        """Free memory that is not used."""


class NullLender:
    """Lends nothing: everything is copied."""

    def borrow(self, data: memoryview) -> bool:
        """Refuse the loan."""
        return False

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """Nothing is lent."""

    def drop_spare(self) -> None:
        """There is none."""


NULL_LENDER = NullLender()


class BufferPool:
    """Counts bytes against a limit, and recycles buffers.

    Args:
        limit: Bytes that may be reserved.
        on_free: Called when there is room again after a request for room was refused.  A source whose requests were
            all answered meanwhile sends nothing that would make it be asked again.
        lender: Has the memory that blocks are received into.
    """

    def __init__(self, limit: int, on_free: Callable[[], None] = lambda: None, lender: Lender = NULL_LENDER) -> None:
        self.limit = limit
        self.lender = lender
        self.reserved = 0
        """Bytes that are counted now."""
        self.saving = 0
        """Bytes of finished pieces that wait for the disk."""
        self._spare: Dict[int, List[Memory]] = {}
        self._held = 0
        """Bytes of all buffers, those in use included."""
        self._on_free = on_free
        self._short = False

    def affordable(self, size: int) -> int:
        """How many further pieces of ``size`` bytes may be opened."""
        count = 0 if self.congested else max(0, self.limit - self.reserved) // size
        self._short = self._short or not count
        return count

    def reserve(self, size: int, *, forced: bool = False) -> bool:
        """Count ``size`` bytes if there is room for them.

        Args:
            size: Bytes.
            forced: Whether to count them in any case, as for the only open piece of a torrent.

        Returns:
            Whether they are counted.
        """
        if not forced and self.reserved + size > self.limit:
            self._short = True
            return False
        self.reserved += size
        return True

    @property
    def congested(self) -> bool:
        """Whether so much waits for the disk that no piece is to be opened."""
        return self.saving * SAVING_SHARE > self.limit

    def release(self, size: int) -> None:
        """Count ``size`` bytes less."""
        self.reserved -= size
        if self._short and not self.congested:
            self._short = False
            self._on_free()

    def take(self, size: int) -> Memory:
        """A buffer of exactly ``size`` bytes; its content is undefined."""
        spare = self._spare.get(size)
        if spare:
            return spare.pop()
        if self._held + size > self.limit:
            self._drop_spare()  # buffers of other sizes
        self._held += size
        return anonymous(size)

    def give(self, buffers: Iterable[Union[Memory, memoryview]]) -> None:
        """Take buffers back; a ``memoryview`` is borrowed memory and goes back to the lender."""
        borrowed: List[memoryview] = []
        for buffer in buffers:
            if isinstance(buffer, memoryview):
                borrowed.append(buffer)
            elif self._held > self.limit:
                self._held -= len(buffer)
            else:
                self._spare.setdefault(len(buffer), []).append(buffer)
        self.lender.give_back(borrowed)

    def drop_spare(self) -> None:
        """Free the unused buffers: nothing is being received."""
        self._drop_spare()
        self.lender.drop_spare()

    def _drop_spare(self) -> None:
        self._held -= sum([size * len(buffers) for size, buffers in self._spare.items()])
        self._spare.clear()
