"""The hashes of the pieces of a torrent, behind the seam that BEP 52 can join: v1 is SHA-1 of a piece (BEP 3).

Whoever holds data asks whether it is right, and never sees a digest or the name of an algorithm; only ``create`` asks
for ``digests``.
"""

from __future__ import annotations

import hashlib
from typing import Dict, List, Sequence, Union

Buffer = Union[bytes, bytearray, memoryview]

DIGEST_SIZE = 20
"""Bytes of a SHA-1 digest in ``info.pieces`` (BEP 3)."""

_ZEROS = memoryview(bytes(1024 * 1024))


class PieceHashes:
    """The expected hash of each piece, from the value of ``info.pieces``; safe to use from any number of threads."""

    __slots__ = ("_pieces", "_zeros")

    def __init__(self, pieces: bytes) -> None:
        if len(pieces) % DIGEST_SIZE:
            raise ValueError(f"{len(pieces)} bytes of hashes are no multiple of {DIGEST_SIZE}")
        self._pieces = pieces
        self._zeros: Dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._pieces) // DIGEST_SIZE

    def wrong(self, indexes: Sequence[int], parts: Sequence[Buffer]) -> List[int]:
        """Those of these pieces, which all exist and have the bytes of ``parts``, that are not right."""
        pieces = self._pieces
        # Nothing but the hash between two pieces: whatever holds the GIL there makes the other worker wait.
        found = digests(parts)
        expected = [pieces[i * DIGEST_SIZE : i * DIGEST_SIZE + DIGEST_SIZE] for i in indexes[: len(found)]]
        return [] if found == expected else [i for i, a, b in zip(indexes, found, expected) if a != b]

    def zeros(self, index: int, size: int) -> bool:
        """Whether a piece of ``size`` bytes is right if all of them are zero; hashes so many once, and not again."""
        if size not in self._zeros:
            hasher = self.hasher(index)
            for begin in range(0, size, len(_ZEROS)):
                hasher.update(_ZEROS[: size - begin])
            self._zeros[size] = hasher.digest()
        return self._zeros[size] == self._digest(index)

    def hasher(self, index: int) -> PieceHasher:
        """For a piece that is hashed part by part."""
        return PieceHasher(self._digest(index))

    def _digest(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(f"piece {index} of {len(self)}")
        return self._pieces[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE]


def digests(parts: Sequence[Buffer]) -> List[bytes]:
    """What ``info.pieces`` has for each of these pieces.  Lets go of the GIL while it hashes."""
    sha1 = hashlib.sha1
    return [sha1(part, usedforsecurity=False).digest() for part in parts]


class PieceHasher:
    """One piece being hashed, its bytes given in order and exactly once."""

    __slots__ = ("_expected", "_hash")

    def __init__(self, expected: bytes) -> None:
        self._expected = expected
        self._hash = hashlib.sha1(usedforsecurity=False)

    def update(self, data: Buffer) -> None:
        """The next bytes of the piece."""
        self._hash.update(data)

    def digest(self) -> bytes:
        """The hash of the bytes given so far."""
        return self._hash.digest()

    def matches(self) -> bool:
        """Whether the bytes given so far are the piece."""
        return self._hash.digest() == self._expected
