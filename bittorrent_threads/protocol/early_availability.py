"""What a peer says about its pieces before the number of pieces is known, kept in bounded memory.

A torrent that was added by its infohash alone learns the number of pieces from its metadata (BEP 9).  Peers send
BITFIELD, HAVE, HAVE ALL and HAVE NONE before that, and never again.  ``EarlyAvailability`` takes these messages out of
the stream, together with the hints of BEP 6 that name a piece, and gives them back as at most one availability message
and the hints, checked against the number of pieces.  It is also told of the pieces that the peer takes back (BEP 54).

The bound: a BITFIELD is kept as it is, a HAVE of 9 bytes costs 4 bytes, and both together never more than three
bitfields of ``MAX_PIECES`` bits.  The hints kept are the first ``MAX_HINTS``.
"""

from __future__ import annotations

from array import array
from typing import Any, Collection, Dict, List, Optional, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import MAX_PIECES
from . import dont_have
from .messages import ALLOWED_FAST, BITFIELD, HAVE, HAVE_ALL, HAVE_NONE, NAMES, SUGGEST

MAX_HAVES = 65_536
"""HAVE messages kept as numbers; with one more they become bits, which take no more memory."""
MAX_HINTS = 128
"""SUGGEST and ALLOWED FAST messages kept; nothing depends on them, so those after are dropped (BEP 6)."""
MAX_BITFIELD = (MAX_PIECES + 7) // 8
"""Bytes of the longest BITFIELD payload."""

MAX_ABSENT = 1024
"""Pieces that a peer may take back after HAVE ALL before the number of pieces is known."""

_NOTHING_NEW = "said a second time what it has, and nothing new"

_Message = Tuple[int, Any, Any, Any]


class EarlyAvailability:
    """The availability and the hints of one peer, from its first message until the number of pieces is known."""

    __slots__ = ("_absent", "_described", "_everything", "_haves", "_hints", "_packed", "_size", "failed")

    def __init__(self) -> None:
        self.failed = ""
        """Empty, or the reason to close the connection."""
        self._described = False
        """A BITFIELD, HAVE ALL or HAVE NONE was seen."""
        self._everything = False
        self._absent: Dict[int, None] = {}
        """Pieces that the peer took back after HAVE ALL."""
        self._size: Optional[int] = None
        """Bytes of the BITFIELD; None if there was none."""
        self._packed = bytearray()
        """The pieces as bits, without zero bytes at the end unless a BITFIELD had them."""
        self._haves = array("I")
        """Pieces that are not among the bits yet."""
        self._hints: List[_Message] = []

    def take(self, found: List[_Message]) -> List[_Message]:
        """Keep the messages about pieces.

        Args:
            found: Messages as :meth:`Wire.receive` returns them, every index below ``MAX_PIECES``.

        Returns:
            The other messages, in order.  After a violation ``failed`` is set, and messages behind it are left out.
        """
        rest: List[_Message] = []
        for message in found:
            kind = message[0]
            if kind == HAVE:
                self._have(message[1])
            elif kind == BITFIELD:
                self._bitfield(message[1])
            elif kind == HAVE_ALL:
                self._have_all()
            elif kind == HAVE_NONE:
                self._described = True  # the wire takes it as a first message only
            elif kind in (SUGGEST, ALLOWED_FAST):
                if len(self._hints) < MAX_HINTS:
                    self._hints.append(message)
            else:
                rest.append(message)
            if self.failed:
                break
        return rest

    def settle(self, piece_count: int) -> List[_Message]:
        """Check everything that was kept against the number of pieces.

        Args:
            piece_count: Number of pieces of the torrent.

        Returns:
            Nothing if the peer said nothing, else one HAVE ALL, HAVE NONE or BITFIELD of exactly the right length with
            every piece that the peer has, followed by the hints.  Nothing and ``failed`` set after a violation.
        """
        size = (piece_count + 7) // 8
        if self._size not in (None, size):
            self.failed = f"{NAMES[BITFIELD]} of {self._size} bytes instead of {size}"
            return []
        self._merge()
        highest = _highest(self._packed)
        if highest >= piece_count:
            self.failed = f"bitfield or have of piece {highest}, there are {piece_count}"
            return []
        for kind, index, _, _ in self._hints:
            if index >= piece_count:
                self.failed = f"{NAMES[kind]} of piece {index}, there are {piece_count}"
                return []
        said: List[_Message] = []
        if any(index >= piece_count for index in self._absent):
            self.failed = f"{dont_have.NAME} of piece {max(self._absent)}, there are {piece_count}"
            return []
        if self._absent:
            said.append((BITFIELD, _packed_without(self._absent, piece_count), 0, 0))
        elif self._everything:
            said.append((HAVE_ALL, 0, 0, 0))
        elif self._packed or self._size is not None:
            said.append((BITFIELD, bytes(self._packed).ljust(size, b"\0"), 0, 0))
        elif self._described:
            said.append((HAVE_NONE, 0, 0, 0))
        return said + self._hints

    def _have(self, index: int) -> None:
        if self._size is not None and index >= 8 * self._size:
            self.failed = f"{NAMES[HAVE]} of piece {index}, the bitfield has {self._size} bytes"
            return
        self._absent.pop(index, None)
        if len(self._haves) == MAX_HAVES:
            self._merge()
        self._haves.append(index)

    def take_back(self, index: int) -> None:
        """Note that the peer does not have a piece any more."""
        if self._everything:
            self._absent[index] = None
            if len(self._absent) > MAX_ABSENT:
                self.failed = f"took back {len(self._absent)} pieces before the metadata was known"
            return
        self._merge()
        if index >> 3 < len(self._packed):
            self._packed[index >> 3] &= ~(0x80 >> (index & 7)) & 0xFF

    def _bitfield(self, payload: bytes) -> None:
        # As after the metadata: a second description is taken if it adds pieces (aria2 sends one in place of many
        # HAVEs), and a peer that repeats itself is closed.
        if self._everything:
            self.failed = _NOTHING_NEW
            return
        if self._size not in (None, len(payload)):
            self.failed = f"{NAMES[BITFIELD]} of {len(payload)} bytes, after one of {self._size}"
            return
        self._merge()
        if len(self._packed) > len(payload):
            self.failed = f"{NAMES[BITFIELD]} of {len(payload)} bytes, after a have of piece {_highest(self._packed)}"
            return
        before = int.from_bytes(self._packed.ljust(len(payload), b"\0"), "big")
        both = before | int.from_bytes(payload, "big")
        if self._described and both == before:
            self.failed = _NOTHING_NEW
            return
        self._packed = bytearray(both.to_bytes(len(payload), "big"))
        self._size = len(payload)
        self._described = True

    def _have_all(self) -> None:
        if self._everything:
            self.failed = _NOTHING_NEW
        self._everything = self._described = True

    def _merge(self) -> None:
        """Turn the numbers of pieces into bits."""
        haves, packed = self._haves, self._packed
        if haves:
            packed.extend(bytes(max(0, max(haves) // 8 + 1 - len(packed))))
            for index in haves:
                packed[index >> 3] |= 0x80 >> (index & 7)
            del haves[:]


def _packed_without(absent: Collection[int], piece_count: int) -> bytes:
    """A packed bitfield of all pieces but these."""
    bits = Bitfield.filled(piece_count)
    bits.remove(list(absent))
    return bytes(bits)


def _highest(packed: bytearray) -> int:
    """The last piece whose bit is set, -1 if there is none."""
    bits = packed.rstrip(b"\0")
    if not bits:
        return -1
    last = bits[-1]
    return 8 * len(bits) - (last & -last).bit_length()
