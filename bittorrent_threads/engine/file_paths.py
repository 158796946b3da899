"""Where the files of a torrent are: their folder, and the paths of those that have another one than in the metainfo."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ..metainfo.file_list import TorrentFile
from ..metainfo.safe_paths import folded_name

Parts = Tuple[str, ...]


class FilePaths:
    """The paths of the files of one torrent.

    A rename and a look for the paths near another take a time that does not grow with the number of files.

    Args:
        files: The files as the metainfo has them.
        basedir: Absolute path of the folder of the data.
    """

    def __init__(self, files: Sequence[TorrentFile], basedir: str) -> None:
        self.basedir = basedir
        self._files = files
        self._renamed: Dict[int, Parts] = {}
        self._chosen: Dict[int, Parts] = {}
        self._folded: Optional[_FoldedPaths] = None  # of all files; made when it is needed

    @property
    def renamed(self) -> Mapping[int, Parts]:
        """By index, files that the user renamed, or that were found under another path than the portable one."""
        return MappingProxyType(self._renamed)

    @property
    def chosen(self) -> Mapping[int, Parts]:
        """By index, the paths of other files that may have several, as the disk chose them."""
        return MappingProxyType(self._chosen)

    def recall(self, names: Iterable[Tuple[int, Parts]]) -> None:
        """Take the paths of files that an earlier client renamed."""
        self._renamed.update(names)
        self._folded = None

    def choose(self, names: Iterable[Tuple[int, Parts]]) -> None:
        """Take the paths that the disk chose, in place of those that it chose before."""
        chosen = dict(names)
        if chosen != self._chosen:
            self._chosen = chosen
            self._folded = None

    def rename(self, index: int, parts: Parts) -> None:
        """Take the path of a file that was renamed just now."""
        if self._folded is not None:
            self._folded.remove(index, self.parts(index))
            self._folded.add(index, parts)
        self._renamed[index] = parts
        self._chosen.pop(index, None)

    def path(self, index: int) -> str:
        """Absolute path of a file."""
        return os.path.join(self.basedir, *self.parts(index))

    def parts(self, index: int) -> Parts:
        """Components of the path of a file below the folder."""
        return self._renamed.get(index) or self._chosen.get(index) or self._files[index].path

    def near(self, path: Parts, index: int) -> List[Parts]:
        """Return the paths of other files, without those that cannot be in the way of a path.

        Args:
            path: Components of the path.
            index: The file that is to have it.
        """
        if self._folded is None:
            self._folded = _FoldedPaths([self.parts(each) for each in range(len(self._files))])
        folded, own = self._folded, self.parts(index)
        others = folded.near(path)
        if others is None:  # the path is that of a folder, which may have no other file in it
            folded.remove(index, own)
            try:
                others = folded.near(path)
            finally:
                folded.add(index, own)
        if others is None:
            others = list(range(len(self._files)))
        return [self.parts(other) for other in others if other != index]


class _FoldedPaths:
    """The paths of all files as they are compared where a file system ignores case."""

    def __init__(self, paths: Sequence[Parts]) -> None:
        self._files: Dict[str, Set[int]] = {}  # the files that have a path
        self._inner: Dict[str, int] = {}  # for each folder: how many files and folders are directly in it
        # One text is folded in a tenth of the time of 20,000.
        for index, folded in enumerate(folded_name("\0".join(map("/".join, paths))).split("\0")):
            self._add(index, folded)

    def add(self, index: int, path: Parts) -> None:
        """Add a file."""
        self._add(index, _folded(path))

    def _add(self, index: int, folded: str) -> None:
        self._files.setdefault(folded, set()).add(index)
        folder = folded.rpartition("/")[0]
        while folder:
            self._inner[folder] = self._inner.get(folder, 0) + 1
            folder = folder.rpartition("/")[0] if self._inner[folder] == 1 else ""

    def remove(self, index: int, path: Parts) -> None:
        """Remove a file that was added."""
        folded = _folded(path)
        self._files[folded].remove(index)
        if not self._files[folded]:
            del self._files[folded]
        folder = folded.rpartition("/")[0]
        while folder:
            self._inner[folder] -= 1
            if self._inner[folder]:
                break
            del self._inner[folder]
            folder = folder.rpartition("/")[0]

    def near(self, path: Parts) -> Optional[List[int]]:
        """Return the files that have a path or one of the folders above it; None if it is that of a folder."""
        folded = _folded(path)
        if folded in self._inner:
            return None
        found: Set[int] = set()
        while folded:
            found |= self._files.get(folded, set())
            folded = folded.rpartition("/")[0]
        return sorted(found)


def _folded(path: Parts) -> str:
    return folded_name("/".join(path))
