"""Fingerprints: a short digest of each block of a piece, by which two copies of the piece are compared block by block.

``info.pieces`` has one hash for a whole piece (BEP 3), which does not tell which block of a bad copy is bad.  The
digests are our own, are compared with each other only, and never leave the process.
"""

from __future__ import annotations

import hashlib
from typing import Union

from .layout import BLOCK

DIGEST_SIZE = 16
"""Bytes of a block's digest: two blocks of the same digest cannot be made (2^64 steps)."""


def fingerprint(data: Union[bytes, bytearray, memoryview]) -> bytes:
    """The digest of each block, one behind the other; ``data`` begins a block.  Lets go of the GIL while it hashes."""
    view = memoryview(data)
    blake2b = hashlib.blake2b
    parts = [blake2b(view[at : at + BLOCK], digest_size=DIGEST_SIZE).digest() for at in range(0, len(view), BLOCK)]
    return b"".join(parts)
