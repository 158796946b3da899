"""``Disk``: the worker threads of the disk, and what they keep for a session and its torrents."""

from __future__ import annotations

from typing import Any, Callable, Optional, Protocol, TypeVar

from ...disk.allocation import SPARSE
from ...disk.pool import Outcome
from ...disk.results import Done, Stored
from ...metainfo.infohash import InfoHash
from .storage import Storage

T = TypeVar("T")


class MetadataStore(Protocol):
    """The metadata that came for a magnet link, kept beside the resume data of the torrent."""

    def recall(self, infohashes: InfoHash, max_size: int, deliver: Callable[[Optional[bytes]], None]) -> None:
        """The bytes of the info dictionary stored last; None if there are none of this hash and at most this size."""

    def remember(self, info: bytes, deliver: Callable[[Done], None]) -> None:
        """Store them atomically."""


class Disk(Protocol):
    """The disk, with its worker threads."""

    def metadata(self, infohash: bytes, basedir: str, *, resume_dir: Optional[str] = None) -> MetadataStore:
        """The store of the metadata of one torrent; touches no file yet."""

    def compute(self, function: Callable[[], T], deliver: Callable[[Outcome[T]], None]) -> None:
        """Run a function that takes longer than a pass may, and deliver its value or what it raised."""

    def open(
        self, metainfo: Any, basedir: str, *, resume_dir: Optional[str] = None, allocation: str = SPARSE, site: str = ""
    ) -> Storage:
        """The storage of one torrent; touches no file yet.  Resume data is beside the data, or in ``resume_dir``.

        With ``allocation`` ``"full"`` ``prepare`` makes files with all their room, or fails (ENOSPC).
        Other torrents that want the same files are told ``site``, where the program made this one.
        """

    def load_state(self, path: str, deliver: Callable[[Stored], None]) -> None:
        """Read plain data of the session from a file, if there is one.  Raises SessionClosed if the disk is closed."""

    def store_state(self, path: str, state: object, deliver: Callable[[Done], None]) -> None:
        """Write plain data of the session to a file, atomically.  Raises SessionClosed if the disk is closed."""
