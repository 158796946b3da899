"""``FilePool``: the open files of all torrents, few at a time.

A file that was met is the file to go on with.  When it is gone, or another one has its name, every use of it is an
error (``Gone``): never a fresh empty file in an empty mount point.  When another program cut or changed it, that is
counted (``File.changes``), and whoever relies on its bytes has to hash them again; only a change in the very moment
of a write of ours goes unseen.  Only :meth:`FilePool.adopt` takes whatever is there now.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from ..errors import StorageError
from ..threads.original import allocate_lock
from .allocation import allocate
from .descriptor import MAX_WRITE_BYTES, WRITE_BYTES, Descriptor, identity
from .file import File, FileStat, Gone, Missing
from .flush import Flush
from .folder import Folder, Parts
from .handles import Handle, Handles

_FAULTS = (OSError, ValueError)  # ValueError: names with NUL or a lone surrogate

MAX_CHANGES = 3
"""Changes after which the times of a file that we write are not believed any more.

Some systems set them when they like (NTFS when a file is closed, NFS when data reaches the server), and each change
costs hashing.
"""


class FilePool:
    """At most ``limit`` open files, the one unused longest closed first; safe to use from any thread.

    ``crowded`` tells that each system call costs a wait for the GIL.  One lock guards the fields of every ``File``; it
    is never held during a system call.
    Everything raises :class:`StorageError` with path and errno, and nothing else for what a disk can do.
    """

    def __init__(self, limit: int, *, crowded: Callable[[], bool] = lambda: False) -> None:
        self._crowded = crowded
        self._lock = allocate_lock()
        self._handles = Handles(limit)
        self._flushes: List[Flush] = []

    def __len__(self) -> int:
        return len(self._handles)

    def adopt(self, file: File) -> Optional[FileStat]:
        """Take the file as it is now; returns what it is, None if it is not there."""
        found = None
        with file.looking:
            try:
                found = self._look(file)
            finally:
                with self._lock:
                    # Another file is there now, or none, or this one was changed: what was right in it may be no more,
                    # and a piece that is not hashed again must not be served from what is there now.
                    changed = _differs(file, found)
                    file.changes += changed
                    if found is None:
                        file.identity = file.stat = None
                    else:
                        _remember(file, found)
                self._handles.drop(file, unless=file.identity)
                if changed:
                    file.on_changed()
        return file.stat

    def refresh(self, file: File) -> Optional[int]:
        """See to it that the next use opens the file that has the name now, and knows of changes; raises nothing.

        Returns how many bytes it has, None where only a use can tell: it cannot be looked at, or is not what was met.
        """
        found = None
        seen = False
        with file.looking:
            with contextlib.suppress(StorageError):  # the next use meets the same and tells it
                found = self._look(file)
                seen = True
            self._handles.drop(file, unless=None if found is None else identity(found))
            if found is None:
                return 0 if seen and not file.met else None
            if identity(found) == file.identity:
                self._compare(file, found)
            return found.st_size if file.identity in (None, identity(found)) else None

    def create(self, file: File) -> None:
        """Make the file, empty, and the folders above it, unless it is there (it may be on a disk to read only)."""
        if file.met:
            self._see(file)
            return
        # Most are not there; for one that is, and cannot be written to, there is the other way.
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
        """Exactly ``length`` bytes."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            data = handle.read(offset, length)
        _require(file, offset, length, len(data))
        return data

    def read_into(self, file: File, offset: int, view: memoryview) -> None:
        """Fill ``view``."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            count = handle.read_into(offset, view)
        _require(file, offset, len(view), count)

    def fetch(self, file: File, offset: int, view: memoryview) -> None:
        """Fill ``view`` from the file that has the name now, for a hash to judge; it is not kept open.

        ``refresh`` and ``read_into`` by as few calls as there can be: half the price for each of many small files.
        """
        if file in self._handles:
            self.refresh(file)
        with _Use(self, file, once=True) as handle:
            self._verify(file, handle)
            count = handle.read_into(offset, view)
        _require(file, offset, len(view), count)

    def scan(self, file: File, offset: int, length: int, view: memoryview) -> Iterator[memoryview]:
        """``length`` bytes in parts that ``view`` takes; each is good until the next is asked for."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            for begin in range(offset, offset + length, len(view)):
                part = view[: offset + length - begin]
                _require(file, begin, len(part), handle.read_into(begin, part))
                yield part

    def write(self, file: File, offset: int, buffers: Sequence[memoryview], *, once: bool = False) -> None:
        """Write all the buffers, one behind the other; they are not copied.

        After that the file is not kept open if this was all, at ``once``.
        """
        with self._changing(file, once=once) as handle:
            handle.write(offset, buffers, MAX_WRITE_BYTES if self._crowded() else WRITE_BYTES)

    def truncate(self, file: File, size: int) -> None:
        """Cut the file to ``size`` bytes; for files of our own only."""
        with self._changing(file) as handle:
            handle.truncate(size)

    @contextlib.contextmanager
    def using(self, file: File) -> Iterator[Descriptor]:
        """The file, open to be read, as long as the context lasts."""
        with _Use(self, file) as handle:
            self._verify(file, handle)
            yield handle

    def relocate(self, file: File, folder: Folder, parts: Parts, found: Optional[os.stat_result]) -> None:
        """The file is at another place now; ``found`` is what it is there, None for one that is not there."""
        self._handles.drop(file)
        with self._lock:
            file.folder, file.parts = folder, parts
            if found is not None and file.met:
                _remember(file, found)

    def allocate(self, file: File, length: int) -> None:
        """Have the disk keep room for ``length`` bytes; nobody else may write to the file meanwhile."""
        with self._changing(file) as handle:
            allocate(handle, length, system=file.folder.system)

    def remove(self, file: File) -> None:
        """Remove the file; for files of our own only."""
        with _reported(file):
            file.folder.remove(file.parts)
        self.adopt(file)

    def exists(self, file: File) -> bool:
        """Whether the file is there, as far as we know or can see."""
        return file.met or self._look(file) is not None

    def named(self, file: File) -> bool:
        """Whether a file has the name now."""
        return self._look(file) is not None

    def begin_flush(self, folder: Folder) -> Optional[Flush]:
        """Watch the file system of a folder for what it cannot write, until ``end_flush``."""
        flush = Flush.begin(folder)
        if flush is not None:
            with self._lock:
                self._flushes.append(flush)
        return flush

    def end_flush(self, flush: Flush) -> None:
        """Watch no longer."""
        with self._lock:
            self._flushes = [other for other in self._flushes if other is not flush]
        flush.close()

    def sync(self, file: File, flush: Optional[Flush] = None, *, watched: bool = False) -> FileStat:
        """Make the file and its name durable, and see that it still is the file that was written.

        After a ``flush``, which has written both already, it remains to be seen that this file was; if the flush has
        ``watched`` since before the first write, that is known.
        """
        if flush is not None and watched and file.identity is not None and flush.device == file.identity[0]:
            with self._lock:
                file.fresh = False
            return self._see(file)
        # What somebody else wrote may be on a disk to read only.
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
            with file.looking:
                found = handle.stat()
                self._compare(file, found)
                with self._lock:
                    return _remember(file, found)

    def relieve(self) -> bool:
        """Give a descriptor back to the system; False if there is none to give.  For ``Folder``."""
        return self._handles.relieve()

    def close(self, folder: Optional[Folder] = None) -> None:
        """Close what is open below a folder, or all; a handle in use is closed by the thread that uses it."""
        self._handles.close(folder)
        if folder is None:
            with self._lock:
                flushes, self._flushes = self._flushes, []
            for flush in flushes:
                flush.close()

    # -- one file open -----------------------------------------------------------------------------------------------

    def _verify(self, file: File, handle: Handle) -> None:
        # Who is writing has looked just before.  Nor need a read wait for the lock, where two workers that read one
        # file would meet, if nothing is different.
        if not file.writers:
            found, known = handle.opened or handle.stat(), file.stat
            handle.opened = None
            if not (known is not None and known.still(found) and found.st_nlink and handle.identity == file.identity):
                with file.looking:
                    self._check(file, handle)

    @contextlib.contextmanager
    def _changing(self, file: File, *, once: bool = False) -> Iterator[Handle]:
        # Writes overlap: beside a main thread that computes, one at a time reached 140 MB/s, and so it was 206.
        with _Use(self, file, writable=True, once=once) as handle:
            with file.looking:
                self._check(file, handle)
                file.written = True
                file.writers += 1
            try:
                yield handle
            finally:
                with file.looking:
                    file.writers -= 1
                    if not file.writers:
                        found = handle.stat()
                        with self._lock:
                            _remember(file, found)

    def _check(self, file: File, handle: Handle) -> None:
        # That the open file is the one that was met; whether another program changed it.
        found = handle.stat()
        if handle.identity != file.identity:
            raise Gone("is another file than before", file.path, errno.ESTALE)
        # Some file systems count no links, so that 0 is only a reason to look.
        if not found.st_nlink and not self._named(file, handle):
            raise Gone("was removed or replaced while in use", file.path, errno.ENOENT)
        self._compare(file, found)

    def _see(self, file: File) -> FileStat:
        # That the file which was met has its name; whether another program changed it.
        with file.looking:
            found = self._look(file)
            if found is None:
                raise Gone("was there and is gone", file.path, errno.ENOENT)
            if identity(found) != file.identity:
                raise Gone("is another file than before", file.path, errno.ESTALE)
            self._compare(file, found)
            with self._lock:
                return _remember(file, found)

    def _compare(self, file: File, found: os.stat_result) -> None:
        # While we hold ``looking``: count a change by another program.
        known = file.stat
        if known is None or known.still(found):
            return
        # Neither what the system does with the times of a file nor a write of ours makes it shorter.
        trusting = file.writers or (file.written and file.changes >= MAX_CHANGES)
        if trusting and found.st_size >= known.size:
            return
        with self._lock:
            file.changes += 1
            _remember(file, found)
        file.on_changed()

    def _take(self, file: File, *, writable: bool, once: bool) -> Handle:
        handle = self._handles.take(file, writable=writable)
        if handle is None:
            (fd, found), created = self._open(file, writable=writable)
            handle = Handle(fd, found, file.folder.system, writable=writable)
            with self._lock:
                if file.identity is None:
                    _remember(file, found)
                file.fresh |= created
            if once:
                handle.opened = found
            else:
                self._handles.keep(file, handle)
        return handle

    def _open(self, file: File, *, writable: bool) -> Tuple[Tuple[int, os.stat_result], bool]:
        # A descriptor, what the system knows of the file, and whether it is a new one.
        flags = os.O_RDWR if writable else os.O_RDONLY
        met = file.met  # before another worker makes it
        if writable and not met:
            with contextlib.suppress(FileExistsError):
                return file.folder.opened(file.parts, flags | os.O_EXCL, create=True), True
        try:
            return file.folder.opened(file.parts, flags), False
        except FileNotFoundError:
            if met:
                raise Gone("was there and is gone", file.path, errno.ENOENT) from None
            if not writable:
                raise Missing(os.strerror(errno.ENOENT), file.path, errno.ENOENT) from None
        return file.folder.opened(file.parts, flags, create=True), True

    def _named(self, file: File, handle: Handle) -> bool:
        # Whether the open file is the one that has the name.
        found = self._look(file)
        return found is not None and identity(found) == handle.identity

    def _look(self, file: File) -> Optional[os.stat_result]:
        try:
            return file.folder.stat(file.parts)
        except _FAULTS as error:
            raise _told(error, file) from error


