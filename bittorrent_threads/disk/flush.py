"""``Flush``: the data of many files made durable by one call, where the system has one (Linux: ``syncfs``).

To sync 20,000 files one by one takes a minute on a disk, as each waits for it; ``syncfs`` waits once, for all that the
file system has.  From Linux 5.8 on it reports everything that could not be written since its descriptor was opened: so
that is opened before the first write.  Older kernels do not tell; there each file is asked afterwards, which waits for
nothing then and reports what ``fdatasync`` would.  Only file systems are trusted of which it is known that both calls
do that; on others, and whenever either fails, each file is synced.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable, NamedTuple, Optional

from .folder import Folder

MANY = 256
"""Files from which on ``syncfs`` is called: fewer take a second at most, and what others write is not waited for."""

KINDS = ("ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs")
_MOUNTS = "/proc/self/mountinfo"
_WAIT_BEFORE = 1  # SYNC_FILE_RANGE_WAIT_BEFORE: wait for what is being written, and report what could not be
_REPORTING = (5, 8)  # the version of Linux from which on syncfs reports errors


class Flush:
    """A file system, open so that it will report what could not be written from now on; made by :meth:`begin`."""

    def __init__(self, folder: Folder, fd: int, device: int, calls: Calls) -> None:
        self.folder = folder
        self.device = device
        """The number of the file system."""
        self._fd = fd
        self._calls = calls

    @classmethod
    def begin(cls, folder: Folder) -> Optional[Flush]:
        """For the file system that a folder is on; None if that cannot be flushed, or not be trusted."""
        calls = _calls()
        if calls is None:
            return None
        try:
            fd = int(folder.system.open(folder.root, os.O_RDONLY | os.O_DIRECTORY))
        except OSError:
            return None
        try:
            device = int(folder.system.fstat(fd).st_dev)
            if _kind(device) in KINDS:
                return cls(folder, fd, device, calls)
        except OSError:
            pass
        folder.system.close(fd)
        return None

    @property
    def complete(self) -> bool:
        """Whether nothing more has to be asked of a file that was written after this began, once ``run`` is True."""
        return self._calls.reporting

    def run(self) -> bool:
        """Have the file system write all that it has; False if that fails, or anything could not be written."""
        return self._fd >= 0 and self._calls.syncfs(self._fd) == 0

    def check(self, fd: int) -> bool:
        """Whether all that the file of a descriptor had was written."""
        return self._calls.written(fd)

    def close(self) -> None:
        """Let go of the file system; harmless if that was done before."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self.folder.system.close(fd)


class Calls(NamedTuple):
    """What the C library has of it."""

    syncfs: Callable[[int], int]
    written: Callable[[int], bool]
    reporting: bool
    """Whether ``syncfs`` reports what could not be written."""


def _calls() -> Optional[Calls]:
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        library: Any = ctypes.CDLL(None)
        syncfs, sync_file_range = library.syncfs, library.sync_file_range
    except (ImportError, OSError, AttributeError):
        return None
    syncfs.argtypes = [ctypes.c_int]
    sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    reporting = version is not None and (int(version[1]), int(version[2])) >= _REPORTING
    return Calls(syncfs, lambda fd: bool(sync_file_range(fd, 0, 0, _WAIT_BEFORE) == 0), reporting)


def _kind(device: int) -> str:
    # Of the file system of this number, as mount(8) has it.
    number = f"{os.major(device)}:{os.minor(device)}"
    with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields = line.split(" ")
            if fields[2] == number:
                return fields[fields.index("-") + 1]
    return ""
