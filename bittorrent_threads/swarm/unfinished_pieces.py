"""Pieces of which some blocks were there when the torrent stopped: taken apart at the stop, put together at the start.

Only a stripe of which some blocks are missing must be read back; one that is whole stays where it is.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK
from .buffer_pool import BufferPool
from .open_piece import Buffer, OpenPiece
from .picker import Picker
from .piece_factory import PieceFactory


class Unfinished(NamedTuple):
    """What there is of one piece."""

    piece: int
    blocks: bytes
    """A bit a block, most significant bit first."""
    runs: Tuple[Tuple[int, memoryview], ...]
    """What is not on disk: where each run begins in the piece, and its bytes."""


def unfinished(piece: OpenPiece) -> Unfinished:
    """What there is of this piece; the views are of its buffers."""
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
    """The pieces that are being put together."""

    def __init__(self, opening: PieceFactory, picker: Picker, memory: BufferPool) -> None:
        self._opening = opening
        self._picker = picker
        self._memory = memory
        self._pieces: Dict[int, OpenPiece] = {}
        self._awaited: Dict[int, List[int]] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def begin(self, index: int, blocks: Bitfield) -> List[Tuple[int, int, int]]:
        """These blocks are on disk; returns what is to be read: stripes, where each begins, and its bytes.

        Nothing, if there is no use for them or no memory.
        """
        if not self._picker.wants(index) or blocks.full or blocks.empty:
            return []
        piece = self._opening.piece(index)
        begun = piece.restore(blocks.indexes())
        if self._memory.reserved + piece.reserved > self._memory.limit or not self._picker.take(index):
            return []
        self._memory.reserve(piece.reserved)
        self._pieces[index] = piece
        self._awaited[index] = begun
        # No further than the last block that is there: the file may end with it.
        size = piece.buffer_size
        ends = {block * BLOCK // size: min((block + 1) * BLOCK, piece.size) for block in blocks.indexes()}
        return [(stripe, stripe * size, ends[stripe] - stripe * size) for stripe in begun]

    def bring(self, index: int, stripe: int, data: Optional[Buffer]) -> Optional[OpenPiece]:
        """A stripe was read, or could not be; returns the piece when it is whole, or must be given up."""
        piece = self._pieces.get(index)
        if piece is None or stripe not in self._awaited[index]:
            return None
        self._awaited[index].remove(stripe)
        if data is None:
            self._awaited[index].clear()
        else:
            piece.bring(stripe, data, self._memory)
        return self.ready(index)

    def ready(self, index: int) -> Optional[OpenPiece]:
        """The piece, if nothing of it is awaited any more."""
        if index not in self._pieces or self._awaited[index]:
            return None
        del self._awaited[index]
        return self._pieces.pop(index)
