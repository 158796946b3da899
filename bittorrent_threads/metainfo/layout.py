"""Where pieces and blocks lie in the files of a torrent, whose bytes are the files one behind the other (BEP 3).

Arithmetic with the lengths of the files.  A file of length 0 has an index, but appears in no span.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .bitfield import count_bits

BLOCK = 16384
"""Bytes of a block, the unit that peers request (BEP 3)."""


class Span(NamedTuple):
    """A range of bytes within one file."""

    file: int
    offset: int
    length: int


class Layout:
    """Pieces, blocks and files of a torrent; a torrent of 0 bytes has no piece.

    Args:
        lengths: Bytes of each file, 0 or more.
        piece_length: Bytes of every piece but the last, more than 0.

    Raises:
        ValueError: A length is out of range.
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
        # Files that have bytes, and the offset of each, for bisect.
        self._files = [file for file, length in enumerate(lengths) if length]
        self._starts = [self._offsets[file] for file in self._files]

    def piece_size(self, index: int) -> int:
        """Bytes of a piece: ``piece_length``, or less for the last; raises ``IndexError``."""
        self._check(index)
        return min(self.piece_length, self.total_size - index * self.piece_length)

    def block_count(self, index: int) -> int:
        """Number of blocks of a piece; raises ``IndexError``."""
        return -(-self.piece_size(index) // BLOCK)

    def block_size(self, index: int, block: int) -> int:
        """Bytes of a block of a piece: ``BLOCK``, or less for the last; raises ``IndexError``."""
        left = self.piece_size(index) - block * BLOCK
        if block < 0 or left <= 0:
            raise IndexError(f"piece {index} has {self.block_count(index)} blocks, no block {block}")
        return min(BLOCK, left)

    def spans(self, offset: int, length: int) -> List[Span]:
        """The parts of files that hold a range of bytes of the torrent.

        Args:
            offset: First byte, counted from the begin of the torrent.
            length: Number of bytes.

        Returns:
            The parts in order; together they have ``length`` bytes.

        Raises:
            ValueError: A byte is outside of the torrent.
        """
        end = offset + length
        if offset < 0 or length < 0 or end > self.total_size:
            raise ValueError(f"bytes {offset} to {end} of a torrent of {self.total_size} bytes")
        if not length:
            return []
        starts, files, lengths = self._starts, self._files, self._lengths
        place = bisect_right(starts, offset) - 1
        file, within = files[place], offset - starts[place]
        if end <= starts[place] + lengths[file]:
            return [Span(file, within, length)]
        last = bisect_left(starts, end, place) - 1
        # tuple.__new__ takes a third of the time of Span, which counts with 20,000 files.
        span = tuple.__new__
        whole = [span(Span, (each, 0, lengths[each])) for each in files[place + 1 : last]]
        return [Span(file, within, lengths[file] - within), *whole, Span(files[last], 0, end - starts[last])]

    def piece_spans(self, index: int, begin: int = 0, length: Optional[int] = None) -> List[Span]:
        """The parts of files that hold a piece, or a range of its bytes.

        Args:
            index: The piece.
            begin: First byte, counted from the begin of the piece.
            length: Number of bytes; None for all that follow.

        Raises:
            IndexError: There is no such piece.
            ValueError: A byte is outside of the piece.
        """
        size = self.piece_size(index)
        if length is None:
            length = size - begin
        if begin < 0 or length < 0 or begin + length > size:
            raise ValueError(f"bytes {begin} to {begin + length} of piece {index} of {size} bytes")
        return self.spans(index * self.piece_length + begin, length)

    def file_offset(self, file: int) -> int:
        """The offset of a file in the torrent; raises ``IndexError``."""
        if not 0 <= file < len(self._lengths):
            raise IndexError(f"file {file} of {len(self._lengths)}")
        return self._offsets[file]

    def file_pieces(self, file: int) -> range:
        """The pieces that share a byte with a file; none for an empty file."""
        begin = self.file_offset(file)
        first = begin // self.piece_length
        length = self._lengths[file]
        return range(first, (begin + length - 1) // self.piece_length + 1 if length else first)

    def file_bytes(self, file: int, have: bytes) -> int:
        """Bytes of a file in the pieces that are there.

        Args:
            file: The file; raises ``IndexError``.
            have: The pieces that are there, packed as in BITFIELD messages.
        """
        pieces, length = self.file_pieces(file), self.piece_length
        begin = self._offsets[file]
        end = begin + self._lengths[file]
        # Only the first and the last piece may be shared with other files, or shorter.
        inner = range(-(-begin // length), end // length)
        edges = [index for index in {pieces.start, pieces.stop - 1} if index in pieces and index not in inner]
        return count_bits(have, inner.start, inner.stop) * length + sum(
            min(end, (index + 1) * length) - max(begin, index * length)
            for index in edges
            if have[index >> 3] & 0x80 >> (index & 7)
        )

    def files_in(self, pieces: range) -> Iterator[Tuple[int, int]]:
        """Each file that shares a byte with a range of pieces, and the number of these pieces it shares a byte with."""
        piece_length = self.piece_length
        begin, end = pieces.start * piece_length, min(pieces.stop * piece_length, self.total_size)
        for place in range(bisect_right(self._starts, begin) - 1, bisect_left(self._starts, end)):
            file, start = self._files[place], self._starts[place]
            stop = (start + self._lengths[file] - 1) // piece_length + 1
            yield file, min(stop, pieces.stop) - max(start // piece_length, pieces.start)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.piece_count:
            raise IndexError(f"piece {index} of {self.piece_count}")


def runs(indexes: Iterable[int]) -> Iterator[range]:
    """The indexes as ranges of consecutive numbers, in the order given."""
    start = stop = -1
    for index in indexes:
        if index != stop:
            if start >= 0:
                yield range(start, stop)
            start = index
        stop = index + 1
    if start >= 0:
        yield range(start, stop)
