"""A file of a torrent, as the user sees it."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Callable, Optional

from .errors import BitTorrentError, StorageError, WaitTimeout

if TYPE_CHECKING:
    from .client import Client


class File:
    """One file; ``index`` counts from 0 in the order of the torrent, ``length`` is bytes."""

    def __init__(self, client: Client, index: int) -> None:
        entry = client.metainfo.files[index]
        self.index = index
        """Index of the file in the torrent, from 0."""
        self.length: int = entry.length
        """Bytes of the file."""
        self._client = client

    @property
    def path(self) -> str:
        """Absolute."""
        return self._client._torrent.path(self.index)

    @property
    def priority(self) -> int:
        """0 (never downloaded) to 7 (first); setting it takes effect at once, in any state."""
        return self._client.status().priorities[self.index]

    @priority.setter
    def priority(self, priority: int) -> None:
        self._client.set_priorities({self.index: priority})

    @property
    def downloaded(self) -> int:
        """Bytes of the file in pieces that we have, wherever they are kept."""
        bits = self._client.status().bitfield
        layout = self._client.metainfo.layout
        start = layout.file_offset(self.index)
        end = start + self.length
        length = layout.piece_length
        return sum(
            min(end, (index + 1) * length) - max(start, index * length)
            for index in layout.file_pieces(self.index)
            if bits[index >> 3] & (0x80 >> (index & 7))
        )

    @property
    def progress(self) -> float:
        """Share of the file that we have, 0 to 1, wherever it is kept."""
        return self.downloaded / self.length if self.length else 1.0

    @property
    def complete(self) -> bool:
        """We have every byte of the file, and it is there under its ``path``, which this looks at.

        False for padding, and for an unwanted file that only the part file has: it is moved when it becomes wanted.
        """
        return self.downloaded == self.length and self._there()

    def _there(self) -> bool:
        try:
            found = os.lstat(self.path)
        except (OSError, ValueError):  # ValueError: a name that this system cannot have
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size >= self.length

    def rename(self, path: str, timeout: Optional[float] = None) -> None:
        """Give the file another path below ``basedir``, with ``/`` between its components, in any state.

        Resume data and ``piece_cache`` remember it.  Raises ValueError for a path that is not safe on every system or
        in the way of another file of the torrent, StorageError for another file that is there, WaitTimeout after
        ``timeout`` seconds, SessionClosed.
        """
        relocate(self._client, lambda done: self._client._torrent.move_storage.rename(self.index, path, done), timeout)

    def __repr__(self) -> str:
        return f"<File {self.path!r}, {self.length} bytes, priority {self.priority}>"


Relocated = Callable[[Optional[StorageError]], None]


def relocate(client: Client, begin: Callable[[Relocated], None], timeout: Optional[float]) -> None:
    """Have files get another place, wait for it, and raise what went wrong; what is given up is undone."""
    reply = client.session._loop.reply()

    def done(error: Optional[StorageError]) -> None:
        if error is None:
            reply.set(None)
        else:
            reply.fail(error)

    client._call(lambda engine: begin(done))
    try:
        reply.wait(timeout)
    except (KeyboardInterrupt, WaitTimeout):
        with contextlib.suppress(BitTorrentError):
            client._call(lambda engine: client._torrent.move_storage.cancel())
        raise
