"""``MetadataFile``: the metadata of a torrent in a file beside the resume data, for a start by a magnet link.

The file has the bytes of the info dictionary and nothing else, so that their hash, the infohash, says whether they are
right, whoever wrote them.
"""

from __future__ import annotations

import contextlib
from typing import Callable, Optional

from ..errors import SessionClosed, StorageError
from ..metainfo.infohash import InfoHash
from . import whole_file
from .folder import Folder, Parts
from .pool import Outcome, Pool
from .results import Done, bare


class MetadataFile:
    """The file of one torrent; every method blocks, and may be called from any thread.

    Args:
        folder: The folder.
        parts: Components of the path of the file below it.
    """

    def __init__(self, folder: Folder, parts: Parts) -> None:
        self._folder = folder
        self._parts = parts

    def load(self, infohashes: InfoHash, max_size: int) -> Optional[bytes]:
        """Return the bytes of the info dictionary; None if there are none, or wrong ones.

        Args:
            infohashes: What their hash must be.
            max_size: Most bytes taken.
        """
        with contextlib.suppress(OSError, StorageError):
            found = self._folder.stat(self._parts)
            if found is not None and found.st_size <= max_size:
                info = whole_file.read(self._folder, self._parts, found.st_size)
                if infohashes.matches(info):
                    return info
        return None

    def store(self, info: bytes) -> None:
        """Write the file, completely or not at all.

        Raises:
            StorageError: The disk failed.
        """
        try:
            whole_file.replace(self._folder, self._parts, info)
        except OSError as error:
            raise StorageError.wrap(error, self._folder.path(self._parts)) from error

    def has(self, size: int) -> bool:
        """Return whether there is a file of this size; raises :class:`OSError`."""
        found = self._folder.stat(self._parts)
        return found is not None and found.st_size == size

    def copy_to(self, other: MetadataFile) -> None:
        """Make the same file in another place, if there is one here; raises :class:`StorageError`."""
        try:
            found = self._folder.stat(self._parts)
            if found is not None:
                other.store(whole_file.read(self._folder, self._parts, found.st_size))
        except OSError as error:
            raise StorageError.wrap(error, self._folder.path(self._parts)) from error

    def remove(self) -> None:
        """Remove the file if it is there; raises :class:`StorageError`."""
        try:
            self._folder.remove(self._parts)
        except OSError as error:
            raise StorageError.wrap(error, self._folder.path(self._parts)) from error


class StoredMetadata:
    """The file of one torrent as the network thread sees it (``engine.interfaces.MetadataStore``).

    When the disk is closed, as the session ends, nothing is delivered any more.
    """

    def __init__(self, file: MetadataFile, pool: Pool) -> None:
        self._file = file
        self._pool = pool

    def recall(self, infohashes: InfoHash, max_size: int, deliver: Callable[[Optional[bytes]], None]) -> None:
        """Deliver the metadata that was stored; None if there is none that is right."""

        def answer(outcome: Outcome[Optional[bytes]]) -> None:
            deliver(outcome.value(lambda error: None))

        with contextlib.suppress(SessionClosed):
            self._pool.submit(lambda: self._file.load(infohashes, max_size), answer)

    def remember(self, info: bytes, deliver: Callable[[Done], None]) -> None:
        """Store the metadata."""

        def answer(outcome: Outcome[None]) -> None:
            outcome.value(lambda error: None)
            failure = None if outcome.error is None else bare(StorageError.wrap(outcome.error))
            deliver(Done(failure))

        with contextlib.suppress(SessionClosed):
            self._pool.submit(lambda: self._file.store(info), answer, background=True)
