"""``write_back``: have the system write a file to the disk in parts, so that it can be ended before all is written.

``fdatasync`` of a file of which a gigabyte is in the page cache only takes seconds, in which neither the thread nor the
process can end.  It is quick after this.
"""

from __future__ import annotations

import os

from .deadline import Deadline
from .descriptor import Descriptor
from .linux import calls

WRITE_BACK_BYTES = 16 * 1024 * 1024
"""Bytes of a part: a disk that writes 200 MB/s needs 0.08 s for it."""


def write_back(file: Descriptor, size: int, deadline: Deadline) -> None:
    """Write the data of a file that the disk does not have yet; does nothing where the system has no such call.

    Args:
        file: The file; it may be open for reading only.
        size: Its bytes.
        deadline: When this has to end.

    Raises:
        OSError: The disk failed.
    """
    known = calls()
    if known is None:
        return
    parts = range(0, size, WRITE_BACK_BYTES)
    for offset in (*parts, *parts):  # a download goes on meanwhile; the second time there is only what came since
        if deadline.over:
            break
        number = known.write_back(file.fd, offset, WRITE_BACK_BYTES)
        if number:
            file.forget()
            raise OSError(number, os.strerror(number))
