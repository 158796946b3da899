"""Memory that is lent until there is nothing left, for pieces kept where they were received."""

from __future__ import annotations

from typing import Iterable, List, Optional


class Lender:
    """As ``swarm.memory.Lender`` wants it: ``loans`` are what it lends."""

    def __init__(self, loans: int) -> None:
        self.left = loans
        self.out: List[object] = []

    def borrow(self) -> Optional[object]:
        if not self.left:
            return None
        self.left -= 1
        self.out.append(object())
        return self.out[-1]

    def give_back(self, loans: Iterable[object]) -> None:
        """Raises ValueError for what is not out."""
        for loan in loans:
            self.out.remove(loan)

    def drop_spare(self) -> None:
        """There is none."""
