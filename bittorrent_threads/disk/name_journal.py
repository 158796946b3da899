"""``NameJournal``: the new paths of files that were renamed after the resume data of their torrent was stored.

The resume data of 20,000 files takes milliseconds to store, so that a rename only appends a line here, and the next
store of the resume data replaces the journal.  The first line has the checksum of the resume file that the journal
adds to.  Beside any other resume file it is not valid, so that it need not be removed in the same moment as that is
replaced.  Each further line has a checksum of its own.  Reading ends at a line that is not whole: the rename was not
finished, and the file has its earlier path.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, List

from . import whole_file
from .descriptor import Descriptor
from .folder import Folder, Parts

MAX_LINES = 1000
"""Renamed files in a journal: it is read in a few milliseconds, and so many renames share one store of resume data."""
MAX_SIZE = 1024 * 1024
"""Bytes of a journal."""

_MAGIC = b"bittorrent_threads names "
_SEAL_SIZE = 17  # of a line: a part of the SHA-256 in hexadecimal, and a space


class NameJournal:
    """The journal beside one resume file; every method blocks and raises ``OSError``.

    Args:
        folder: The folder.
        parts: Components of the path of the journal below it.
    """

    def __init__(self, folder: Folder, parts: Parts) -> None:
        self._folder = folder
        self._parts = parts
        self._seal = b""
        self._lines = 0
        self._size = 0

    def append(self, seal: bytes, index: int, parts: Parts) -> bool:
        """Append the path of a file; it is durable afterwards.

        Args:
            seal: The checksum of the resume file.
            index: The file.
            parts: Components of its path.

        Returns:
            False if nothing was appended, as the journal is full or was changed by another program.
        """
        line = _sealed(json.dumps([index, list(parts)]).encode())
        if seal != self._seal:
            head = _MAGIC + seal + b"\n"
            self._folder.remove(self._parts)
            whole_file.write_new(self._folder, self._parts, head + line)
            self._folder.sync(self._parts, begin=len(self._parts) - 1)
            self._seal, self._lines, self._size = seal, 0, len(head)
        elif self._lines == MAX_LINES or self._size + len(line) > MAX_SIZE or not self._appended(line):
            return False
        self._lines += 1
        self._size += len(line)
        return True

    def _appended(self, line: bytes) -> bool:
        # After an error the line may be there: the caller stores resume data, which the journal does not add to.
        try:
            fd, found = self._folder.opened(self._parts, os.O_WRONLY)
        except FileNotFoundError:
            return False
        file = Descriptor(fd, self._folder.system, found)
        try:
            if found.st_size != self._size:
                return False
            file.write(self._size, [memoryview(line)])
            file.sync()
        finally:
            file.close()
        return True

    def load(self, seal: bytes) -> List[Any]:
        """Return the entries of ``Resume.plain`` for renamed files, not validated, in the order of the renames.

        Args:
            seal: The checksum of the resume file.

        Raises:
            ValueError: A line is no JSON.
        """
        if self._folder.stat(self._parts) is None:
            return []
        head, *lines = whole_file.read(self._folder, self._parts, MAX_SIZE).split(b"\n", MAX_LINES + 1)
        found: List[Any] = []
        for line in lines[:MAX_LINES] if head == _MAGIC + seal else ():
            body = line[_SEAL_SIZE:]
            if _sealed(body) != line + b"\n":
                break
            found.append(json.loads(body))
        return found

    def remove(self) -> None:
        """Remove the journal."""
        self._seal = b""
        self._folder.remove(self._parts)


def _sealed(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode() + b" " + body + b"\n"
