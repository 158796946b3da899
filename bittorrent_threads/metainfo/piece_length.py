"""The length of the pieces of a new torrent: the bounds of one that is given, and the choice of one that is not.

Short pieces are passed on sooner and lose less when one is wrong; each costs 20 bytes of the .torrent and a message to
every peer.  The choice is the shortest power of two that makes at most ``WANTED_PIECES`` pieces.
"""

from __future__ import annotations

from typing import Optional

from ..errors import SettingsError
from .fields import given_int
from .layout import BLOCK

MIN_PIECE_LENGTH = BLOCK
"""Bytes; a block is the smallest unit that peers request."""
MAX_PIECE_LENGTH = 512 * 1024 * 1024
"""Bytes of a piece; libtorrent takes as many."""
MAX_CHOSEN_PIECE_LENGTH = 16 * 1024 * 1024
"""Bytes of a piece length that is not given by the caller."""
WANTED_PIECES = 2000
"""The chosen piece length makes between half this number of pieces and this number."""


def chosen_piece_length(total: int) -> int:
    """Return the piece length for a torrent.

    Args:
        total: Bytes of all files.
    """
    length = MIN_PIECE_LENGTH
    while length < MAX_CHOSEN_PIECE_LENGTH and total > length * WANTED_PIECES:
        length *= 2
    return length


def reason_of_choice(length: int) -> str:
    """Return why :func:`chosen_piece_length` chose a length, as a phrase."""
    if length == MIN_PIECE_LENGTH:
        return "the shortest there is, as the data is small"
    if length == MAX_CHOSEN_PIECE_LENGTH:
        return "the longest that is chosen, as longer pieces are passed on too late"
    return f"the shortest power of two that makes at most {WANTED_PIECES:,} pieces"


def check_piece_length(length: Optional[int]) -> None:
    """Check a piece length that a program gives; None is one that is to be chosen.

    Raises:
        SettingsError: It is no integer, no power of two, or out of range.
    """
    if length is None:
        return
    given_int("piece_length", length)
    if length & (length - 1) or not MIN_PIECE_LENGTH <= length <= MAX_PIECE_LENGTH:
        wanted = f"must be a power of two from {MIN_PIECE_LENGTH} to {MAX_PIECE_LENGTH}"
        raise SettingsError("piece_length", f"{wanted}, not {length}")
