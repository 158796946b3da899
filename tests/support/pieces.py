"""Requests of blocks of an open piece, as ``Downloads`` makes them."""

from __future__ import annotations

from typing import List, Tuple

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.buffered_piece import BufferedPiece
from bittorrent_threads.swarm.open_piece import OpenPiece


class Owner:
    """Remembers what was written, of pieces that are not whole yet."""

    def __init__(self) -> None:
        self.news: List[Tuple[OpenPiece, bool, bool]] = []
        """Piece, whether the write failed, and whether all of it is written."""

    def written(self, piece: OpenPiece, *, failed: bool, whole: bool) -> None:
        self.news.append((piece, failed, whole))


def order(size: int) -> Tuple[int, List[int]]:
    """The number of blocks of a piece of so many bytes, and their order."""
    blocks = -(-size // BLOCK)
    return blocks, list(range(blocks - 1, -1, -1))


def opened(index: int, size: int) -> BufferedPiece:
    """A piece whose buffer is as long as the piece."""
    return BufferedPiece(index, size, size, *order(size))


def put(piece: OpenPiece, block: int, data: bytes, memory: BufferPool) -> bool:
    """A block is received."""
    begin = block * BLOCK
    return piece.put(block, begin, begin + len(data), memoryview(data), memory)


def asked(piece: OpenPiece, pipeline: object, count: int) -> List[int]:
    """Request the next blocks to this pipeline; which they are."""
    blocks = []
    for _ in range(count):
        block = piece.free.pop()
        piece.owners[block] = pipeline
        blocks.append(block)
    piece.check()
    return blocks
