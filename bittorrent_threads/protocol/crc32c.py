"""CRC-32C (Castagnoli), the checksum of peer priorities (BEP 40) and of the node ids of an address (BEP 42)."""

from __future__ import annotations

from typing import List

_POLYNOMIAL = 0x82F63B78
"""The bits in reverse order."""


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of a few bytes, 0 to 2**32 - 1 (RFC 3720, B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _table() -> List[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()
