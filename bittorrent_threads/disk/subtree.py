"""``Subtree``: the top folder of a torrent, moved in one system call.

To link and unlink each of 20,000 files takes a minute on a disk; to rename the folder above them takes one call.  This
is done only if nothing else is below the folder, each file is the one that was seen and unchanged, and the name is free
in the target folder.  Otherwise the files are moved one by one, which reports the reason.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from typing import Dict, Iterable, List, Mapping, Optional

from ..errors import StorageError
from ..metainfo.safe_paths import HIDDEN_FOLDER
from .descriptor import identity
from .file import File
from .folder import Folder, Parts


class Subtree:
    """A folder to be moved; made by :meth:`find`.

    Attributes:
        files: The files below it, and their status.
    """

    def __init__(self, name: str, source: Folder, target: Folder, files: Mapping[File, os.stat_result]) -> None:
        self._name = name
        self._source = source
        self._target = target
        self.files = files

    @classmethod
    def find(cls, files: Iterable[File], source: Folder, target: Folder) -> Optional[Subtree]:
        """Find the top folder that contains most of the files, if it can be moved in one call.

        Args:
            files: The files.
            source: The folder that they are in.
            target: The folder to move to.

        Returns:
            The subtree; None if files have to be moved one by one.
        """
        tops = Counter([file.parts[0] for file in files if len(file.parts) > 1 and file.parts[0] != HIDDEN_FOLDER])
        if not tops:
            return None
        name = tops.most_common(1)[0][0]
        try:
            found = _below(name, {file.parts: file for file in files if file.parts[0] == name}, source)
        except (OSError, StorageError, NotImplementedError):
            return None
        return None if found is None else cls(name, source, target, found)

    def move(self) -> bool:
        """Move it; return False if that failed, and nothing was moved."""
        try:
            self._source.move_folder(self._name, self._target)
        except (OSError, StorageError, NotImplementedError):
            return False
        return True

    def sync(self) -> None:
        """Make the move durable.

        Raises:
            OSError: The disk failed.
        """
        for folder in (self._target, self._source):
            folder.sync((self._name,))


def _below(name: str, own: Mapping[Parts, File], folder: Folder) -> Optional[Dict[File, os.stat_result]]:
    # The status of each file; None if there is anything else, or a file was changed.
    above = {parts[:depth] for parts in own for depth in range(1, len(parts))}
    found: Dict[File, os.stat_result] = {}
    devices = set()
    waiting: List[Parts] = [(name,)]
    while waiting:
        parts = waiting.pop()
        for inner, status in folder.entries(parts):
            path = (*parts, inner)
            devices.add(status.st_dev)
            file = own.get(path)
            if stat.S_ISDIR(status.st_mode) and path in above:
                waiting.append(path)
            elif file is None or not stat.S_ISREG(status.st_mode) or not _same(file, status):
                return None
            else:
                found[file] = status
    return found if len(found) == len(own) and len(devices) == 1 else None


def _same(file: File, status: os.stat_result) -> bool:
    if file.identity is None:
        return True
    return file.identity == identity(status) and file.stat is not None and file.stat.still(status)
