"""``SmallFiles``: many small files one after the other, each examined or read in one step, and never kept open.

A hash check of 20,000 files of 100 bytes spends its time between the system calls.  So the methods go through a list of
files in one loop, as long as each is the file that was last seen, or was never seen.  ``FilePool`` decides about the
others, and reports every error.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Iterable, Iterator, Optional, Sequence, Tuple, Union

from ..errors import StorageError
from .descriptor import Descriptor
from .file import File, FileStat
from .file_errors import SYSTEM_ERRORS, require_length, storage_error
from .file_pool import FilePool
from .folder import Folder, Parts

Read = Tuple[File, int, memoryview]
"""A file, an offset in it, and the memory for the bytes from there on."""


class SmallFiles:
    """The small files of one torrent; any thread may use it, within ``Folder.keep_folders_open``."""

    def __init__(self, pool: FilePool) -> None:
        self._pool = pool

    def adopt(self, files: Sequence[File]) -> Iterator[Union[FileStat, StorageError, None]]:
        """Adopt files as ``FilePool.adopt`` does, in half the time.

        Args:
            files: Files below one folder.

        Yields:
            The state of each; None if it does not exist; or the error.
        """
        done = 0
        while done < len(files):
            begin, done = done, self._adopt_unchanged(files, done)
            yield from [file.stat for file in files[begin:done]]
            if done < len(files):
                try:
                    yield self._pool.adopt(files[done])
                except StorageError as error:
                    yield error
                done += 1

    def read(self, reads: Sequence[Read]) -> None:
        """Read from the files that have the names now.

        This is ``FilePool.refresh`` and ``FilePool.read_into`` in a quarter of the time.

        Args:
            reads: Ranges of files below one folder.

        Raises:
            StorageError: A file cannot be read, or is another one.
        """
        done = 0
        while done < len(reads):
            done = self._read_unchanged(reads, done)
            if done < len(reads):
                self._read(*reads[done])
                done += 1

    def _adopt_unchanged(self, files: Sequence[File], begin: int) -> int:
        # Return the first file that was not adopted.
        pool = self._pool
        paths = (files[index].parts for index in range(begin, len(files)))
        for found in _examined(files[begin].folder, paths):
            file = files[begin]
            if file in pool:
                break
            if file.identity is not None:
                if found is None or not file.unchanged(found):
                    break
                file.ctime = found.st_ctime
            elif found is not None:
                pool.remember(file, found)
            begin += 1
        return begin

    def _read_unchanged(self, reads: Sequence[Read], begin: int) -> int:
        # Return the first file that was not read.
        folder = reads[begin][0].folder
        if hasattr(folder.system, "preadv"):
            read, close = folder.system.preadv, folder.system.close
            paths = (reads[index][0].parts for index in range(begin, len(reads)))
            with contextlib.suppress(OSError):
                for fd, found in _opened(folder, paths):
                    file, offset, view = reads[begin]
                    try:
                        if not file.unchanged(found) or read(fd, [view], offset) < len(view):
                            break
                    finally:
                        close(fd)
                    begin += 1
        return begin

    def _read(self, file: File, offset: int, view: memoryview) -> None:
        try:
            fd, found = self._pool.open_once(file)
            descriptor = Descriptor(fd, file.folder.system, found)
            try:
                count = descriptor.read_into(offset, view)
            finally:
                descriptor.close()
        except SYSTEM_ERRORS as error:
            raise storage_error(error, file) from error
        require_length(file, offset, len(view), count)


def _examined(folder: Folder, paths: Iterable[Parts]) -> Iterator[Optional[os.stat_result]]:
    # The status of each regular file, None if no file has the name.  The first other one, or an error, ends this.
    status = folder.system.stat
    with contextlib.suppress(*SYSTEM_ERRORS, StorageError):
        for name, beside in folder.beside(paths):
            found: Optional[os.stat_result] = None
            try:
                if beside is not None:
                    found = status(name, dir_fd=beside, follow_symlinks=False)
            except FileNotFoundError:
                pass
            if found is not None and not stat.S_ISREG(found.st_mode):
                return
            yield found


def _opened(folder: Folder, paths: Iterable[Parts]) -> Iterator[Tuple[int, os.stat_result]]:
    # The descriptor of each regular file, to be closed by the caller, and its status.  The first other one, or an
    # error, ends this.
    open_file, status, close, flags = folder.system.open, folder.system.fstat, folder.system.close, folder.read_flags
    with contextlib.suppress(*SYSTEM_ERRORS, StorageError):
        for name, beside in folder.beside(paths):
            if beside is None:
                return
            fd: int = open_file(name, flags, dir_fd=beside)
            regular = False
            try:
                found: os.stat_result = status(fd)
                regular = stat.S_ISREG(found.st_mode)
            finally:
                if not regular:
                    close(fd)
            if not regular:
                return
            yield fd, found
