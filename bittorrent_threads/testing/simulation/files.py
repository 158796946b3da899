"""``SimFiles``: the pieces of one torrent on a simulated disk, without their bytes.

It outlives the engine that uses it, so that a node can be started anew on the same disk; ``crash`` takes away what was
not synced, as a power cut may.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Optional, Set, Tuple

from ...disk.file import FileStat
from ...disk.resume import Resume
from ...metainfo.layout import BLOCK
from .torrent import SimTorrent

Blocks = Dict[int, Dict[int, Tuple[int, bool]]]
"""Blocks of incomplete pieces, by piece and begin: length, and whether the data is right."""

Snapshot = Tuple[FrozenSet[int], Blocks]


class SimFiles:
    """The files of one torrent on one disk."""

    def __init__(self, torrent: SimTorrent, pieces: Iterable[int] = ()) -> None:
        self.torrent = torrent
        self.pieces: Set[int] = set(pieces)
        """Indexes of pieces with right data."""
        self.damaged: Set[int] = set()
        """Indexes of pieces with wrong data."""
        self.durable: Set[int] = set(self.pieces)
        """The part of ``pieces`` that would survive a power cut."""
        self.resume: Optional[Resume] = None
        """The resume data stored last."""
        self.version = 1
        """Modification time of the files; grows with every change."""
        self._blocks: Blocks = {}
        self._durable_blocks: Blocks = {}

    @property
    def present(self) -> Tuple[int, ...]:
        """Return the indexes of pieces of which any data exists."""
        return tuple(sorted({*self.pieces, *self.damaged, *self._blocks}))

    @property
    def stats(self) -> Tuple[Optional[FileStat], ...]:
        """The state of each file; None for a file that was never written."""
        layout = self.torrent.metainfo.layout
        present = set(self.present)
        found: List[Optional[FileStat]] = []
        for index, file in enumerate(self.torrent.metainfo.files):
            there = any(piece in present for piece in layout.file_pieces(index))
            found.append(FileStat(file.length, self.version, index + 1) if there else None)
        return tuple(found)

    def readable(self, index: int) -> bool:
        """Return whether the piece is right, or in the making from blocks."""
        return index in self.pieces or index in self._blocks

    def size(self, index: int) -> int:
        """Return the length of a piece; 0 for one that does not exist."""
        length = self.torrent.metainfo.piece_length
        return max(0, min(length, self.torrent.content.size - index * length))

    def read(self, index: int, begin: int, length: int) -> bytes:
        """Return the right bytes of a piece."""
        return self.torrent.content.read(index * self.torrent.metainfo.piece_length + begin, length)

    def load(self, index: int, begin: int, length: int) -> bytes:
        """Return the stored bytes of a piece: wrong where nothing or wrong data was written."""
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
        """Store a right piece."""
        self.version += 1
        self.pieces.add(index)
        self.damaged.discard(index)
        self._blocks.pop(index, None)

    def store_block(self, index: int, begin: int, data: bytes) -> None:
        """Store blocks of an incomplete piece, each right or wrong."""
        self.version += 1
        right = self.read(index, begin, len(data))
        blocks = self._blocks.setdefault(index, {})
        for at in range(0, len(data), BLOCK):
            part = data[at : at + BLOCK]
            blocks[begin + at] = (len(part), part == right[at : at + BLOCK])

    def right(self, index: int) -> bool:
        """Return whether the piece passes its hash; a piece made of blocks counts as stored then."""
        size = self.size(index)
        if index in self._blocks and self.load(index, 0, size) == self.read(index, 0, size):
            self.store(index)
        return index in self.pieces

    def snapshot(self) -> Snapshot:
        """Return a snapshot for ``sync``."""
        return frozenset(self.pieces), {index: dict(blocks) for index, blocks in self._blocks.items()}

    def sync(self, snapshot: Snapshot) -> None:
        """Make the data of the snapshot survive a power cut."""
        pieces, self._durable_blocks = snapshot
        self.durable |= pieces & self.pieces

    def damage(self, pieces: Iterable[int]) -> None:
        """Overwrite these pieces, as another program would."""
        self.version += 1
        self.damaged.update(pieces)
        self.pieces -= self.damaged

    def crash(self) -> None:
        """Lose the data that was not synced, as in a power cut."""
        self.damaged |= self.pieces - self.durable
        self.pieces &= self.durable
        self._blocks = {index: blocks for index, blocks in self._durable_blocks.items() if index not in self.pieces}
