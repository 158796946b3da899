"""``NameJournal``: the new paths of files that were renamed after the resume data of their torrent was stored.

The resume data of 20,000 files takes milliseconds to store, so that a rename only appends a line here, and the next
store of the resume data replaces the journal.  The first line has the checksum of the resume file that the journal
adds to.  Beside any other resume file it is not valid, so that it need not be removed in the same moment as that is
replaced.  Each further line has a checksum of its own.  Reading ends at a line that is not whole: the rename was not
finished, and the file has its earlier path.

A rename makes the new name, appends its line and removes the old name, in this order, and syncs the line only.  So the
line is on the disk before the old name can be gone from it: without it a power cut might leave a file under a name that
nothing tells of, and the torrent would report it as missing.  The two changes of folders need no sync: a file system
with a journal or transactions keeps their order, so that one of the names is always there.  If it is the old one, the
line is there without its rename, and ``undone`` finds that.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..errors import StorageError
from . import whole_file
from .descriptor import Descriptor
from .file import FileStat
from .folder import Folder, Parts

LINES = 1000
"""Renames in a journal, or as many as the torrent has files if those are more: so many share one store of resume data,
whose cost grows with the number of files."""
MAX_SIZE = 4 * 1024 * 1024
"""Bytes of a journal: some ten thousand renames."""

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

    def append(self, seal: bytes, index: int, parts: Parts, *, files: int = 0) -> bool:
        """Append the path of a file; it is durable afterwards.

        Args:
            seal: The checksum of the resume file.
            index: The file.
            parts: Components of its path.
            files: Files of the torrent.

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
        elif self._lines >= max(LINES, files) or self._size + len(line) > MAX_SIZE or not self._appended(line):
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

    def load(self, seal: bytes, *, files: int = 0) -> List[Any]:
        """Return the entries of ``Resume.plain`` for renamed files, not validated, in the order of the renames.

        Args:
            seal: The checksum of the resume file.
            files: Files of the torrent.

        Raises:
            ValueError: A line is no JSON.
        """
        if self._folder.stat(self._parts) is None:
            return []
        most = max(LINES, files)
        head, *lines = whole_file.read(self._folder, self._parts, MAX_SIZE).split(b"\n", most + 1)
        found: List[Any] = []
        for line in lines[:most] if head == _MAGIC + seal else ():
            body = line[_SEAL_SIZE:]
            if _sealed(body) != line + b"\n":
                break
            found.append(json.loads(body))
        return found

    def remove(self) -> None:
        """Remove the journal."""
        self._seal = b""
        self._folder.remove(self._parts)


def undone(
    names: Iterable[Tuple[int, Parts]],
    folder: Folder,
    stats: Sequence[Optional[FileStat]],
    earlier: Callable[[int], Parts],
) -> List[Any]:
    """Find the renames whose lines a power cut left without the changes of the folders.

    Args:
        names: The entries of a journal, in the order of the renames.
        folder: The folder of the files.
        stats: The state of each file when the resume data was stored.
        earlier: Returns the path that a file had then.

    Returns:
        Entries to be added behind those of the journal: the path that each such file still has.
    """
    paths: Dict[int, List[Parts]] = {}
    for index, parts in names:
        paths.setdefault(index, [earlier(index)]).append(parts)
    found: List[Any] = []
    with folder.keep_folders_open():
        for index, (*others, last) in paths.items():
            if stats[index] is not None and _stat(folder, last) != stats[index]:
                there = [parts for parts in reversed(others) if _stat(folder, parts) == stats[index]]
                found += [[index, list(parts)] for parts in there[:1]]
    return found


def _stat(folder: Folder, parts: Parts) -> Optional[FileStat]:
    try:
        found = folder.stat(parts)
    except (OSError, StorageError):
        return None
    return None if found is None else FileStat.of(found)


def _sealed(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode() + b" " + body + b"\n"
