"""Move the files of a torrent to another folder, on any file system, while it runs.

1. Every file is made in the new place: by a hard link where that works, else as a copy that is synced before it gets
   its name.
2. The resume data is written in the new place.
3. The torrent uses the new place.
4. The files and the resume data in the old place are removed.

A folder that contains only files of the torrent is moved by one rename where that works, after step 2.  So each file is
complete in the old or the new place at every moment, and any error or kill before step 3 leaves the old place
unchanged.  A file that a killed move left in the new place is used if it is equal byte for byte; other files are never
overwritten.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import HIDDEN_FOLDER
from .allocation import ZEROS
from .content import PART_FILE, Content
from .descriptor import Descriptor, identity
from .file import File, FileStat
from .file_pool import FilePool
from .folder import Folder, Parts
from .results import Moved, bare
from .resume import Resume
from .resume_file import ResumeFile
from .resume_trust import moved
from .subtree import Subtree

CHUNK = len(ZEROS)
"""Bytes of one read of a copy; a part that is all zeros becomes a hole."""

_NO_LINK = (errno.EEXIST, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class StorageMove:
    """Files of one torrent on their way to paths below another folder.

    No other thread may use the files meanwhile.  Every method raises :class:`StorageError`.

    Args:
        files: The files, and components of their new paths.
        target: The new folder.
        pool: Opens the files.
        name: Part of the name of the file that is being copied.
        interrupted: Returns whether ``make`` is to fail; called at intervals.
        subtree: The folder that is moved by one rename, if there is one.

    Attributes:
        sources: The status of each file in the old place.
        copies: The status of each file in the new place.
    """

    def __init__(
        self,
        files: Mapping[File, Parts],
        target: Folder,
        pool: FilePool,
        *,
        name: str,
        interrupted: Callable[[], bool],
        subtree: Optional[Subtree] = None,
    ) -> None:
        self._subtree = subtree
        whole = {} if subtree is None else subtree.files
        self._files = {file: parts for file, parts in files.items() if file not in whole}
        self._old = [(file.folder, file.parts) for file in self._files]
        self._target = target
        self._pool = pool
        self._draft = (HIDDEN_FOLDER, f"{name}.moving")
        self._interrupted = interrupted
        self._made: List[Parts] = []
        self._durable: Dict[Parts, int] = {}  # for each new path, the folders on it that were there before
        self.sources: Dict[File, os.stat_result] = dict(whole)
        self.copies: Dict[File, os.stat_result] = dict(whole)

    def make(self) -> None:
        """Make every file in the new place, except those of the subtree; all of them, or none."""
        with self._target.keep_folders_open():
            self._make_all()

    def sync(self) -> None:
        """Make the names in the new place durable; the data of copies is."""
        synced: Set[Parts] = set()
        for parts, made in self._durable.items():
            with self._reported(parts):
                self._target.sync(parts, begin=made, done=synced)

    def _make_all(self) -> None:
        try:
            if self._subtree is not None or any([file.folder is not self._target for file in self._files]):
                # With a link there the torrent could not start in the new place.
                with self._reported(self._draft):
                    self._target.stat(self._draft)
            for file, parts in self._files.items():
                self._refuse_another(file, parts)
            for file, parts in self._files.items():
                with self._reported(parts):
                    self.sources[file] = self._pool.status(file)
                    self._make(file, parts)
        except BaseException:
            self.undo()
            raise

    def switch(self) -> bool:
        """Move the subtree; return False if that failed, and nothing was moved."""
        return self._subtree is None or self._subtree.move()

    def undo(self) -> None:
        """Remove the files that were made in the new place."""
        for parts in (self._draft, *self._made):
            with contextlib.suppress(OSError, StorageError):
                self._target.remove(parts)
            self._target.prune(parts)
        for parts, there in self._durable.items():
            if there < len(parts) - 1 and parts not in self._made:
                self._target.prune(parts)

    def remove_old(self) -> Optional[StorageError]:
        """Remove all files in the old place; return the first error."""
        error: Optional[StorageError] = None
        if self._subtree is not None:
            try:
                self._subtree.sync()
            except (OSError, StorageError) as failure:
                error = StorageError.wrap(failure, self._target.root)
        for folder, parts in self._old:
            try:
                folder.remove(parts)
            except (OSError, StorageError) as failure:
                error = error or StorageError.wrap(failure, folder.path(parts))
            folder.prune(parts)
        return error

    def _refuse_another(self, file: File, parts: Parts) -> None:
        # Before anything is copied; files of equal length are compared later.
        with self._reported(parts):
            there = self._target.stat(parts)
            here = None if there is None else file.folder.stat(file.parts)
        if there is None or here is None:
            return
        if identity(there) == identity(here) and there.st_nlink < 2:
            raise StorageError("is the same file by another path", self._target.path(parts), errno.EEXIST)
        if there.st_size != here.st_size:
            raise self._another(parts)

    def _another(self, parts: Parts) -> StorageError:
        return StorageError("another file is there", self._target.path(parts), errno.EEXIST)

    def _make(self, file: File, parts: Parts) -> None:
        target = self._target
        self._durable[parts] = target.create_folders(parts)
        if not self._linked(file, parts):
            with self._pool.using(file) as source:
                there = target.stat(parts)
                if there is None:
                    self._copy(source, parts)
                elif identity(there) != source.identity and not self._same(source, parts):
                    raise self._another(parts)
        found = target.stat(parts)
        made = bool(self._made) and self._made[-1] == parts
        if found is None or (made and found.st_size != self.sources[file].st_size):
            raise StorageError("was removed or replaced while in use", target.path(parts), errno.ENOENT)
        self.copies[file] = found

    def _linked(self, file: File, parts: Parts) -> bool:
        # False if there are no links, or a file is there.
        try:
            file.folder.link(file.parts, self._target, parts)
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LINK:
                raise
            return False
        self._made.append(parts)
        return True

    def _copy(self, source: Descriptor, parts: Parts) -> None:
        target = self._target
        before = source.stat()
        target.remove(self._draft)
        copy = Descriptor(target.open(self._draft, os.O_RDWR | os.O_EXCL, create=True), target.system)
        try:
            for offset, data in self._chunks(source, before.st_size):
                if data != ZEROS[: len(data)]:
                    copy.write(offset, [memoryview(data)])
            copy.truncate(before.st_size)
            after = source.stat()
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise StorageError("is being changed by another program", target.path(parts))
            if hasattr(target.system, "fchmod"):
                target.system.fchmod(copy.fd, stat.S_IMODE(before.st_mode))
            if os.utime in os.supports_fd:
                target.system.utime(copy.fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            target.system.fsync(copy.fd)
        finally:
            copy.close()
        target.replace(self._draft, parts, create=True)
        self._made.append(parts)
        target.prune(self._draft)

    def _same(self, source: Descriptor, parts: Parts) -> bool:
        # Whether a file in the new place, left by a killed move, has the same bytes.
        other = Descriptor(self._target.open(parts, os.O_RDONLY), self._target.system)
        try:
            size = source.stat().st_size
            same = other.stat().st_size == size
            return same and all(other.read(at, len(data)) == data for at, data in self._chunks(source, size))
        finally:
            other.close()

    def _chunks(self, source: Descriptor, size: int) -> Iterator[Tuple[int, bytes]]:
        for offset in range(0, size, CHUNK):
            if self._interrupted():
                raise StorageError("the move was interrupted", self._target.root, errno.EINTR)
            yield offset, source.read(offset, min(CHUNK, size - offset))

    @contextlib.contextmanager
    def _reported(self, parts: Parts) -> Iterator[None]:
        # Errors in the old place have their path already; others get the path in the new place.
        try:
            yield
        except OSError as error:
            raise StorageError.wrap(error, self._target.path(parts)) from error.with_traceback(None)


def move(
    content: Content, resume_file: ResumeFile, metainfo: Metainfo, target: Folder, *, interrupted: Callable[[], bool]
) -> Moved:
    """Move all files of a torrent to another folder, and its resume data if it is beside them.

    Args:
        content: The files.
        resume_file: The resume data.
        metainfo: The torrent.
        target: The new folder.
        interrupted: As for ``StorageMove``.

    Returns:
        The result.
    """
    source = content.folder
    if target.same(source):
        return Moved(False, None)
    found = content.existing()
    subtree = Subtree.find(list(found.values()), source, target)
    for whole in (subtree, None) if subtree is not None else (None,):
        answer = _moved(content, resume_file, metainfo, target, found, subtree=whole, interrupted=interrupted)
        if answer is not None:
            return answer
    raise AssertionError("what is not moved in one step is moved file by file")


def _moved(
    content: Content,
    resume_file: ResumeFile,
    metainfo: Metainfo,
    target: Folder,
    found: Mapping[int, File],
    *,
    subtree: Optional[Subtree],
    interrupted: Callable[[], bool],
) -> Optional[Moved]:
    # None if the subtree could not be moved, and nothing was changed.
    source = content.folder
    beside = resume_file.folder is source
    new_resume_file = resume_file.at(target) if beside else resume_file
    files = {file: file.parts for file in found.values()}
    name = metainfo.infohash.hex()
    moving = StorageMove(files, target, content.pool, name=name, interrupted=interrupted, subtree=subtree)
    moving.make()
    answer = _result(moving, found)
    try:
        moving.sync()
        resume, _ = resume_file.load(metainfo)
        if resume is not None:
            new_resume_file.store(moved(resume, answer))
        if beside:
            resume_file.copy_metadata(new_resume_file)
        switched = moving.switch()
    except BaseException:
        moving.undo()
        raise
    if not switched:
        moving.undo()
        with contextlib.suppress(StorageError):
            if beside:
                new_resume_file.remove()
            elif resume is not None:
                resume_file.store(resume)
        return None
    content.relocate(target, moving.copies)
    error = moving.remove_old()
    # The old resume data is useless without all its files.
    if beside and (error is None or subtree is not None):
        try:
            resume_file.remove()
        except StorageError as failure:
            error = error or failure
    resume_file.take_over(new_resume_file)
    return answer._replace(error=None if error is None else bare(error))


def _result(moving: StorageMove, found: Mapping[int, File]) -> Moved:
    stats = {
        index: (FileStat.of(moving.sources[file]), FileStat.of(moving.copies[file])) for index, file in found.items()
    }
    part_file = stats.pop(PART_FILE, None)
    return Moved(True, None, tuple([(index, *pair) for index, pair in stats.items()]), part_file)


def rename(
    content: Content, resume_file: ResumeFile, metainfo: Metainfo, index: int, parts: Parts, *, stored: bool
) -> Moved:
    """Change the path of one file below its folder.

    The path is durable before the old one is removed, by one sync where the journal of names takes it.

    Args:
        content: The files.
        resume_file: The resume data.
        metainfo: The torrent.
        index: The file.
        parts: Components of its new path.
        stored: Whether to store the path in the resume data, before the old path is removed.

    Returns:
        The result.
    """
    file = content.files[index]
    if file.parts == parts:
        return Moved(False, None)
    files = {file: parts} if content.pool.exists(file) else {}
    name = metainfo.infohash.hex()
    moving = StorageMove(files, content.folder, content.pool, name=name, interrupted=lambda: False)
    moving.make()
    answer = _result(moving, {index: file} if files else {})
    unchanged = all(before == after for _, before, after in answer.files)  # a link, not a copy
    resume: Optional[Resume] = None
    try:
        named = stored and unchanged and resume_file.store_name(index, parts)
        if not named:
            moving.sync()
        if stored and not named:
            resume, _ = resume_file.load(metainfo)
            if resume is None:
                # Resume data without pieces and files: existing data is hashed.
                nothing = bytes(Bitfield(metainfo.piece_count))
                resume = Resume(metainfo.infohash, nothing, (None,) * len(metainfo.files))
            after = moved(resume, answer)._replace(names=tuple(content.files.names.items()))
            resume_file.store(after, renamed=(index, parts))
    except BaseException:
        moving.undo()
        # The new path may be stored already, although its sync failed: store the previous resume data again.
        with contextlib.suppress(OSError, StorageError):
            resume = resume or (resume_file.load(metainfo)[0] if stored else None)
            if resume is not None:
                resume_file.store(resume)
        raise
    content.rename(index, parts, moving.copies.get(file))
    error = moving.remove_old()
    return answer._replace(error=None if error is None else bare(error))
