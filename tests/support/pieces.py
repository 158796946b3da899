"""Requests of blocks of an open piece, as ``Downloads`` makes them."""

from __future__ import annotations

from typing import List

from bittorrent_threads.swarm.open_piece import OpenPiece


def asked(piece: OpenPiece, peer: object, count: int) -> List[int]:
    """Request the next blocks from this peer; return their numbers."""
    blocks = []
    for _ in range(count):
        block = piece.free.pop()
        piece.owners[block] = peer
        blocks.append(block)
    piece.check()
    return blocks
