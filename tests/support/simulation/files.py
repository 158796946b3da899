"""What a simulated disk has of one torrent: which pieces, never their bytes.

It outlives the engine that uses it, so that a node can be started anew on the same disk; ``crash`` takes away what was
not synced, as a power cut may.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Optional, Set, Tuple

from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.metainfo.layout import BLOCK

from .torrent import SimTorrent

Blocks = Dict[int, Dict[int, Tuple[int, bool]]]
"""Blocks of pieces that are not whole: by piece and begin, how long each is and whether it is right."""

Snapshot = Tuple[FrozenSet[int], Blocks]


class SimFiles:
    """The files of one torrent on one disk."""

    def __init__(self, torrent: SimTorrent, pieces: Iterable[int] = ()) -> None:
        self.torrent = torrent
        self.pieces: Set[int] = set(pieces)
        """Indexes of the pieces that are there and right."""
        self.damaged: Set[int] = set()
        """Indexes of pieces that are there and wrong."""
        self.durable: Set[int] = set(self.pieces)
        """What a power cut would leave of ``pieces``."""
        self.resume: Optional[Resume] = None
        """The resume data stored last."""
        self.version = 1
        """Grows with every change: the time of change of every file."""
        self._blocks: Blocks = {}
        self._durable_blocks: Blocks = {}

    @property
    def present(self) -> Tuple[int, ...]:
        """Indexes of the pieces of which something is there."""
        return tuple(sorted({*self.pieces, *self.damaged, *self._blocks}))

    @property
    def stats(self) -> Tuple[Optional[FileStat], ...]:
        """What each file is; None for one of which nothing was ever written."""
        layout = self.torrent.metainfo.layout
        present = set(self.present)
        found: List[Optional[FileStat]] = []
        for index, file in enumerate(self.torrent.metainfo.files):
            there = any(piece in present for piece in layout.file_pieces(index))
            found.append(FileStat(file.length, self.version, index + 1) if there else None)
        return tuple(found)

    def readable(self, index: int) -> bool:
        """Is the piece right, or being put together from blocks?"""
        return index in self.pieces or index in self._blocks

    def size(self, index: int) -> int:
        """Bytes of a piece; 0 for one that does not exist."""
        length = self.torrent.metainfo.piece_length
        return max(0, min(length, self.torrent.content.size - index * length))

    def read(self, index: int, begin: int, length: int) -> bytes:
        """Bytes of a piece as they should be."""
        return self.torrent.content.read(index * self.torrent.metainfo.piece_length + begin, length)

    def load(self, index: int, begin: int, length: int) -> bytes:
        """Bytes of a piece as they are: wrong where nothing was written, or something wrong."""
        data = self.read(index, begin, length)
        if index in self.pieces:
            return data
        found = bytearray(byte ^ 0xFF for byte in data)
        for start, (size, good) in self._blocks.get(index, {}).items():
            first, last = max(start, begin), min(start + size, begin + length)
            if good and first < last:
                found[first - begin : last - begin] = data[first - begin : last - begin]
        return bytes(found)

    def store(self, index: int) -> None:
        """A right piece was written."""
        self.version += 1
        self.pieces.add(index)
        self.damaged.discard(index)
        self._blocks.pop(index, None)

    def store_block(self, index: int, begin: int, data: bytes) -> None:
        """Blocks of a piece that is not whole were written in one go, each right or wrong."""
        self.version += 1
        right = self.read(index, begin, len(data))
        blocks = self._blocks.setdefault(index, {})
        for at in range(0, len(data), BLOCK):
            part = data[at : at + BLOCK]
            blocks[begin + at] = (len(part), part == right[at : at + BLOCK])

    def right(self, index: int) -> bool:
        """Would the piece pass its hash?  A piece put together from blocks counts from now on."""
        size = self.size(index)
        if index in self._blocks and self.load(index, 0, size) == self.read(index, 0, size):
            self.store(index)
        return index in self.pieces

    def snapshot(self) -> Snapshot:
        """What is there now, for ``sync``."""
        return frozenset(self.pieces), {index: dict(blocks) for index, blocks in self._blocks.items()}

    def sync(self, snapshot: Snapshot) -> None:
        """What was there when the snapshot was made survives a power cut from now on."""
        pieces, self._durable_blocks = snapshot
        self.durable |= pieces & self.pieces

    def damage(self, pieces: Iterable[int]) -> None:
        """Somebody else wrote over these pieces."""
        self.version += 1
        self.damaged.update(pieces)
        self.pieces -= self.damaged

    def crash(self) -> None:
        """The power was cut."""
        self.damaged |= self.pieces - self.durable
        self.pieces &= self.durable
        self._blocks = {index: blocks for index, blocks in self._durable_blocks.items() if index not in self.pieces}
