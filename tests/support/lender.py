"""A lender of receive buffers with a limited number of loans, for pieces that keep their blocks in place."""

from __future__ import annotations

from typing import Iterable, List


class Lender:
    """Implements ``swarm.buffer_pool.Lender`` with ``loans`` loans."""

    def __init__(self, loans: int) -> None:
        self.left = loans
        self.out: List[int] = []
        """The identity of each view that is on loan."""

    def borrow(self, data: memoryview) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.out.append(id(data))
        return True

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """Raise ValueError for a view that is not on loan."""
        for data in borrowed:
            self.out.remove(id(data))

    def drop_spare(self) -> None:
        """Nothing: this lender has no spare memory."""