class _Use:
    # An open file in use; what goes wrong meanwhile is a StorageError.  A class, as every read pays for it.
    __slots__ = ("_file", "_handle", "_once", "_pool", "_writable")

    def __init__(self, pool: FilePool, file: File, *, writable: bool = False, once: bool = False) -> None:
        self._once = once
        self._pool = pool
        self._file = file
        self._writable = writable

    def __enter__(self) -> Handle:
        try:
            self._handle = self._pool._take(self._file, writable=self._writable, once=self._once)
        except _FAULTS as error:
            raise _told(error, self._file) from error
        return self._handle

    def __exit__(self, kind: object, error: Optional[BaseException], traceback: object) -> None:
        self._pool._handles.leave(self._handle)
        if isinstance(error, _FAULTS):
            raise _told(error, self._file)


def _remember(file: File, found: os.stat_result) -> FileStat:
    file.identity = identity(found)
    file.ctime = found.st_ctime
    file.stat = FileStat.of(found)
    return file.stat


def _differs(file: File, found: Optional[os.stat_result]) -> bool:
    # Of a file that we write the times tell nothing, but it does not shrink.
    known = file.stat
    if known is None or file.identity is None:
        return False
    if found is None or identity(found) != file.identity or found.st_size < known.size:
        return True
    return not file.written and not known.still(found)


def _require(file: File, offset: int, length: int, count: int) -> None:
    if count < length:
        reason = f"ends at byte {offset + count}, {length} bytes from {offset} on were wanted"
        # The system gives no number for this; who was told that the bytes are there knows of another file.
        raise Missing(reason, file.path, errno.ESTALE)


@contextlib.contextmanager
def _reported(file: File) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise _told(error, file) from error


def _told(error: BaseException, file: File) -> StorageError:
    return StorageError.wrap(error.with_traceback(None), file.path)
