"""Torrents of many shapes: empty, one piece, one block, short last piece, pieces shorter than a block, many files."""

from __future__ import annotations

import functools
from typing import Any, Dict, Sequence, Tuple

from bittorrent_threads.metainfo import bencode
from bittorrent_threads.metainfo.metainfo import Metainfo

BLOCK = 16384
SHAPES: Tuple[Tuple[int, Tuple[int, ...]], ...] = (
    (BLOCK, (0,)),
    (BLOCK, (1,)),
    (BLOCK, (BLOCK,)),
    (100, (150, 250, 20, 130)),
    (100, (0, 100, 0, 800, 0)),
    (2 * BLOCK, (11 * 2 * BLOCK + 20_000,)),
    (BLOCK, (0, 0)),
    (1, (17,)),
)
"""Piece length, and the lengths of the files, in bytes."""


@functools.cache
def metainfo_of(shape: int) -> Metainfo:
    """Return the torrent of ``SHAPES[shape]``; no data matches its hashes."""
    piece_length, lengths = SHAPES[shape]
    return torrent(piece_length, lengths)


def torrent(piece_length: int, lengths: Sequence[int]) -> Metainfo:
    """Return a torrent of the files ``t/a``, ``t/b`` and so on."""
    count = -(-sum(lengths) // piece_length)
    info: Dict[str, Any] = {"name": "t", "piece length": piece_length, "pieces": bytes(20 * count)}
    info["files"] = [{"length": length, "path": [chr(97 + place)]} for place, length in enumerate(lengths)]
    return Metainfo.parse(bencode.encode({"info": info}))
