"""``Flush``: make the data of many files durable by one call, where the system has one (``syncfs`` of Linux).

To sync 20,000 files one by one takes a minute on a disk; ``syncfs`` waits for the disk once.  Linux 5.8 and later
report every write error since the descriptor was opened, so that it has to be opened before the first write.  Older
kernels do not report errors; there each file is checked afterwards (``sync_file_range``), which does not wait then.
Only file systems that are known to do both are flushed; on others, and after any failure, each file is synced.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable, NamedTuple, Optional

from .folder import Folder

MANY = 256
"""Files from which on ``syncfs`` is called.

Fewer take a second at most, and ``syncfs`` waits for the writes of other programs, too.
"""

KINDS = ("ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs")
_MOUNTS = "/proc/self/mountinfo"
_WAIT_BEFORE = 1  # SYNC_FILE_RANGE_WAIT_BEFORE: wait for writes that are under way, and report their errors
_REPORTING = (5, 8)  # the version of Linux from which on syncfs reports errors


class Flush:
    """A file system whose write errors are watched from ``begin`` on.

    Attributes:
        folder: The folder that it was opened by.
        device: The device number of the file system.
    """

    def __init__(self, folder: Folder, fd: int, device: int, calls: Calls) -> None:
        self.folder = folder
        self.device = device
        self._fd = fd
        self._calls = calls

    @classmethod
    def begin(cls, folder: Folder) -> Optional[Flush]:
        """Watch the file system of a folder; return None if it cannot be flushed."""
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
        """Whether ``run`` reports every write error since ``begin``, so that files need not be checked."""
        return self._calls.reporting

    def run(self) -> bool:
        """Write the data of all files of the file system; return False on any error."""
        return self._fd >= 0 and self._calls.syncfs(self._fd) == 0

    def check(self, fd: int) -> bool:
        """Return whether the data of an open file was written."""
        return self._calls.written(fd)

    def close(self) -> None:
        """Stop watching; may be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self.folder.system.close(fd)


class Calls(NamedTuple):
    """The system calls, as the C library has them.

    Attributes:
        syncfs: Writes the file system of a descriptor; returns 0 on success.
        written: Returns whether the data of a descriptor was written.
        reporting: Whether ``syncfs`` reports write errors.
    """

    syncfs: Callable[[int], int]
    written: Callable[[int], bool]
    reporting: bool


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
    # The type of a file system, as in mount(8).
    number = f"{os.major(device)}:{os.minor(device)}"
    with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields = line.split(" ")
            if fields[2] == number:
                return fields[fields.index("-") + 1]
    return ""
