"""The message ``lt_donthave`` (BEP 54): a peer does not have a piece any more that it announced before."""

from __future__ import annotations

import struct
from typing import Optional, Sequence

from . import messages

NAME = "lt_donthave"
SIZE = 4
"""Bytes of the payload: the index of the piece."""

_INDEX = struct.Struct(">I")


def parse(payload: bytes) -> Optional[int]:
    """Return the index of the piece; None if the payload has another size."""
    return _INDEX.unpack(payload)[0] if len(payload) == SIZE else None


def dont_haves(sub_id: int, indexes: Sequence[int]) -> bytes:
    """A message for each of these pieces, back to back.

    Args:
        sub_id: The id that the receiver gave to the message (BEP 10).
        indexes: The pieces.
    """
    return b"".join([messages.extended(sub_id, _INDEX.pack(index)) for index in indexes])
