"""``UnsyncedFiles``: the files of one torrent that were written and are not yet durable.

A sync may be given little time.  What it cannot do then stays in the page cache, which outlives the process (see
``page_cache``): only the names of the files are made durable, and the next sync goes on.

Many files are made durable by one call for the whole file system (see ``flush``).  Its descriptor has to be open before
the first write, so that the call reports every error since then; after any failure each file is asked instead.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Set

from ..errors import StorageError
from ..threads.original import allocate_lock
from .deadline import Deadline
from .file import File, Gone
from .file_pool import FilePool
from .flush import MANY, Flush
from .folder import Folder, Parts
from .page_cache import PageCache
from .results import bare
from .torrent_files import TorrentFiles
from .write_back import WRITE_BACK_BYTES, write_back


class SyncResult(NamedTuple):
    """Result of ``UnsyncedFiles.sync``."""

    errors: Dict[int, StorageError]
    """The error of each file that could not be synced, by index, ascending.  A file that is gone stays unsynced."""
    late: List[int]
    """The files for which there was no time, which stay unsynced."""


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

    def add_older(self, indexes: Iterable[int]) -> None:
        """Add files that an earlier process wrote and did not sync: no flush watched that."""
        with self._lock:
            before = len(self._indexes)
            self._indexes.update(indexes)
            self._watched &= len(self._indexes) == before

    def sync(self, page_cache: Optional[PageCache], deadline: Deadline) -> SyncResult:
        """Make durable what was written to the files before they were added.

        Args:
            page_cache: What may be left there; None if all must be made durable.
            deadline: When this has to end.

        Returns:
            The result.
        """
        flush = None
        with self._lock:
            indexes, self._indexes = self._indexes, set()
            watched = self._watched and self._flush is not None
            if len(indexes) >= MANY and page_cache is not None and deadline.known:
                deadline = Deadline(0.0)  # a flush cannot be cut short
            elif len(indexes) >= MANY:
                flush = self._flush or self._pool.begin_flush(self.folder)
                # Writes are under way: the next flush has to begin before this one ends.
                self._flush = self._pool.begin_flush(self.folder) if watched and not self._closed else None
        flushed = flush if flush is not None and flush.run() else None
        watched &= flushed is not None and flushed.complete
        result = SyncResult({}, [])
        folders: Set[Parts] = set()
        for index in sorted(indexes):
            file = self._files[index]
            if file.identity is None:
                continue
            try:
                cached = page_cache is not None and flushed is None and file.identity[0] == page_cache.device
                if cached and not self._write_back(file, deadline):
                    result.late.append(index)
                    self._pool.sync_name(file, folders)
                else:
                    self._pool.sync(file, flushed, watched=watched)
            except StorageError as error:
                result.errors[index] = bare(error)
                if isinstance(error, Gone):
                    self.add([index])
        self.add(result.late)
        if flush is not None:
            self._pool.end_flush(flush)
            self._watched &= flushed is not None  # a write that is under way may have failed, too
        return result

    def _write_back(self, file: File, deadline: Deadline) -> bool:
        # Whether there is time for a sync, which has little to do afterwards.  What another program wrote gets none.
        if deadline.known and not file.written:
            return False
        size = file.stat.size if file.stat is not None else 0
        if size > WRITE_BACK_BYTES and not deadline.over:
            with self._pool.using(file) as handle:
                write_back(handle, size, deadline)
        return not deadline.over

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
