"""Small files that are read and replaced as a whole.

The rule: the new content is written under another name, synced, and renamed, so that a file is never half written.
"""

from __future__ import annotations

import contextlib
import os

from .descriptor import Descriptor
from .file import FileStat
from .folder import Folder, Parts


def read(folder: Folder, parts: Parts, size: int) -> bytes:
    """Return the first bytes of a file.

    Args:
        folder: The folder.
        parts: Components of the path of the file below it.
        size: How many bytes are read at most.

    Raises:
        OSError: The disk failed.
    """
    file = Descriptor(folder.open(parts, os.O_RDONLY), folder.system)
    try:
        return file.read(0, size)
    finally:
        file.close()


def write_new(folder: Folder, parts: Parts, data: bytes) -> FileStat:
    """Write and sync a file that does not exist.

    Args:
        folder: The folder.
        parts: Components of the path of the file below it.
        data: The content.

    Returns:
        The size, times and inode of the file.

    Raises:
        OSError: The disk failed, or the file exists.
    """
    file = Descriptor(folder.open(parts, os.O_WRONLY | os.O_EXCL, create=True), folder.system)
    try:
        file.write(0, [memoryview(data)])
        file.sync()
        return FileStat.of(file.stat())
    finally:
        file.close()


def replace(folder: Folder, parts: Parts, data: bytes) -> None:
    """Replace a file, or make it with the folders above it.

    Args:
        folder: The folder.
        parts: Components of the path of the file below it.
        data: The new content.

    Raises:
        OSError: The disk failed; the file has its earlier content.
    """
    draft = draft_of(parts)
    folder.remove(draft)
    try:
        write_new(folder, draft, data)
        folder.replace(draft, parts)
    except OSError:
        with contextlib.suppress(OSError):
            folder.remove(draft)
        raise
    folder.sync(parts)


def draft_of(parts: Parts) -> Parts:
    """Return the path at which the new content of a file is written."""
    return (*parts[:-1], parts[-1] + ".new")
