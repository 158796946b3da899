"""Fingerprints: a short digest of each block of a piece, to compare two copies of the piece block by block.

``info.pieces`` has one hash for a whole piece (BEP 3), which does not tell which block of a bad copy is bad.  The
digests are compared with each other only, and never leave the process.
"""

from __future__ import annotations

import hashlib
from typing import Union

from .layout import BLOCK

DIGEST_SIZE = 16
"""Bytes of the digest of a block; to find two blocks with the same digest takes 2^64 steps."""


def fingerprint(data: Union[bytes, bytearray, memoryview]) -> bytes:
    """The concatenated digests of the blocks of ``data``, the first at its begin; releases the GIL while it hashes."""
    view = memoryview(data)
    blake2b = hashlib.blake2b
    parts = [blake2b(view[at : at + BLOCK], digest_size=DIGEST_SIZE).digest() for at in range(0, len(view), BLOCK)]
    return b"".join(parts)
