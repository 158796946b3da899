"""``SimDisk``: an ``engine.interfaces.Disk`` in virtual time, on a simulated drive."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, Iterable, Optional, TypeVar

from ...disk.allocation import FULL, SPARSE
from ...disk.pool import Outcome
from ...disk.results import Done, Stored
from .drive import SimDrive
from .files import SimFiles
from .metadata import SimMetadataStore
from .network import SimNetwork
from .storage import SimStorage
from .torrent import SimTorrent

T = TypeVar("T")


class SimDisk(SimDrive):
    """The disk of one host, and what is stored on it."""

    def __init__(self, network: SimNetwork, *, workers: int = 2) -> None:
        super().__init__(network, workers=workers)
        self.files: Dict[bytes, SimFiles] = {}
        """By infohash."""
        self.states: Dict[str, str] = {}
        """The plain data of sessions, as JSON by path."""

    def hold(self, torrent: SimTorrent, pieces: Iterable[int] = ()) -> SimFiles:
        """Add a torrent, with these of its pieces in files."""
        files = self.files[torrent.metainfo.infohash] = SimFiles(torrent, pieces)
        return files

    def open(
        self, metainfo: Any, basedir: str, *, resume_dir: Optional[str] = None, allocation: str = SPARSE, site: str = ""
    ) -> SimStorage:
        files = self.files[metainfo.infohash]
        size = metainfo.total_size if allocation == FULL else 0
        return SimStorage(self, files, os.path.join(basedir, metainfo.name), reserved=size)

    def load_state(self, path: str, deliver: Callable[[Stored], None]) -> None:
        text = self.states.get(path)
        error = self.read_error(path)
        state = json.loads(text) if text is not None and error is None else None
        self.work(0.0, lambda: deliver(Stored(state, error)))

    def store_state(self, path: str, state: object, deliver: Callable[[Done], None]) -> None:
        error = self.write_error(path, len(json.dumps(state)))
        if error is None:
            self.states[path] = json.dumps(state)
        self.work(0.0, lambda: deliver(Done(error)))

    def metadata(self, infohash: bytes, basedir: str, *, resume_dir: Optional[str] = None) -> SimMetadataStore:
        return SimMetadataStore(self, infohash)

    def compute(self, function: Callable[[], T], deliver: Callable[[Outcome[T]], None]) -> None:
        def run() -> None:
            try:
                outcome = Outcome(function())
            except Exception as error:
                outcome = Outcome(error=error)
            deliver(outcome)

        self.work(0, run)
