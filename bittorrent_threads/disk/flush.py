"""``Flush``: the data of many files made durable by one call, where the system has one (Linux: ``syncfs``).

To sync 20,000 files one by one takes a minute on a disk, as each waits for it; ``syncfs`` waits once, for all that the
file system has.  It does not tell of which file something could not be written, and older kernels tell nothing at all.
So each file is asked afterwards, which waits for nothing then and reports what ``fdatasync`` would.  Only file systems
are trusted of which it is known that both calls do that; on others, and whenever either fails, each file is synced.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, NamedTuple, Optional

from .folder import Folder

MANY = 256
"""Files from which on ``syncfs`` is called: fewer take a second at most, and what others write is not waited for."""

KINDS = ("ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs")
_MOUNTS = "/proc/self/mountinfo"
_WAIT_BEFORE = 1  # SYNC_FILE_RANGE_WAIT_BEFORE: wait for what is being written, and report what could not be


class Flush(NamedTuple):
    """A file system of which all was written that it had when ``of`` was called."""

    device: int
    check: Callable[[int], bool]
    """Whether all that the file of a descriptor had was written."""

    @classmethod
    def of(cls, folder: Folder) -> Optional[Flush]:
        """Have the file system of a folder write all; None if that cannot be done, or not be trusted."""
        calls = _calls()
        if calls is None:
            return None
        try:
            fd = folder.system.open(folder.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            device = int(folder.system.fstat(fd).st_dev)
            if _kind(device) in KINDS and calls.syncfs(fd) == 0:
                return cls(device, calls.written)
        except OSError:
            pass
        finally:
            folder.system.close(fd)
        return None


class _Calls(NamedTuple):
    syncfs: Callable[[int], int]
    written: Callable[[int], bool]


def _calls() -> Optional[_Calls]:
    # What the C library has of it.
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
    return _Calls(syncfs, lambda fd: bool(sync_file_range(fd, 0, 0, _WAIT_BEFORE) == 0))


def _kind(device: int) -> str:
    # Of the file system of this number, as mount(8) has it.
    number = f"{os.major(device)}:{os.minor(device)}"
    with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields = line.split(" ")
            if fields[2] == number:
                return fields[fields.index("-") + 1]
    return ""
