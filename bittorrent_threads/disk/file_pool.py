"""``FilePool``: the files of all torrents, a few of them open.

A file that was seen once is the only file that is used under its name.  When it is removed, or another file gets its
name, every use of it fails (``Gone``): a new empty file must not appear in an empty mount point.  When another program
truncates or changes it, ``File.changes`` is counted, and the pieces in it have to be hashed again; only a change during
one of our own writes goes unnoticed.  :meth:`FilePool.adopt` alone accepts any file that has the name now.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Callable, Iterator, List, Optional, Sequence, Set, Tuple

from ..errors import StorageError
from ..threads.original import allocate_lock
from .allocation import allocate
from .descriptor import MAX_WRITE_BYTES, WRITE_BYTES, Descriptor, identity
from .file import File, FileStat, Gone, Missing
from .file_errors import SYSTEM_ERRORS, require_length, storage_error, storage_errors
from .flush import Flush
from .folder import Folder, Parts
from .handles import Handle, Handles

MAX_CHANGES = 3
"""Changes after which the modification time of a file that we write to is ignored.

Some file systems update it late (NTFS when a file is closed, NFS when data reaches the server), and each change causes
hashing.
"""


class FilePool:
    """Reads and writes files, and keeps at most ``limit`` of them open; safe to use from any thread.

    One lock guards the fields of every ``File``; it is never held during a system call.  Every method raises
    :class:`StorageError` with path and errno for any error of the disk, and nothing else.

    Args:
        limit: Files that are kept open.
        crowded: Returns whether each system call has to wait for the GIL afterwards, because another thread computes.
    """

    def __init__(self, limit: int, *, crowded: Callable[[], bool] = lambda: False) -> None:
        self._crowded = crowded
        self._lock = allocate_lock()
        self._handles = Handles(limit)
        self._flushes: List[Flush] = []

    def __len__(self) -> int:
        return len(self._handles)

    def __contains__(self, file: File) -> bool:
        return file in self._handles

    def adopt(self, file: File) -> Optional[FileStat]:
        """Accept the file that has the name now; a change since it was last seen is counted.

        Returns:
            Its size, time and inode; None if it does not exist.
        """
        found = None
        with file.stat_lock:
            try:
                found = self._stat(file)
            finally:
                with self._lock:
                    # The file was removed, replaced or changed: a piece in it must be hashed again before it is served.
                    changed = file.differs(found)
                    file.changes += changed
                    if found is None:
                        file.identity = file.stat = None
                    else:
                        file.remember(found)
                self._handles.drop(file, unless=file.identity)
                if changed:
                    file.on_changed()
        return file.stat

    def remember(self, file: File, found: os.stat_result) -> None:
        """Note the status of a file that was never seen."""
        with file.stat_lock, self._lock:
            if file.identity is None:
                file.remember(found)

    def refresh(self, file: File) -> Optional[int]:
        """Let the next use open the file that has the name now, and count a change; raises nothing.

        Returns:
            The size in bytes.  None if the file cannot be checked, or is another one: the next use raises the reason.
        """
        found = None
        seen = False
        with file.stat_lock:
            with contextlib.suppress(StorageError):  # the next use fails in the same way and reports it
                found = self._stat(file)
                seen = True
            self._handles.drop(file, unless=None if found is None else identity(found))
            if found is None:
                return 0 if seen and not file.seen else None
            if identity(found) == file.identity:
                self._compare(file, found)
            return found.st_size if file.identity in (None, identity(found)) else None

    def create(self, file: File) -> None:
        """Create the file, empty, and the folders above it, unless it exists."""
        if file.seen:
            self._require_same(file)
            return
        # Most files do not exist; one that exists and is read-only is opened for reading below.
        with contextlib.suppress(StorageError), _Use(self, file, writable=True, once=True) as handle:
            self._verify(file, handle)
            return
        try:
            with _Use(self, file, once=True) as handle:
                self._verify(file, handle)
        except Missing:
            with _Use(self, file, writable=True, once=True) as handle:
                self._verify(file, handle)

    def read(self, file: File, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``offset``."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            data = handle.read(offset, length)
        require_length(file, offset, length, len(data))
        return data

    def read_into(self, file: File, offset: int, view: memoryview) -> None:
        """Fill ``view`` with the bytes from ``offset``."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            count = handle.read_into(offset, view)
        require_length(file, offset, len(view), count)

    def scan(self, file: File, offset: int, length: int, view: memoryview) -> Iterator[memoryview]:
        """Read a range of the file in parts.

        Args:
            file: The file.
            offset: Where the range begins.
            length: Its bytes.
            view: Memory that each part is read into.

        Yields:
            Each part, valid until the next one is requested.
        """
        with _Use(self, file) as handle:
            self._verify(file, handle)
            for begin in range(offset, offset + length, len(view)):
                part = view[: offset + length - begin]
                require_length(file, begin, len(part), handle.read_into(begin, part))
                yield part

    def write(self, file: File, offset: int, buffers: Sequence[memoryview], *, once: bool = False) -> None:
        """Write buffers one after the other, without copying them.

        Args:
            file: The file.
            offset: Where the first buffer goes.
            buffers: The buffers.
            once: Whether the file is not used again soon, and need not be kept open.
        """
        with self._changing(file, once=once) as handle:
            handle.write(offset, buffers, MAX_WRITE_BYTES if self._crowded() else WRITE_BYTES)

    def truncate(self, file: File, size: int) -> None:
        """Truncate one of our own files to ``size`` bytes."""
        with self._changing(file) as handle:
            handle.truncate(size)

    @contextlib.contextmanager
    def using(self, file: File) -> Iterator[Descriptor]:
        """Open the file for reading during the context."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            yield handle

    def relocate(self, file: File, folder: Folder, parts: Parts, found: Optional[os.stat_result]) -> None:
        """Change the path of a file after it was moved.

        Args:
            file: The file; no thread may use it meanwhile.
            folder: Its folder now.
            parts: Components of its path below that.
            found: Its status there; None if it does not exist.
        """
        self._handles.drop(file)
        with self._lock:
            file.folder, file.parts = folder, parts
            if found is not None and file.seen:
                file.remember(found)

    def allocate(self, file: File, length: int) -> None:
        """Reserve disk space for ``length`` bytes; no thread may write to the file meanwhile."""
        with self._changing(file) as handle:
            allocate(handle, length, system=file.folder.system)

    def remove(self, file: File) -> None:
        """Remove one of our own files."""
        with storage_errors(file):
            file.folder.remove(file.parts)
        self.adopt(file)

    def exists(self, file: File) -> bool:
        """Return whether the file existed when it was last seen, or exists now."""
        return file.seen or self._stat(file) is not None

    def status(self, file: File) -> os.stat_result:
        """Return the status of a file that must be the one that was seen before; a change is counted."""
        found = None if file.seen else self._stat(file)
        if found is None:
            return self._require_same(file)
        self.remember(file, found)
        return found

    def named(self, file: File) -> bool:
        """Return whether any file has the name now."""
        return self._stat(file) is not None

    def open_once(self, file: File) -> Tuple[int, os.stat_result]:
        """Open the file that has the name now, for reading; the caller closes the descriptor.

        Returns:
            The descriptor, and the status of the file; a change since it was last seen is counted.
        """
        fd, found = self._open(file, writable=False)[0]
        try:
            if file.identity is None:
                self.remember(file, found)
            elif not file.unchanged(found):
                self._verify(file, Handle(fd, found, file.folder.system, writable=False))
        except BaseException:
            file.folder.system.close(fd)
            raise
        return fd, found

    def begin_flush(self, folder: Folder) -> Optional[Flush]:
        """Begin a flush of the file system of a folder, to be ended by ``end_flush``; None if it has none."""
        flush = Flush.begin(folder)
        if flush is not None:
            with self._lock:
                self._flushes.append(flush)
        return flush

    def end_flush(self, flush: Flush) -> None:
        """End a flush."""
        with self._lock:
            self._flushes = [other for other in self._flushes if other is not flush]
        flush.close()

    def sync(self, file: File, flush: Optional[Flush] = None, *, watched: bool = False) -> FileStat:
        """Make the data and the directory entry of a file durable, and check that the file still has its name.

        Args:
            file: The file.
            flush: A flush that has written the file system, if there was one.
            watched: Whether the flush began before the file was written, so that it would have reported every error.

        Returns:
            Size, time and inode of the file.
        """
        if flush is not None and watched and file.identity is not None and flush.device == file.identity[0]:
            with self._lock:
                file.fresh = False
            return FileStat.of(self._require_same(file))
        # A file that we never wrote to may be on a read-only disk.
        with _Use(self, file, writable=file.written, once=flush is not None) as handle:
            self._verify(file, handle)
            with self._lock:
                fresh, file.fresh = file.fresh, False
            try:
                flushed = flush is not None and flush.device == handle.identity[0] and flush.check(handle.fd)
                if not flushed:
                    handle.sync()
                if fresh and not flushed:
                    file.folder.sync(file.parts)
            except OSError:
                with self._lock:
                    file.fresh |= fresh
                raise
            if not self._named(file, handle):
                raise Gone("was removed or replaced while in use", file.path, errno.ENOENT)
            with file.stat_lock:
                found = handle.stat()
                self._compare(file, found)
                with self._lock:
                    return file.remember(found)

    def sync_name(self, file: File, folders: Set[Parts]) -> None:
        """Make the directory entry of a file durable if we made it; ``folders`` is as ``done`` of ``Folder.sync``."""
        if file.fresh:
            with storage_errors(file):
                file.folder.sync(file.parts, done=folders)
            with self._lock:
                file.fresh = False

    def relieve(self) -> bool:
        """Close one unused file, for ``Folder``; return whether there was one."""
        return self._handles.relieve()

    def close(self, folder: Optional[Folder] = None) -> None:
        """Close the files below a folder, or all; a file in use is closed by the thread that uses it."""
        self._handles.close(folder)
        if folder is None:
            with self._lock:
                flushes, self._flushes = self._flushes, []
            for flush in flushes:
                flush.close()

    # -- one file open -----------------------------------------------------------------------------------------------

    def _verify(self, file: File, handle: Handle) -> None:
        # A writer has compared the file just before.  If nothing differs, a read does not wait for the lock, so that
        # two workers can read one file at once.
        if not file.writers:
            found, known = handle.opened or handle.stat(), file.stat
            handle.opened = None
            if not (known is not None and known.still(found) and found.st_nlink and handle.identity == file.identity):
                with file.stat_lock:
                    self._check(file, handle)

    @contextlib.contextmanager
    def _changing(self, file: File, *, once: bool = False) -> Iterator[Handle]:
        # Several threads may write at once: beside a main thread that computes, 206 MB/s instead of 140.
        with _Use(self, file, writable=True, once=once) as handle:
            with file.stat_lock:
                self._check(file, handle)
                file.written = True
                file.writers += 1
            try:
                yield handle
            finally:
                with file.stat_lock:
                    file.writers -= 1
                    if not file.writers:
                        found = handle.stat()
                        with self._lock:
                            file.remember(found)

    def _check(self, file: File, handle: Handle) -> None:
        # Check that the open file is the one that was seen before, and count a change.
        found = handle.stat()
        if handle.identity != file.identity:
            raise Gone("is another file than before", file.path, errno.ESTALE)
        # Some file systems do not count links: 0 is a reason to check the name.
        if not found.st_nlink and not self._named(file, handle):
            raise Gone("was removed or replaced while in use", file.path, errno.ENOENT)
        self._compare(file, found)

    def _require_same(self, file: File) -> os.stat_result:
        # Check that the file which was seen before has its name, and count a change.
        with file.stat_lock:
            found = self._stat(file)
            if found is None:
                raise Gone("was there and is gone", file.path, errno.ENOENT)
            if identity(found) != file.identity:
                raise Gone("is another file than before", file.path, errno.ESTALE)
            self._compare(file, found)
            with self._lock:
                file.remember(found)
        return found

    def _compare(self, file: File, found: os.stat_result) -> None:
        # The caller holds ``stat_lock``: count a change by another program.
        known = file.stat
        if known is None or known.still(found):
            return
        # Late times and our own writes never make a file shorter.
        trusting = file.writers or (file.written and file.changes >= MAX_CHANGES)
        if trusting and found.st_size >= known.size:
            return
        with self._lock:
            file.changes += 1
            file.remember(found)
        file.on_changed()

    def _take(self, file: File, *, writable: bool, once: bool) -> Handle:
        handle = self._handles.take(file, writable=writable)
        if handle is None:
            (fd, found), created = self._open(file, writable=writable)
            handle = Handle(fd, found, file.folder.system, writable=writable)
            with self._lock:
                if file.identity is None:
                    file.remember(found)
                file.fresh |= created
            if once:
                handle.opened = found
            else:
                self._handles.keep(file, handle)
        return handle

    def _open(self, file: File, *, writable: bool) -> Tuple[Tuple[int, os.stat_result], bool]:
        # A descriptor, the status of the file, and whether it was created.
        flags = os.O_RDWR if writable else os.O_RDONLY
        seen = file.seen  # before another worker creates it
        if writable and not seen:
            with contextlib.suppress(FileExistsError):
                return file.folder.opened(file.parts, flags | os.O_EXCL, create=True), True
        try:
            return file.folder.opened(file.parts, flags), False
        except FileNotFoundError:
            if seen:
                raise Gone("was there and is gone", file.path, errno.ENOENT) from None
            if not writable:
                raise Missing(os.strerror(errno.ENOENT), file.path, errno.ENOENT) from None
        return file.folder.opened(file.parts, flags, create=True), True

    def _named(self, file: File, handle: Handle) -> bool:
        # Whether the open file has the name.
        found = self._stat(file)
        return found is not None and identity(found) == handle.identity

    def _stat(self, file: File) -> Optional[os.stat_result]:
        try:
            return file.folder.stat(file.parts)
        except SYSTEM_ERRORS as error:
            raise storage_error(error, file) from error


class _Use:
    # An open file during its use; errors become StorageErrors.  A class: a generator costs more at each read.
    __slots__ = ("_file", "_handle", "_once", "_pool", "_writable")

    def __init__(self, pool: FilePool, file: File, *, writable: bool = False, once: bool = False) -> None:
        self._once = once
        self._pool = pool
        self._file = file
        self._writable = writable

    def __enter__(self) -> Handle:
        try:
            self._handle = self._pool._take(self._file, writable=self._writable, once=self._once)
        except SYSTEM_ERRORS as error:
            raise storage_error(error, self._file) from error
        return self._handle

    def __exit__(self, kind: object, error: Optional[BaseException], traceback: object) -> None:
        self._pool._handles.leave(self._handle)
        if isinstance(error, SYSTEM_ERRORS):
            raise storage_error(error, self._file)
