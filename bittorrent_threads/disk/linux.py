"""What Linux has and ``os`` has not: the system calls ``syncfs`` and ``sync_file_range``, and the table of mounts."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable, NamedTuple, Optional

_MOUNTS = "/proc/self/mountinfo"
_WAIT_BEFORE = 1  # SYNC_FILE_RANGE_WAIT_BEFORE: wait for writes that are under way, and report their errors
_WRITE_AND_WAIT = 1 | 2 | 4  # that, SYNC_FILE_RANGE_WRITE and SYNC_FILE_RANGE_WAIT_AFTER: write, and wait
_REPORTING = (5, 8)  # the version of Linux from which on syncfs reports errors


class Calls(NamedTuple):
    """The system calls, as the C library has them."""

    syncfs: Callable[[int], int]
    """Writes the file system of a descriptor; returns 0 on success."""
    written: Callable[[int], bool]
    """Returns whether the data of a descriptor was written."""
    write_back: Callable[[int, int, int], int]
    """Writes the data of a descriptor from an offset on, of so many bytes; returns 0 or an errno.

    It says nothing of metadata and of the cache of the disk: ``fdatasync`` is to follow, and has little to do then.
    """
    reporting: bool
    """Whether ``syncfs`` reports write errors."""


def calls() -> Optional[Calls]:
    """Return the system calls; None on other systems."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        library: Any = ctypes.CDLL(None, use_errno=True)
        syncfs, sync_file_range = library.syncfs, library.sync_file_range
    except (ImportError, OSError, AttributeError):
        return None
    syncfs.argtypes = [ctypes.c_int]
    sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)

    def written(fd: int) -> bool:
        return bool(sync_file_range(fd, 0, 0, _WAIT_BEFORE) == 0)

    def write_back(fd: int, offset: int, size: int) -> int:
        return ctypes.get_errno() if sync_file_range(fd, offset, size, _WRITE_AND_WAIT) else 0

    reporting = version is not None and (int(version[1]), int(version[2])) >= _REPORTING
    return Calls(syncfs, written, write_back, reporting)


def file_system_of(device: int) -> str:
    """Return the type of the file system with a device number, as in mount(8); empty if it is not mounted.

    Raises:
        OSError: There is no table of mounts.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields = line.split(" ")
            if fields[2] == number:
                return fields[fields.index("-") + 1]
    return ""
