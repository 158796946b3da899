"""Where pieces and blocks lie in the files of a torrent (BEP 3): one run of bytes, file after file.

Plain arithmetic over the lengths of the files; files without a byte have an index and never appear in a span.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

BLOCK = 16384
"""Bytes of a block, the unit that peers request (BEP 3)."""


class Span(NamedTuple):
    """A run of bytes within one file."""

    file: int
    offset: int
    length: int


class Layout:
    """Pieces, blocks and files of a torrent with files of these ``lengths`` in bytes.

    The lengths may be 0; ``piece_length`` is more than 0.  A torrent without a byte has no piece.
    """

    def __init__(self, lengths: Sequence[int], piece_length: int) -> None:
        if piece_length <= 0:
            raise ValueError(f"piece length {piece_length} is not more than 0")
        if lengths and min(lengths) < 0:
            raise ValueError(f"length {min(lengths)} is less than 0")
        ends = list(accumulate(lengths))
        self.piece_length = piece_length
        self.total_size = ends[-1] if ends else 0
        self.piece_count = -(-self.total_size // piece_length)
        self.file_count = len(lengths)
        self._lengths = tuple(lengths)
        self._offsets = [0, *ends]
        # Files with bytes, and where each begins: what bisect looks through.
        self._files = [file for file, length in enumerate(lengths) if length]
        self._starts = [self._offsets[file] for file in self._files]

    def piece_size(self, index: int) -> int:
        """Bytes of a piece; all are ``piece_length`` long but for the last."""
        self._check(index)
        return min(self.piece_length, self.total_size - index * self.piece_length)

    def block_count(self, index: int) -> int:
        """Blocks of a piece."""
        return -(-self.piece_size(index) // BLOCK)

    def block_size(self, index: int, block: int) -> int:
        """Bytes of a block of a piece; all are ``BLOCK`` long but for the last."""
        left = self.piece_size(index) - block * BLOCK
        if block < 0 or left <= 0:
            raise IndexError(f"piece {index} has {self.block_count(index)} blocks, no block {block}")
        return min(BLOCK, left)

    def spans(self, offset: int, length: int) -> List[Span]:
        """The parts of files that ``length`` bytes from ``offset`` of the whole torrent lie in, in order.

        Raises ``ValueError`` for bytes outside of the torrent.
        """
        end = offset + length
        if offset < 0 or length < 0 or end > self.total_size:
            raise ValueError(f"bytes {offset} to {end} of a torrent of {self.total_size} bytes")
        found: List[Span] = []
        place = bisect_right(self._starts, offset) - 1
        while offset < end:
            file = self._files[place]
            within = offset - self._starts[place]
            part = min(end - offset, self._lengths[file] - within)
            found.append(Span(file, within, part))
            offset += part
            place += 1
        return found

    def piece_spans(self, index: int, begin: int = 0, length: Optional[int] = None) -> List[Span]:
        """The parts of files that a piece lies in, or the ``length`` bytes of it from ``begin``.

        Raises ``IndexError`` for a piece, ``ValueError`` for a part of one, that is not there.
        """
        size = self.piece_size(index)
        if length is None:
            length = size - begin
        if begin < 0 or length < 0 or begin + length > size:
            raise ValueError(f"bytes {begin} to {begin + length} of piece {index} of {size} bytes")
        return self.spans(index * self.piece_length + begin, length)

    def file_offset(self, file: int) -> int:
        """Where a file begins in the whole torrent."""
        if not 0 <= file < len(self._lengths):
            raise IndexError(f"file {file} of {len(self._lengths)}")
        return self._offsets[file]

    def file_pieces(self, file: int) -> range:
        """The pieces that have a byte of a file; none for an empty file."""
        begin = self.file_offset(file)
        first = begin // self.piece_length
        length = self._lengths[file]
        return range(first, (begin + length - 1) // self.piece_length + 1 if length else first)

    def files_in(self, pieces: range) -> Iterator[Tuple[int, int]]:
        """Each file with a byte in these neighbouring pieces, and in how many of them it has one."""
        begin, end = pieces.start * self.piece_length, min(pieces.stop * self.piece_length, self.total_size)
        for place in range(bisect_right(self._starts, begin) - 1, bisect_left(self._starts, end)):
            own = self.file_pieces(self._files[place])
            yield self._files[place], min(own.stop, pieces.stop) - max(own.start, pieces.start)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.piece_count:
            raise IndexError(f"piece {index} of {self.piece_count}")


def runs(indexes: Iterable[int]) -> Iterator[range]:
    """Indexes as ranges of neighbours, in the order given."""
    start = stop = -1
    for index in indexes:
        if index != stop:
            if start >= 0:
                yield range(start, stop)
            start = index
        stop = index + 1
    if start >= 0:
        yield range(start, stop)
