"""``Subtree``: the folder that a torrent's files are in, moved in one step.

A link and an unlink for each of 20,000 files take a minute on a disk; to rename the folder above them takes one system
call.  The rule: it is done only if nothing else is below that folder, each file there is the one that was met, as it
was, and the name is free at the new place.  Whatever is otherwise has the files moved one by one, which tells why.
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
    """The folder ``name`` below ``source``, to be moved to ``target``; made by :meth:`find`."""

    def __init__(self, name: str, source: Folder, target: Folder, files: Mapping[File, os.stat_result]) -> None:
        self._name = name
        self._source = source
        self._target = target
        self.files = files
        """What each file below it is."""

    @classmethod
    def find(cls, files: Iterable[File], source: Folder, target: Folder) -> Optional[Subtree]:
        """The one with the most of these files, if it can be moved in one step, as far as can be seen."""
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
        """Move it; False if that cannot be done, and then nothing was."""
        try:
            self._source.move_folder(self._name, self._target)
        except (OSError, StorageError, NotImplementedError):
            return False
        return True

    def sync(self) -> None:
        """Make the new place durable, and that it is no more at the old one.  Raises ``OSError``."""
        for folder in (self._target, self._source):
            folder.sync((self._name,))


def _below(name: str, own: Mapping[Parts, File], folder: Folder) -> Optional[Dict[File, os.stat_result]]:
    # What each of the files is; None if anything else is there, or one of them is not as it was.
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
