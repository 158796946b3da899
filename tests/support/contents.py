"""The content of a small torrent in a folder, used in all ways."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

from support.system import System
from support.torrents import Torrent

from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import Missing
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder

# Pieces of 100 bytes:  a has 0-1, b has 1-4, empty none, c has 4-5 (ends at 520), the padding 5, d has 6-7.
FILES = [("a", 150), ("b", 270), ("sub/empty", 0), ("sub/c", 100), (".pad/80", 80), ("d", 150)]
A, B, EMPTY, C, PAD, D = range(6)
ALL = [True] * 6


class Bench:
    def __init__(self, root: Path, t: Torrent, pool: FilePool, system: System) -> None:
        self.t = t
        self.root = root
        self.pool = pool
        self.system = system
        self.parts = root / ".bittorrent_threads" / f"{t.metainfo.infohash.hex()}.parts"
        self.content = self.opened()

    def opened(self) -> Content:
        return Content(self.t.metainfo, Folder(str(self.root), system=self.system), self.pool)

    def restart(self) -> None:
        self.content.close()
        self.content = self.opened()

    def prepare(self, *unwanted: int) -> None:
        self.content.prepare([index not in unwanted for index in range(len(FILES))])

    def put(self, *pieces: int) -> None:
        for piece in pieces:
            self.content.write(piece * 100, [memoryview(self.t.piece(piece))])

    def inspect(self, piece: int) -> bytes:
        view = bytearray(b"?" * len(self.t.piece(piece)))
        self.content.inspect(piece * 100, memoryview(view))
        return bytes(view)

    def scan(self, piece: int, step: int) -> bytes:
        view = memoryview(bytearray(b"?" * step))
        return b"".join(map(bytes, self.content.scan(piece * 100, len(self.t.piece(piece)), view)))

    def right(self) -> List[int]:
        """The pieces that are there and right, by all ways to read."""
        found = []
        for piece in range(self.t.metainfo.piece_count):
            try:
                data = self.inspect(piece)
            except Missing:
                continue
            assert self.content.read(piece * 100, len(data)) == data
            assert self.scan(piece, 33) == self.scan(piece, 100) == data
            if data == self.t.piece(piece):
                found.append(piece)
        return found

    def files(self) -> List[str]:
        """What is below the root, without our hidden folder."""
        found = [path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file()]
        return sorted(str(path) for path in found if path.parts[0] == "t")


def spoil(path: Path) -> None:
    """Other bytes at another time."""
    found = path.stat()
    path.write_bytes(b"X" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1_000_000_000))
