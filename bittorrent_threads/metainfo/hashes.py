"""The hashes of the pieces of a torrent: version 1, the SHA-1 of each piece (BEP 3); version 2 can join (BEP 52).

Code that holds the data of a piece asks for a :class:`Verdict`, and sees neither digests nor the name of an algorithm.
The maker of a torrent hashes with the same functions, and takes the digests.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Dict, List, Optional, Sequence

from ..buffers import Buffer

DIGEST_SIZE = 20
"""Bytes of a SHA-1 digest in ``info.pieces`` (BEP 3)."""

_ZEROS = memoryview(bytes(1024 * 1024))


class Verdict(enum.Enum):
    """What is known about the data of one piece."""

    RIGHT = "right"
    """It has the expected hash."""
    WRONG = "wrong"
    """It has another hash, or some of it is not there."""
    UNREADABLE = "unreadable"
    """It could not be read, so it may be right or wrong."""
    UNKNOWN = "not yet known"
    """The expected hash is not known yet: peers send the hashes of a version 2 torrent (BEP 52)."""


class PieceHashes:
    """The expected hash of each piece; safe to use from any number of threads.

    Args:
        pieces: The value of ``info.pieces``: 20 bytes a piece.

    Raises:
        ValueError: The length is no multiple of 20.
    """

    __slots__ = ("_pieces", "_zeros")

    def __init__(self, pieces: bytes) -> None:
        if len(pieces) % DIGEST_SIZE:
            raise ValueError(f"{len(pieces)} bytes of hashes are no multiple of {DIGEST_SIZE}")
        self._pieces = pieces
        self._zeros: Dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._pieces) // DIGEST_SIZE

    def verdicts(self, indexes: Sequence[int], parts: Sequence[Buffer]) -> Dict[int, Verdict]:
        """Hash whole pieces.

        Args:
            indexes: Pieces that exist; those without a part are left out.
            parts: The data of each piece, in the same order.

        Returns:
            The pieces that are not right: an empty dictionary in the usual case.
        """
        pieces = self._pieces
        # No other Python code runs between two pieces: a thread that holds the GIL there makes the other worker wait.
        found = digests(parts)
        expected = [pieces[i * DIGEST_SIZE : i * DIGEST_SIZE + DIGEST_SIZE] for i in indexes[: len(found)]]
        if found == expected:
            return {}
        return {i: Verdict.WRONG for i, a, b in zip(indexes, found, expected) if a != b}

    def zeros(self, index: int, size: int) -> Verdict:
        """The verdict on a piece whose bytes are all zero.

        Args:
            index: The piece.
            size: Its bytes; so many zeros are hashed once, and their digest is kept.
        """
        if size not in self._zeros:
            hasher = PieceHasher()
            for begin in range(0, size, len(_ZEROS)):
                hasher.update(_ZEROS[: size - begin])
            self._zeros[size] = hasher.digest()
        return _compared(self._zeros[size], self._digest(index))

    def hasher(self, index: int) -> PieceHasher:
        """A hasher for a piece whose data comes part by part; raises ``IndexError``."""
        return PieceHasher(self._digest(index))

    def _digest(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(f"piece {index} of {len(self)}")
        return self._pieces[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE]


def digests(parts: Sequence[Buffer]) -> List[bytes]:
    """The hash of each piece, as ``info.pieces`` has it.  Releases the GIL while it hashes."""
    sha1 = hashlib.sha1
    return [sha1(part, usedforsecurity=False).digest() for part in parts]


class PieceHasher:
    """One piece being hashed, its bytes given in order and exactly once.

    Args:
        expected: The hash that the piece should have; None if it is not known, as when a torrent is made.
    """

    __slots__ = ("_expected", "_hash")

    def __init__(self, expected: Optional[bytes] = None) -> None:
        self._expected = expected
        self._hash = hashlib.sha1(usedforsecurity=False)

    def update(self, data: Buffer) -> None:
        """Hash the next bytes of the piece."""
        self._hash.update(data)

    def digest(self) -> bytes:
        """The hash of the bytes given so far."""
        return self._hash.digest()

    def verdict(self) -> Verdict:
        """Whether the bytes given so far are the piece."""
        return Verdict.UNKNOWN if self._expected is None else _compared(self._hash.digest(), self._expected)


def _compared(found: bytes, expected: bytes) -> Verdict:
    return Verdict.RIGHT if found == expected else Verdict.WRONG
