"""The pieces of a torrent in the order in which they became ours: each peer is told at its own pace (BEP 3).

The rule: what one peer was not told yet is a position in this log, not a queue of its own.  So a peer that reads
slowly, or not at all, costs the same memory as one that has heard everything.
"""

from __future__ import annotations

from array import array
from typing import Sequence, Tuple

from ..metainfo.bitfield import Bitfield
from ..protocol import messages

MAX_TOLD = 4096
"""HAVEs of one message to a peer."""


class HaveLog:
    """The log of one torrent; ``have`` tells which of its pieces are still ours."""

    def __init__(self, have: Bitfield) -> None:
        self._have = have
        self._pieces = array("I")
        self._begin = 0
        """Position of the oldest entry."""
        self._packed: Tuple[int, int, bytes] = (-1, -1, b"")
        """The last answer of ``told``: mostly the next peer gets the same one."""

    @property
    def end(self) -> int:
        """The position of a peer that has heard everything."""
        return self._begin + len(self._pieces)

    def add(self, indexes: Sequence[int]) -> None:
        """These pieces are ours now."""
        self._pieces.extend(indexes)

    def told(self, position: int) -> Tuple[int, bytes]:
        """HAVEs for a peer at ``position``, at most ``MAX_TOLD``, and its position after them."""
        stop = min(self.end, position + MAX_TOLD)
        if self._packed[:2] != (position, stop):
            have = self._have
            pieces = self._pieces[position - self._begin : stop - self._begin]
            self._packed = (position, stop, messages.haves([index for index in pieces if have[index]]))
        return stop, self._packed[2]

    def forget(self, position: int) -> None:
        """Every peer has heard what is before ``position``."""
        if position > self._begin:
            del self._pieces[: position - self._begin]
            self._begin = position
