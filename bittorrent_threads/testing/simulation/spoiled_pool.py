"""``SpoiledPool``: the memory that simulated streams receive into."""

from __future__ import annotations

from typing import Iterable

from ...net.receive_pool import ReceivePool
from .link import WINDOW

SPOIL = b"\xdb" * WINDOW
"""Written over received bytes that are not borrowed, so that a handler which kept a view of them fails."""
MAX_SLABS = 3
"""Few enough that a host with a slow disk has to refuse to lend memory at times."""


class SpoiledPool(ReceivePool):
    """A pool that overwrites what is not borrowed, so that a handler which kept a view of it fails."""

    def __init__(self) -> None:
        super().__init__(WINDOW, MAX_SLABS)
        self.lent = 0
        """How many views of a slab were borrowed."""
        self.refused = 0
        self.returned = 0

    def borrow(self, data: memoryview) -> bool:
        kept = super().borrow(data)
        self.lent += kept and data.obj is self._slab.memory
        self.refused += not kept
        return kept

    def end_read(self, size: int) -> None:
        room = self.room[:size]
        lent = self._lent
        super().end_read(size)
        if not lent:
            room[:] = SPOIL[:size]

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        borrowed = list(borrowed)
        super().give_back(borrowed)
        slabs = [self._slabs[id(data.obj)] for data in borrowed if id(data.obj) in self._slabs]
        self.returned += len(slabs)
        for slab in slabs:
            if not slab.borrowed:
                slab.view[:] = SPOIL
