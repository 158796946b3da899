"""Room for a whole file before anything is in it, so that a disk too small says so at the start.

``posix_fallocate`` where the platform and the file system have it; otherwise zeros are written behind what is there.
What a file has already is never touched, and a file that has all its room is left alone: its time of change is part of
what resume data is believed by.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from .descriptor import Descriptor

SPARSE = "sparse"
FULL = "full"
ALLOCATIONS = (SPARSE, FULL)
"""How the room of a file comes: as it is written, or all of it before the download."""

ZEROS = bytes(1024 * 1024)
"""Written at a time."""

_SYSTEM_BLOCK = 512  # the unit of ``st_blocks`` (POSIX), whatever the file system has
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)


def allocate(file: Descriptor, length: int, *, system: Any = os) -> None:
    """See to it that ``length`` bytes of the file have their room on the disk; raises ``OSError``.

    Nobody else may write to the file meanwhile: what some C libraries do for ``posix_fallocate`` reads and writes.
    """
    found = file.stat()
    blocks = getattr(found, "st_blocks", None)
    if found.st_size >= length and (blocks is None or blocks * _SYSTEM_BLOCK >= length):
        return
    if hasattr(system, "posix_fallocate"):
        try:
            system.posix_fallocate(file.fd, 0, length)
            return
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    for offset in range(found.st_size, length, len(ZEROS)):
        file.write(offset, [memoryview(ZEROS)[: length - offset]])
