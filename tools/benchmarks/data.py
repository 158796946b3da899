"""Random files and their torrents, made once for a run in a folder that is removed at its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Tuple

import bittorrent_threads as bt

KIB = 1024
MIB = 1024 * KIB
PAYLOAD = "payload"
"""Name of the file in every torrent of a transfer."""
UNITS = {"": 1, "Ki": KIB, "Mi": MIB, "Gi": 1024 * MIB}


def size(text: str) -> int:
    """Bytes of ``64Mi`` and the like; raises ValueError."""
    digits = text.rstrip("KMGi")
    return int(digits) * UNITS[text[len(digits) :]] if text[len(digits) :] in UNITS else int(text)


def size_text(count: int) -> str:
    """The other way round."""
    unit = next(name for name, bytes_ in reversed(UNITS.items()) if count % bytes_ == 0)
    return f"{count // UNITS[unit]} {unit}B"


class Data:
    """Files and torrents below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._torrents: Dict[Tuple[int, int, str], Path] = {}

    def file(self, length: int) -> Path:
        """A file of so many random bytes, in a folder of its own."""
        path = self.folder / f"data-{length}" / PAYLOAD
        if not path.exists():
            path.parent.mkdir(parents=True)
            with path.open("wb") as file:
                for begin in range(0, length, MIB):
                    file.write(os.urandom(min(MIB, length - begin)))
        return path

    def warm(self, length: int) -> None:
        """Have the file in the page cache: some systems drop what was not read for a few seconds."""
        buffer = bytearray(MIB)
        with self.file(length).open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    def torrent(self, length: int, piece_length: int, tracker: str = "") -> Path:
        """The .torrent of the file of that length."""
        key = length, piece_length, tracker
        if key not in self._torrents:
            trackers = [tracker] if tracker else []
            metainfo = bt.create(self.file(length), piece_length=piece_length, trackers=trackers, creation_date=0)
            path = self.folder / f"{len(self._torrents)}.torrent"
            metainfo.save(path)
            self._torrents[key] = path
        return self._torrents[key]
