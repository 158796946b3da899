"""Canonical peer priority (BEP 40): which of two connections is worth more, by their addresses alone.

Both ends of a connection come to the same number, and nobody chooses it: where there is no room, a newcomer takes the
place of a peer that is worth less at both of its ends, so that a full swarm lets newcomers in, and whoever floods it
gets no more of its places than he has of its addresses.
"""

from __future__ import annotations

from typing import List

from ..protocol.addresses import Address, pack_host

_POLYNOMIAL = 0x82F63B78
"""CRC-32C (Castagnoli), its bits in reverse order."""


def priority(one: Address, other: Address) -> int:
    """The priority of a connection between two addresses, 0 to 2**32 - 1; the greater is worth more.

    0 if they are of different families.  Raises ValueError for a host that is not numeric.
    """
    first, second = pack_host(one[0]), pack_host(other[0])
    if len(first) != len(second):
        return 0
    if first == second:
        return crc32c(b"".join(port.to_bytes(2, "big") for port in sorted((one[1], other[1]))))
    return crc32c(b"".join(sorted(_masked(host, _significant(first, second)) for host in (first, second))))


def crc32c(data: bytes) -> int:
    """The CRC-32C of a few bytes (RFC 3720, B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _significant(first: bytes, second: bytes) -> int:
    """Leading bytes that count in full: those of a provider, and one more than both have in common beyond them."""
    common = next(index for index, (a, b) in enumerate(zip(first, second)) if a != b)
    least = 2 if len(first) == 4 else 6
    return least if common < least else common + 1


def _masked(host: bytes, significant: int) -> bytes:
    # Of the rest every other bit counts: neighbours are worth about the same, and few addresses differ.
    return host[:significant] + bytes(byte & 0x55 for byte in host[significant:])


def _table() -> List[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()
