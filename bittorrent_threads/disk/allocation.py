"""Reserve the disk space of a whole file before the download, so that a full disk is noticed at the start.

``posix_fallocate`` does it where the platform and the file system support it; otherwise zeros are written behind the
end.  Existing data is not changed, and a file with all its space is not touched, since its modification time is part of
the resume data.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from .descriptor import Descriptor

SPARSE = "sparse"
FULL = "full"
ALLOCATIONS = (SPARSE, FULL)
"""When disk space is taken: while data is written, or all before the download."""

ZEROS = bytes(1024 * 1024)
"""Bytes of one write."""

_SYSTEM_BLOCK = 512  # the unit of ``st_blocks`` (POSIX)
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)


def allocate(file: Descriptor, length: int, *, system: Any = os) -> None:
    """Reserve disk space.

    Args:
        file: The open file; no thread may write to it meanwhile, since some C libraries read and write in
            ``posix_fallocate``.
        length: Bytes from the begin of the file.
        system: As for ``Folder``.

    Raises:
        OSError: The disk is full, or failed.
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
