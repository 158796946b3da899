"""``Ground``: what a program starts from: a folder, data to seed, and its torrent."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import bittorrent_threads as bt

LOCAL = bt.Settings(host="127.0.0.1", dht=False)
SIZE = 400_000
PATIENCE = 60.0
"""Seconds after which a call counts as hanging, and within which everything must end."""


class Ground:
    """The working folder of a child process, and the torrent of the data in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "seed" / "data"
        self.data.parent.mkdir()
        self.data.write_bytes(random.Random(1).randbytes(SIZE))
        self.metainfo = bt.create(self.data, piece_length=16384)

    def client(self, folder: str = "seed", **options: Any) -> bt.Client:
        """Return a client of the data."""
        return bt.Client(self.metainfo, self.folder / folder, **{"settings": LOCAL, **options})
