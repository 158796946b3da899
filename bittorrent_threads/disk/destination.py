"""``Destination``: memory of a program that a worker reads into, unless the program takes it back.

The rule: no lock is held by both threads, since an interrupt of the program could leave it taken.
"""

from __future__ import annotations

from typing import Callable, List

from ..threads.latch import Latch

LOOK_INTERVAL = 0.05
"""Seconds between two looks whether a worker has given the memory back."""


class Destination:
    """Memory for the answer of one read.

    Args:
        view: As many bytes as are asked for; released when the memory is taken back or filled.
    """

    __slots__ = ("_filled", "_free")

    def __init__(self, view: memoryview) -> None:
        self._free: List[memoryview] = [view]  # taken out by whoever uses it: that is one step for all threads
        self._filled = Latch()

    def fill(self, read: Callable[[memoryview], int]) -> int:
        """Have the memory filled, unless it was taken back; called by a worker.

        Args:
            read: Fills its argument from the begin on, and returns how many bytes; it keeps no part of it.

        Returns:
            What ``read`` returned.  After 0 the memory may be filled by another call.
        """
        try:
            view = self._free.pop()
        except IndexError:
            return 0
        done = 0
        try:
            done = read(view)
        finally:
            if done:
                view.release()
                self._filled.set()
            else:
                self._free.append(view)
        return done

    def take_back(self) -> None:
        """Return when no worker uses the memory, now or later; waits for a read that is under way."""
        while not self._filled.is_set:
            try:
                self._free.pop().release()
            except IndexError:
                self._filled.wait(LOOK_INTERVAL)
            else:
                self._filled.set()
