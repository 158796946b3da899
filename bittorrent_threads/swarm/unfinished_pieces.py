"""Pieces of which some blocks were received when the torrent stopped: taken apart at the stop, restored at the start.

Only a segment that lacks some of its blocks must be read back; one that is complete stays on disk.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK
from .buffer_pool import BufferPool
from .interfaces import Buffer
from .open_piece import OpenPiece
from .picker import Picker
from .piece_factory import PieceFactory


class Unfinished(NamedTuple):
    """What was received of one piece."""

    piece: int
    """The index of the piece."""
    blocks: bytes
    """The blocks that were received, a bit each, most significant bit first."""
    runs: Tuple[Tuple[int, memoryview], ...]
    """The data that is not on disk: where each run begins in the piece, and its bytes."""


def unfinished(piece: OpenPiece) -> Unfinished:
    """What was received of this piece; the views are of its buffers."""
    bits = Bitfield(piece.blocks)
    runs: List[Tuple[int, memoryview]] = []
    for block in range(piece.blocks):
        if not piece.received[block]:
            continue
        bits.set(block)
        begin = block * BLOCK
        data = piece.view(begin, min(BLOCK, piece.size - begin))
        if data is not None:
            runs.append((begin, data))
    return Unfinished(piece.index, bytes(bits), tuple(runs))


class UnfinishedPieces:
    """The pieces whose segments are being read back."""

    def __init__(self, factory: PieceFactory, picker: Picker, memory: BufferPool) -> None:
        self._factory = factory
        self._picker = picker
        self._memory = memory
        self._pieces: Dict[int, OpenPiece] = {}
        self._awaited: Dict[int, List[int]] = {}
        """The segments to be read of each piece."""

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[int]:
        return iter(self._pieces)

    def begin(self, index: int, blocks: Bitfield) -> List[Tuple[int, int, int]]:
        """Begin to restore a piece, unless it is not wanted or the memory has no room for it.

        Args:
            index: The piece.
            blocks: The blocks that are on disk.

        Returns:
            The segments to be read: number, begin in the piece, and bytes.
        """
        if not self._picker.wants(index) or blocks.full or blocks.empty:
            return []
        piece = self._factory.piece(index)
        begun = piece.restore(blocks.indexes())
        if self._memory.reserved + piece.reserved > self._memory.limit or not self._picker.take(index):
            return []
        self._memory.reserve(piece.reserved)
        self._pieces[index] = piece
        self._awaited[index] = begun
        # A segment is read up to its last block that is there: the file may end with it.
        size = piece.buffer_size
        ends = {block * BLOCK // size: min((block + 1) * BLOCK, piece.size) for block in blocks.indexes()}
        return [(segment, segment * size, ends[segment] - segment * size) for segment in begun]

    def bring(self, index: int, segment: int, data: Optional[Buffer]) -> Optional[OpenPiece]:
        """Take a segment as read from disk, None if it could not be read.

        Returns:
            The piece, when every segment of it was read, or at once if one could not be read.
        """
        piece = self._pieces.get(index)
        if piece is None or segment not in self._awaited[index]:
            return None
        self._awaited[index].remove(segment)
        if data is None:
            self._awaited[index].clear()
        else:
            piece.bring(segment, data, self._memory)
        return self.ready(index)

    def ready(self, index: int) -> Optional[OpenPiece]:
        """The piece, if no segment of it is awaited; it is then forgotten here."""
        if index not in self._pieces or self._awaited[index]:
            return None
        del self._awaited[index]
        return self._pieces.pop(index)
