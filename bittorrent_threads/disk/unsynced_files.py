"""``UnsyncedFiles``: the files of one torrent that were written and are not yet durable.

Many files are made durable by one call for the whole file system (see ``flush``).  Its descriptor has to be open before
the first write, so that the call reports every error since then; after any failure each file is asked instead.
"""

from __future__ import annotations

from typing import Dict, Iterable, Optional, Set

from ..errors import StorageError
from ..threads.original import allocate_lock
from .file import Gone
from .file_pool import FilePool
from .flush import MANY, Flush
from .folder import Folder
from .results import bare
from .torrent_files import TorrentFiles


class UnsyncedFiles:
    """The unsynced files below ``folder``; any thread may use it, and one at a time may ``sync`` or ``close``."""

    def __init__(self, files: TorrentFiles, folder: Folder, pool: FilePool) -> None:
        self.folder = folder
        self._files = files
        self._pool = pool
        self._lock = allocate_lock()  # guards what follows
        self._indexes: Set[int] = set()
        self._flush: Optional[Flush] = None
        self._watched = len(files) >= MANY  # whether the flush began before the first write of an unsynced file
        self._closed = False  # nothing was written since ``close``

    def begin(self) -> None:
        """Prepare for a write; to be called before each."""
        self._closed = False
        if self._watched and self._flush is None:
            with self._lock:
                self._flush = self._flush or self._pool.begin_flush(self.folder)
                self._watched = self._flush is not None

    def add(self, indexes: Iterable[int]) -> None:
        """Add files that were written, by index."""
        with self._lock:
            self._indexes.update(indexes)

    def sync(self) -> Dict[int, StorageError]:
        """Make durable what was written to the files before they were added.

        Returns:
            The error of each file that could not be synced, by index, ascending.  A file that is gone stays unsynced.
        """
        flush = None
        with self._lock:
            indexes, self._indexes = self._indexes, set()
            watched = self._watched and self._flush is not None
            if len(indexes) >= MANY:
                flush = self._flush or self._pool.begin_flush(self.folder)
                # Writes are under way: the next flush has to begin before this one ends.
                self._flush = self._pool.begin_flush(self.folder) if watched and not self._closed else None
        flushed = flush if flush is not None and flush.run() else None
        watched &= flushed is not None and flushed.complete
        errors: Dict[int, StorageError] = {}
        for index in sorted(indexes):
            if self._files[index].seen:
                try:
                    self._pool.sync(self._files[index], flushed, watched=watched)
                except StorageError as error:
                    errors[index] = bare(error)
                    if isinstance(error, Gone):
                        self.add([index])
        if flush is not None:
            self._pool.end_flush(flush)
            self._watched &= flushed is not None  # a write that is under way may have failed, too
        return errors

    def close(self) -> None:
        """Let go of the file system, at the next ``sync`` if files are unsynced."""
        with self._lock:
            self._closed = True
            flush = None
            if not self._indexes:
                flush, self._flush = self._flush, None
                self._watched = len(self._files) >= MANY
        if flush is not None:
            self._pool.end_flush(flush)
