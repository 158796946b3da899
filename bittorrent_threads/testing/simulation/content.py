"""``Content``: the bytes of a torrent, computed from a seed and an offset, so that any size takes no memory.

The unit is 16 KiB, one block: each begins with its own digest and goes on with a slice of one random pattern at a
place the digest chose, so that no two blocks are alike and a byte at a wrong place is seen.
"""

from __future__ import annotations

import hashlib
import random

UNIT = 16384
_TAG = 20
_SLIDE = 65536


class Content:
    """``size`` bytes that are computed from ``seed``."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed = seed
        self.size = size
        self._pattern = random.Random(seed).getrandbits(8 * (UNIT + _SLIDE)).to_bytes(UNIT + _SLIDE, "little")

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on, fewer only at the end."""
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        first = offset // UNIT
        units = b"".join(self._unit(number) for number in range(first, (end - 1) // UNIT + 1))
        return units[offset - first * UNIT : end - first * UNIT]

    def _unit(self, number: int) -> bytes:
        tag = hashlib.sha1(f"{self.seed} {number}".encode()).digest()
        start = int.from_bytes(tag[:2], "little")
        return tag + self._pattern[start : start + UNIT - _TAG]
