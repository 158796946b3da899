"""Messages and handshakes of peers as bytes, right or wrong (BEP 3, 6, 10).

This module uses nothing of the library's protocol code, so that it finds mistakes of that.
"""

from __future__ import annotations

import struct
from typing import Tuple

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL, PORT = range(10)
SUGGEST, HAVE_ALL, HAVE_NONE, REJECT, ALLOWED_FAST = range(13, 18)
EXTENDED = 20
KEEPALIVE = -1

FAST_BIT = 0x04
EXTENSION_BIT = 0x10 << 16
PEERID = b"-LY0001-abcdefghijkl"

Message = Tuple[int, bytes]
"""Id and payload."""


def message(kind: int, *fields: int, payload: bytes = b"") -> bytes:
    """Return a message of 32-bit fields and a payload, with its length prefix."""
    body = struct.pack(f">B{len(fields)}I", kind, *fields) + payload
    return struct.pack(">I", len(body)) + body


def handshake(
    infohash: bytes, *, peerid: bytes = PEERID, fast: bool = True, extended: bool = False, reserved: int = 0
) -> bytes:
    """Return a handshake of 68 bytes; ``reserved`` has further bits of the reserved bytes, as one number."""
    bits = reserved | (FAST_BIT if fast else 0) | (EXTENSION_BIT if extended else 0)
    return b"\x13BitTorrent protocol" + bits.to_bytes(8, "big") + infohash + peerid
