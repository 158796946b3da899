"""Moving the files of a torrent to another folder, on any file system, while it runs.

First every file is made at the new place, by a link where that works and else as a copy that is synced before it gets
its name; then the resume data of the new place is written; then the torrent goes on there; last the old names are
removed, and the old resume data after them.  A folder with nothing in it but files of the torrent is moved as it is,
if it can be, after the resume data was written, which is when the torrent goes on at the new place.
So at every moment each file is whole at the old place or at the new one,
and whatever fails or kills before the switch leaves the old place as it was.  What a killed move has left at the new
place is taken by the next one, if it is the same byte for byte; anything else there is never overwritten.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import HIDDEN_FOLDER
from .allocation import ZEROS
from .content import PART_FILE, Content
from .descriptor import Descriptor, identity
from .file import File, FileStat, Gone
from .file_pool import FilePool
from .folder import Folder, Parts
from .results import Moved, bare
from .resume import Resume
from .resume_file import ResumeFile
from .resume_trust import moved
from .subtree import Subtree

CHUNK = len(ZEROS)
"""Bytes copied at a time; those that are all zeros become a hole."""

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class StorageMove:
    """Files of one torrent on their way to names below ``target``; nobody else may use them meanwhile.

    ``name`` is for the one file that is being copied; ``interrupted`` is asked now and then, and makes ``make`` fail.
    What is in the ``subtree`` is moved with it.  Everything raises :class:`StorageError`.
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
        self.sources: Dict[File, os.stat_result] = dict(whole)
        """What each file was at the old place."""
        self.copies: Dict[File, os.stat_result] = dict(whole)
        """What it is at the new one."""

    def make(self) -> None:
        """Make every file at the new place but for those of the subtree; all of them, or none."""
        with self._target.walking():
            self._make_all()

    def _make_all(self) -> None:
        try:
            # A link there would keep the torrent from ever starting at the new place.
            with self._reported(self._draft):
                self._target.stat(self._draft)
            for file, parts in self._files.items():
                self._refuse_another(file, parts)
            for file, parts in self._files.items():
                with self._reported(parts), self._pool.using(file) as source:
                    self.sources[file] = source.stat()
                    named = file.folder.stat(file.parts)
                    if named is None or identity(named) != source.identity:
                        raise Gone("was removed or replaced while in use", file.path, errno.ESTALE)
                    self._make(file, source, parts)
        except BaseException:
            self.undo()
            raise

    def switch(self) -> bool:
        """Move the subtree; False if that cannot be done, and then nothing was."""
        return self._subtree is None or self._subtree.move()

    def undo(self) -> None:
        """Remove what was made at the new place."""
        for parts in (self._draft, *self._made):
            with contextlib.suppress(OSError, StorageError):
                self._target.remove(parts)
            self._target.prune(parts)

    def leave(self) -> Optional[StorageError]:
        """Remove the old names; returns the first failure, after which the others are removed all the same."""
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
        # Before anything is copied; files of one length are compared later.
        with self._reported(parts):
            there, here = self._target.stat(parts), file.folder.stat(file.parts)
        if there is None or here is None:
            return
        if identity(there) == identity(here) and there.st_nlink < 2:
            raise StorageError("is the same file by another path", self._target.path(parts), errno.EEXIST)
        if there.st_size != here.st_size:
            raise self._another(parts)

    def _another(self, parts: Parts) -> StorageError:
        return StorageError("another file is there", self._target.path(parts), errno.EEXIST)

    def _make(self, file: File, source: Descriptor, parts: Parts) -> None:
        target = self._target
        there = target.stat(parts)
        if there is None and not self._linked(file, parts):
            self._copy(source, parts)
        elif there is not None and identity(there) != source.identity and not self._same(source, parts):
            raise self._another(parts)
        target.sync(parts)
        found = target.stat(parts)
        if found is None or (there is None and found.st_size != self.sources[file].st_size):
            raise StorageError("was removed or replaced while in use", target.path(parts), errno.ENOENT)
        self.copies[file] = found

    def _linked(self, file: File, parts: Parts) -> bool:
        try:
            file.folder.link(file.parts, self._target, parts)
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LINKS:
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
        # What is at the new place already, left by a move that was killed, has these bytes.
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
        # Errors of the old place come with its path, the others are of the new one.
        try:
            yield
        except OSError as error:
            raise StorageError.wrap(error, self._target.path(parts)) from error.with_traceback(None)


def move(content: Content, resume_file: ResumeFile, metainfo: Metainfo, target: Folder, **options: Any) -> Moved:
    """Move all files of a torrent to another folder, and its resume data if it is beside them."""
    source = content.folder
    if target.same(source):
        return Moved(False, None)
    found = content.existing()
    subtree = Subtree.find(list(found.values()), source, target)
    for whole in (subtree, None) if subtree is not None else (None,):
        answer = _moved(content, resume_file, metainfo, target, found, subtree=whole, **options)
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
    **options: Any,
) -> Optional[Moved]:
    # None if the subtree could not be moved: nothing was.
    source = content.folder
    beside = resume_file.folder is source
    new_resume_file = resume_file.at(target) if beside else resume_file
    files = {file: file.parts for file in found.values()}
    moving = StorageMove(files, target, content.pool, name=metainfo.infohash.hex(), subtree=subtree, **options)
    moving.make()
    stats = {
        index: (FileStat.of(moving.sources[file]), FileStat.of(moving.copies[file])) for index, file in found.items()
    }
    part_file = stats.pop(PART_FILE, None)
    answer = Moved(True, None, tuple([(index, *pair) for index, pair in stats.items()]), part_file)
    try:
        resume, _ = resume_file.load(metainfo)
        if resume is not None:
            new_resume_file.store(moved(resume, answer))
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
    error = moving.leave()
    # What is still at the old place is nothing that the old resume data could be of use for without its files.
    if beside and (error is None or subtree is not None):
        try:
            resume_file.remove()
        except StorageError as failure:
            error = error or failure
    resume_file.folder = new_resume_file.folder
    return answer._replace(error=None if error is None else bare(error))


def rename(
    content: Content, resume_file: ResumeFile, metainfo: Metainfo, index: int, parts: Parts, *, stored: bool
) -> Moved:
    """Give one file another name below the same folder; resume data says so before the old name goes, if ``stored``."""
    file = content.files[index]
    if file.parts == parts:
        return Moved(False, None)
    files = {file: parts} if content.pool.exists(file) else {}
    name = metainfo.infohash.hex()
    moving = StorageMove(files, content.folder, content.pool, name=name, interrupted=lambda: False)
    moving.make()
    stats = [(index, FileStat.of(moving.sources[file]), FileStat.of(moving.copies[file])) for file in files]
    answer = Moved(True, None, tuple(stats))
    resume: Optional[Resume] = None
    try:
        resume, _ = resume_file.load(metainfo)
        if stored and resume is None:
            # Nothing is claimed of any file, so that what is there is hashed.
            nothing = bytes(Bitfield(metainfo.piece_count))
            resume = Resume(metainfo.infohash, nothing, (None,) * len(metainfo.files))
        if stored and resume is not None:
            names = {**content.files.names, index: parts}
            resume_file.store(moved(resume, answer)._replace(names=tuple(names.items())))
    except BaseException:
        moving.undo()
        # New resume data may have its name already, and only its folder was not synced: that names what is there now.
        with contextlib.suppress(OSError, StorageError):
            if stored and resume is not None:
                resume_file.store(resume)
        raise
    content.rename(index, parts, moving.copies.get(file))
    error = moving.leave()
    return answer._replace(error=None if error is None else bare(error))
