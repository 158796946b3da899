"""Node ids: 160-bit numbers whose distance is their XOR (BEP 5), and the ids that an address may have (BEP 42).

The rule of BEP 42: the first 21 bits of an id are those of a checksum of the address, with a number from 0 to 7 that is
in the last byte of the id.  So the owner of an address can choose one of eight places in the id space.  Addresses that
are not part of the internet are exempt.
"""

from __future__ import annotations

import functools
from typing import Protocol

from ..protocol.crc32c import crc32c
from .place import Place

BITS = 160
SIZE = 20
"""Bytes of an id."""

_PREFIX_BITS = 21
_REST_BITS = BITS - _PREFIX_BITS
_IPV4_MASK = 0x030F3FFF
_IPV6_MASK = 0x0103070F1F3F7FFF


class Random(Protocol):
    """The part of ``random.Random`` that makes ids; those of a real node come from ``random.SystemRandom``."""

    def getrandbits(self, k: int, /) -> int:
        """Return a number of ``k`` random bits."""


def unpack(packed: bytes) -> int:
    """Return the number of an id of 20 bytes."""
    return int.from_bytes(packed, "big")


def pack(number: int) -> bytes:
    """Return the 20 bytes of an id."""
    return number.to_bytes(SIZE, "big")


def common_bits(one: int, other: int) -> int:
    """Return how many leading bits two ids share, 0 to 160."""
    return BITS - (one ^ other).bit_length()


def id_for(place: Place, random: Random) -> int:
    """Return a random id that an address may have.

    Args:
        place: The address, as others see it.
        random: Source of the bits that are free.
    """
    free = random.getrandbits(_REST_BITS)
    return _prefix(place.packed, free & 7) << _REST_BITS | free


def fits(number: int, place: Place) -> bool:
    """Return whether an address may have an id (BEP 42); always true for an address that is not on the internet."""
    return not place.public or number >> _REST_BITS == _prefix(place.packed, number & 7)


@functools.lru_cache(maxsize=4096)  # each node is checked in each lookup that meets it
def _prefix(packed: bytes, salt: int) -> int:
    """The first 21 bits of the ids of an address whose last three bits are ``salt``."""
    if len(packed) == 4:
        masked = int.from_bytes(packed, "big") & _IPV4_MASK | salt << 29
        return crc32c(masked.to_bytes(4, "big")) >> 32 - _PREFIX_BITS
    masked = int.from_bytes(packed[:8], "big") & _IPV6_MASK | salt << 61
    return crc32c(masked.to_bytes(8, "big")) >> 32 - _PREFIX_BITS
