"""``Choices`` reads parameters from the first bytes of an input; ``cut`` splits the rest as a socket might."""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List, Sequence, TypeVar

T = TypeVar("T")

CUTS = (1 << 20, 1, 2, 7, 61, 600)
"""Longest chunk of each way to cut; the first way returns the input as one chunk."""
MOST_CHUNKS = 40
"""Most chunks of one input, to bound the time; the last chunk has the rest."""


class Choices:
    """Reads one byte of an input for each choice; when no byte is left, each choice is the first option."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def below(self, limit: int) -> int:
        """Return a number from 0 to ``limit`` - 1; ``limit`` is at most 256."""
        return self.byte() % limit

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def byte(self) -> int:
        """Return the next byte, 0 when none is left."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def take(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(len(self._data))


def cut(data: bytes, way: int) -> List[bytes]:
    """Split ``data`` into chunks; ``way`` is a byte, and the same way gives the same chunks."""
    longest = CUTS[way % len(CUTS)]
    if longest >= len(data):
        return [data]
    chunks = list(islice(_chunks(data, longest, way), MOST_CHUNKS - 1))
    rest = data[sum(map(len, chunks)) :]
    return [*chunks, rest] if rest else chunks


def _chunks(data: bytes, longest: int, state: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF  # a quick pseudo-random sequence
        size = 1 + (state >> 16) % longest
        yield data[at : at + size]
        at += size
