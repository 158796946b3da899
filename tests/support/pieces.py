"""What ``Downloads`` does with an open piece, by hand."""

from __future__ import annotations

from typing import List

from bittorrent_threads.swarm.open_piece import OpenPiece


def asked(piece: OpenPiece, peer: object, count: int) -> List[int]:
    """Ask this peer for the next blocks; which they are."""
    blocks = []
    for _ in range(count):
        block = piece.free.pop()
        piece.owners[block] = peer
        blocks.append(block)
    piece.check()
    return blocks
