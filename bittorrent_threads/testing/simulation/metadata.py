"""``SimMetadataStore``: an ``engine.interfaces.MetadataStore`` on a simulated disk."""

from __future__ import annotations

from typing import Callable, Optional

from ...disk.results import Done
from ...metainfo.infohash import InfoHash
from .drive import SimDrive


class SimMetadataStore:
    """The stored metadata of one torrent; the bytes are in ``SimDrive.metadata_files``."""

    def __init__(self, disk: SimDrive, infohash: bytes) -> None:
        self._disk = disk
        self._infohash = infohash

    def recall(self, infohashes: InfoHash, max_size: int, deliver: Callable[[Optional[bytes]], None]) -> None:
        def load() -> None:
            info = self._disk.metadata_files.get(self._infohash, b"")
            error = self._disk.read_error("info")
            deliver(info if error is None and len(info) <= max_size and infohashes.matches(info) else None)

        self._disk.work(0, load)

    def remember(self, info: bytes, deliver: Callable[[Done], None]) -> None:
        def store() -> None:
            error = self._disk.write_error("info", len(info))
            if error is None:
                self._disk.metadata_files[self._infohash] = info
            deliver(Done(error))

        self._disk.work(0, store)
