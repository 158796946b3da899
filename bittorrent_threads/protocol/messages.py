"""The messages of the peer wire: their ids, and functions that encode them (BEP 3, BEP 5, BEP 6, BEP 10).

Every function returns whole messages, length prefix included, ready to be sent.  A message without fields is a
constant.  A value that does not fit its field raises ``struct.error``.  ``wire.Wire`` decodes messages.
"""

from __future__ import annotations

import struct
from typing import Iterable, List, Tuple

BLOCK_SIZE = 16 * 1024
"""Bytes of a block, and of the longest request (BEP 3)."""

KEEPALIVE = -1
"""Stands for the message of length 0, which has no id (BEP 3)."""
CHOKE = 0
UNCHOKE = 1
INTERESTED = 2
NOT_INTERESTED = 3
HAVE = 4
BITFIELD = 5
REQUEST = 6
PIECE = 7
CANCEL = 8
PORT = 9
SUGGEST = 13
HAVE_ALL = 14
HAVE_NONE = 15
REJECT = 16
ALLOWED_FAST = 17
EXTENDED = 20

NAMES = {
    KEEPALIVE: "keep-alive",
    CHOKE: "choke",
    UNCHOKE: "unchoke",
    INTERESTED: "interested",
    NOT_INTERESTED: "not interested",
    HAVE: "have",
    BITFIELD: "bitfield",
    REQUEST: "request",
    PIECE: "piece",
    CANCEL: "cancel",
    PORT: "port",
    SUGGEST: "suggest piece",
    HAVE_ALL: "have all",
    HAVE_NONE: "have none",
    REJECT: "reject request",
    ALLOWED_FAST: "allowed fast",
    EXTENDED: "extended",
}

_PREFIX = struct.Struct(">IB")
_INDEX = struct.Struct(">IBI")
_INDEX_BEGIN = struct.Struct(">IBII")
_BLOCK = struct.Struct(">IBIII")
_EXTENDED = struct.Struct(">IBB")
_PORT = struct.Struct(">IBH")

KEEPALIVE_MESSAGE = bytes(4)
CHOKE_MESSAGE = _PREFIX.pack(1, CHOKE)
UNCHOKE_MESSAGE = _PREFIX.pack(1, UNCHOKE)
INTERESTED_MESSAGE = _PREFIX.pack(1, INTERESTED)
NOT_INTERESTED_MESSAGE = _PREFIX.pack(1, NOT_INTERESTED)
HAVE_ALL_MESSAGE = _PREFIX.pack(1, HAVE_ALL)
HAVE_NONE_MESSAGE = _PREFIX.pack(1, HAVE_NONE)


def have(index: int) -> bytes:
    """One HAVE of a piece."""
    return _INDEX.pack(5, HAVE, index)


def haves(indexes: Iterable[int]) -> bytes:
    """A HAVE for each index, back to back."""
    pack = _INDEX.pack
    return b"".join([pack(5, HAVE, index) for index in indexes])


def bitfield(payload: bytes) -> bytes:
    """A BITFIELD of packed bits: piece 0 is the most significant bit of the first byte."""
    return _PREFIX.pack(1 + len(payload), BITFIELD) + payload


def request(index: int, begin: int, length: int) -> bytes:
    """One REQUEST; ``begin`` and ``length`` are bytes within the piece."""
    return _BLOCK.pack(13, REQUEST, index, begin, length)


def requests(blocks: Iterable[Tuple[int, int, int]]) -> bytes:
    """A REQUEST for each ``(index, begin, length)``, back to back, for one send."""
    pack = _BLOCK.pack
    return b"".join([pack(13, REQUEST, index, begin, length) for index, begin, length in blocks])


def cancel(index: int, begin: int, length: int) -> bytes:
    """One CANCEL of a request with the same fields."""
    return _BLOCK.pack(13, CANCEL, index, begin, length)


def reject(index: int, begin: int, length: int) -> bytes:
    """One REJECT of a request with the same fields (BEP 6)."""
    return _BLOCK.pack(13, REJECT, index, begin, length)


def rejects(blocks: Iterable[Tuple[int, int, int]]) -> bytes:
    """A REJECT for each ``(index, begin, length)``, back to back."""
    return b"".join([reject(*block) for block in blocks])


def piece_headers(blocks: Iterable[Tuple[int, int, int]]) -> List[bytes]:
    """The 13 bytes before the data of each block ``(index, begin, length)``, for a send without a copy of the data."""
    pack = _INDEX_BEGIN.pack
    return [pack(9 + length, PIECE, index, begin) for index, begin, length in blocks]


def port(number: int) -> bytes:
    """One PORT: the UDP port of our DHT node (BEP 5)."""
    return _PORT.pack(3, PORT, number)


def suggest(index: int) -> bytes:
    """One SUGGEST PIECE (BEP 6)."""
    return _INDEX.pack(5, SUGGEST, index)


def allowed_fast(index: int) -> bytes:
    """One ALLOWED FAST (BEP 6)."""
    return _INDEX.pack(5, ALLOWED_FAST, index)


def extended(sub_id: int, payload: bytes) -> bytes:
    """One extension message (BEP 10).

    Args:
        sub_id: 0 for the extension handshake, else the id that the receiver gave to the extension in its handshake.
        payload: The bytes behind the id.
    """
    return _EXTENDED.pack(2 + len(payload), EXTENDED, sub_id) + payload
