"""The pieces of a torrent in the order in which we got them, so that each peer is told at its own pace (BEP 3).

The rule: what one peer was not told yet is a position in this log, not a queue of its own.  A peer that reads slowly,
or not at all, costs the same memory as one that was told everything.
"""

from __future__ import annotations

from array import array
from typing import Callable, Sequence, Tuple

from ..metainfo.bitfield import Bitfield

MAX_TOLD = 4096
"""Pieces in one message to a peer."""


class HaveLog:
    """The log of one torrent.

    Args:
        have: The pieces we have; a logged piece that was lost since is left out.
        encode: Makes a message from piece indexes.
    """

    def __init__(self, have: Bitfield, encode: Callable[[Sequence[int]], bytes]) -> None:
        self._have = have
        self._encode = encode
        self._pieces = array("I")
        self._begin = 0
        """Position of the oldest entry."""
        self._encoded: Tuple[int, int, bytes] = (-1, -1, b"")
        """The last answer of ``told``: the next peer mostly gets the same one."""

    @property
    def end(self) -> int:
        """The position of a peer that was told everything."""
        return self._begin + len(self._pieces)

    def add(self, indexes: Sequence[int]) -> None:
        """Log pieces that we have now."""
        self._pieces.extend(indexes)

    def lost(self) -> None:
        """Pieces that are logged were lost: leave them out from now on."""
        self._encoded = (-1, -1, b"")

    def told(self, position: int) -> Tuple[int, bytes]:
        """The next message for a peer.

        Args:
            position: How far the peer was told.

        Returns:
            The position of the peer after the message, and the message, of at most ``MAX_TOLD`` pieces.
        """
        stop = min(self.end, position + MAX_TOLD)
        if self._encoded[:2] != (position, stop):
            have = self._have
            pieces = self._pieces[position - self._begin : stop - self._begin]
            self._encoded = (position, stop, self._encode([index for index in pieces if have[index]]))
        return stop, self._encoded[2]

    def forget(self, position: int) -> None:
        """Drop what every peer was told: the entries before ``position``."""
        if position > self._begin:
            del self._pieces[: position - self._begin]
            self._begin = position
