"""A file of a torrent, as the user sees it."""

from __future__ import annotations

import os
import stat
from typing import Optional

from .status import Row
from .torrent_handle import TorrentHandle


class File:
    """One file of the torrent of a client; ``Client.files`` makes it."""

    def __init__(self, handle: TorrentHandle, index: int, client: object) -> None:
        self.index = index
        """Index of the file in the torrent, from 0."""
        self.length: int = handle.torrent.content.metainfo.files[index].length
        """Bytes of the file."""
        self._handle = handle
        self._client = client  # a client is closed when it is garbage-collected, and this file may be used until then

    @property
    def path(self) -> str:
        """Absolute path of the file."""
        return self._handle.torrent.content.paths.path(self.index)

    @property
    def priority(self) -> int:
        """Priority from 0 (not downloaded) to 7 (first); may be set in any state.

        Setting it raises TypeError or ValueError for a value that is no priority, and SessionClosed.
        """
        return self._handle.status.priorities[self.index]

    @priority.setter
    def priority(self, priority: int) -> None:
        self._handle.set_priorities({self.index: priority})

    @property
    def downloaded(self) -> int:
        """Bytes of the file in pieces that the client has, in the file or in the part file."""
        return self._handle.torrent.content.metainfo.layout.file_bytes(self.index, self._handle.status.bitfield)

    @property
    def progress(self) -> float:
        """Share of the bytes of the file that are downloaded, 0 to 1."""
        return self.downloaded / self.length if self.length else 1.0

    @property
    def complete(self) -> bool:
        """Every byte of the file is downloaded, and the file exists under its ``path``.

        It is False for padding, and for an unwanted file whose bytes are in the part file only.
        """
        return self.downloaded == self.length and self._exists()

    def as_row(self) -> Row:
        """Return the file as flat plain data; :meth:`Client.file_rows` has the same of every file."""
        downloaded = self.downloaded
        return {
            "index": self.index,
            "name": "/".join(self._handle.torrent.content.paths.parts(self.index)),
            "length": self.length,
            "downloaded": downloaded,
            "progress": downloaded / self.length if self.length else 1.0,
            "priority": self.priority,
            "path": self.path,
        }

    def _exists(self) -> bool:
        try:
            found = os.lstat(self.path)
        except (OSError, ValueError):  # ValueError: the system cannot have a file of this name
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size >= self.length

    def rename(self, path: str, timeout: Optional[float] = None) -> None:
        """Give the file another path below the folder of the client, in any state.

        Resume data and ``piece_cache`` contain the new path.

        Args:
            path: Path with ``/`` between its components.
            timeout: Most seconds to wait; None for no limit.

        Raises:
            TypeError: If the path is no text.
            ValueError: If the path is not safe on every system, or is that of another file of the torrent.
            StorageError: If another file is there, or the file cannot be renamed.
            WaitTimeout: After ``timeout`` seconds; the file keeps its path then.
            SessionClosed: If the client is closed.
        """
        if not isinstance(path, str):
            raise TypeError(f"the path of a file is a text with / between its components, not {path!r}")
        move_storage = self._handle.torrent.content.move_storage
        self._handle.move_files(lambda moved: move_storage.rename(self.index, path, moved), timeout)

    def __repr__(self) -> str:
        return f"<File {self.path!r}, {self.length} bytes, priority {self.priority}>"
