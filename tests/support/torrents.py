"""Small torrents for tests of the disk layer: a ``Metainfo`` and the bytes of its files."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.testing.bencode import bencode

PAD = ".pad"


class Torrent(NamedTuple):
    """A torrent named ``t``, and the bytes of its files in order."""

    metainfo: Metainfo
    data: bytes

    def piece(self, index: int) -> bytes:
        """Return the bytes of a piece."""
        length = self.metainfo.piece_length
        return self.data[index * length : (index + 1) * length]

    def buffers(self, *indexes: int) -> List[Tuple[int, memoryview]]:
        """Return pieces as arguments of ``Storage.save``."""
        return [(index, memoryview(bytearray(self.piece(index)))) for index in indexes]

    def file(self, index: int) -> bytes:
        """Return the bytes of a file."""
        offset = self.metainfo.layout.file_offset(index)
        return self.data[offset : offset + self.metainfo.files[index].length]

    def path(self, folder: Path, index: int) -> Path:
        """Return the path of a file."""
        return folder.joinpath(*self.metainfo.files[index].path)

    def seed(self, folder: Path) -> None:
        """Write every file except padding."""
        for index, entry in enumerate(self.metainfo.files):
            if not entry.pad:
                path = self.path(folder, index)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.file(index))


def torrent(files: Sequence[Tuple[str, int]], piece_length: int, seed: int = 1) -> Torrent:
    """Return a torrent of these paths and lengths in a folder ``t``; names with ``.pad`` are padding (BEP 47)."""
    source = random.Random(seed)
    data = b"".join(
        bytes(length) if path.startswith(PAD) else source.getrandbits(8 * length).to_bytes(length, "little")
        for path, length in files
    )
    entries: List[Dict[str, object]] = []
    for path, length in files:
        entry: Dict[str, object] = {"path": path.split("/"), "length": length}
        if path.startswith(PAD):
            entry["attr"] = "p"
        entries.append(entry)
    digests = [hashlib.sha1(data[at : at + piece_length]).digest() for at in range(0, len(data), piece_length)]
    info = {"name": "t", "piece length": piece_length, "pieces": b"".join(digests), "files": entries}
    return Torrent(Metainfo.parse(bencode({"info": info})), data)
