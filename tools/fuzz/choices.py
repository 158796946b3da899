"""Decisions drawn from the head of an input, and the cuts in which a socket might give the rest."""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List, Sequence, TypeVar

T = TypeVar("T")

CUTS = (1 << 20, 1, 2, 7, 61, 600)
"""Longest chunk of each way to cut; the first leaves an input whole."""
MOST_CHUNKS = 40
"""Chunks of an input, the last of which has all that is left: a thousand of one byte show no more, and take long."""


class Choices:
    """The bytes of an input, one for each decision; when they are over, every decision is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1; ``limit`` is at most 256."""
        return self.byte() % limit

    def pick(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self.below(len(options))]

    def byte(self) -> int:
        """The next byte."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))


def cut(data: bytes, way: int) -> List[bytes]:
    """``data`` in chunks; the same for the same ``way``, a byte."""
    longest = CUTS[way % len(CUTS)]
    if longest >= len(data):
        return [data]
    chunks = list(islice(_chunks(data, longest, way), MOST_CHUNKS - 1))
    rest = data[sum(map(len, chunks)) :]
    return [*chunks, rest] if rest else chunks


def _chunks(data: bytes, longest: int, state: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF  # any sequence will do, and this one is quick
        size = 1 + (state >> 16) % longest
        yield data[at : at + size]
        at += size
