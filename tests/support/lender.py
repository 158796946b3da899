"""Memory that is lent until there is nothing left, for pieces kept where they were received."""

from __future__ import annotations

from typing import Iterable, List


class Lender:
    """As ``swarm.buffer_pool.Lender`` wants it; lends so many times."""

    def __init__(self, loans: int) -> None:
        self.left = loans
        self.out: List[int] = []
        """The identity of each view that is borrowed."""

    def borrow(self, data: memoryview) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.out.append(id(data))
        return True

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        """Raises ValueError for what is not out."""
        for data in borrowed:
            self.out.remove(id(data))

    def drop_spare(self) -> None:
        """There is none."""
