"""``PathChoice``: which of its possible paths each file of a torrent has.

A torrent whose names are not valid on every system has several layouts: the portable paths of this library, the native
names, and paths that only other clients make (see ``Spelling.others``).  One layout is chosen for the whole torrent:
the one of which most files exist; if equally many exist, the one that the setting names.  A file that exists in another
layout only is used where it is.  So data of other clients is found, missing files are created beside it, and a change
of the setting has no effect on existing files.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..errors import StorageError
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import NATIVE, PORTABLE, folded_name
from .descriptor import Identity, identity
from .folder import Folder, Parts

_REFUSALS = (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)


def rules(names: str) -> str:
    """Return ``names``, or the portable rules on Windows, which stores portable names only."""
    return names if os.name == "posix" else PORTABLE


def refused(error: StorageError) -> bool:
    """Return whether the error means that the file system does not accept the name."""
    return error.errno in _REFUSALS or isinstance(error.__cause__, UnicodeEncodeError)


class PathChoice:
    """The layouts of one torrent.

    Attributes:
        refused: Whether the file system does not accept the native names, so that files get portable ones.
    """

    def __init__(self, metainfo: Metainfo, names: str) -> None:
        self._files = metainfo.files
        self._spelling = metainfo.spelling if rules(NATIVE) == NATIVE else None
        self._native_first = names == NATIVE
        self._layouts: List[Sequence[Parts]] = []
        self._named: List[int] = []
        """Files that have several possible paths."""
        self.refused = False

    def choose(self, folder: Folder, fixed: Mapping[int, Parts]) -> Dict[int, Parts]:
        """Choose a path for each file that has several possible paths, by the files that exist.

        Args:
            folder: The folder of the torrent.
            fixed: The paths of files whose path is known, by index.

        Returns:
            The path of each other file with several possible paths, by index.
        """
        self._spell()
        files = [index for index in self._named if index not in fixed]
        if not files:
            return {}
        look = _FolderView(folder)
        paths = [fixed.get(index) or path for index, path in enumerate(self._layout(look, files))]
        real = [index for index, file in enumerate(self._files) if not file.pad]
        claims = _UsedPaths(paths, sorted(real, key=set(files).__contains__), look)
        for index in files:
            portable = self._files[index].path
            there = [layout[index] for layout in self._layouts if look.there(layout[index])]
            wanted = [paths[index], *there] if look.there(paths[index]) else [*there, paths[index]]
            candidates = itertools.chain(wanted, [portable], _numbered(portable))
            claims.settle(index, next(path for path in candidates if claims.usable(path, index)))
        return {index: paths[index] for index in files}

    def _spell(self) -> None:
        if not self._layouts and self._spelling is not None:
            portable = [file.path for file in self._files]
            native = self._spelling.native()
            first = [native, portable] if self._native_first else [portable, native]
            *others, raw = self._spelling.others()
            for layout in (*first, *others, [tuple(map(_system_text, path)) for path in raw]):
                if layout not in self._layouts:
                    self._layouts.append(layout)
            self._named = [
                index
                for index, file in enumerate(self._files)
                if not file.pad and any(layout[index] != file.path for layout in self._layouts)
            ]

    def _layout(self, look: _FolderView, files: Sequence[int]) -> Sequence[Parts]:
        if self.refused:
            return [file.path for file in self._files]

        def present(paths: Sequence[Parts]) -> Tuple[int, int]:
            # The number of files that exist with their full length, and of those that exist.
            sizes = [(look.size(paths[index]), self._files[index].length) for index in files]
            return sum(size == length for size, length in sizes), sum(size is not None for size, _ in sizes)

        return max(self._layouts, key=present)


class _FolderView:
    """The files in a folder; each path is checked once."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._found: Dict[Parts, Optional[os.stat_result]] = {}

    def _at(self, path: Parts) -> Optional[os.stat_result]:
        if path not in self._found:
            self._found[path] = None
            with contextlib.suppress(OSError, ValueError, StorageError):  # opening the file reports the error
                self._found[path] = self._folder.stat(path)
        return self._found[path]

    def there(self, path: Parts) -> bool:
        """Return whether a file has this path."""
        return self._at(path) is not None

    def size(self, path: Parts) -> Optional[int]:
        """Return the bytes of the file, None if it does not exist."""
        found = self._at(path)
        return None if found is None else found.st_size

    def identity(self, path: Parts) -> Optional[Identity]:
        """Return the identity of a file with a single link, None otherwise: two spellings of its name share it."""
        found = self._at(path)
        return identity(found) if found is not None and found.st_nlink < 2 else None


class _UsedPaths:
    """The paths of all files of a torrent, none of which leads to the file of another one; ``order`` is precedence."""

    def __init__(self, paths: List[Parts], order: Sequence[int], look: _FolderView) -> None:
        self._paths = paths
        self._look = look
        self._files: Dict[Parts, int] = {}
        self._folders: Set[Parts] = set()
        self._owners: Dict[Identity, int] = {}
        self._alike: Dict[Parts, List[int]] = {}
        """Files whose paths are equal on some file systems, until their identities are known."""
        for index in order:
            path = paths[index]
            self._files.setdefault(path, index)
            self._folders.update(path[:depth] for depth in range(1, len(path)))
            self._alike.setdefault(_folded(path), []).append(index)

    def usable(self, path: Parts, index: int) -> bool:
        """Return whether a file may have this path: no other file has it, in any spelling, or is in its way."""
        if self._files.get(path, index) != index or path in self._folders:
            return False
        if any(path[:depth] in self._files for depth in range(1, len(path))):
            return False
        found = self._look.identity(path)
        if found is None:
            return True
        for other in self._alike.pop(_folded(path), ()):
            if other != index:
                self._own(other)
        return self._owners.get(found, index) == index

    def settle(self, index: int, path: Parts) -> None:
        """Give the file this path."""
        self._paths[index] = path
        self._files.setdefault(path, index)
        self._folders.update(path[:depth] for depth in range(1, len(path)))
        self._own(index)

    def _own(self, index: int) -> None:
        found = self._look.identity(self._paths[index])
        if found is not None:
            self._owners.setdefault(found, index)


def _numbered(path: Parts) -> Iterator[Parts]:
    return ((*path[:-1], f"{path[-1]}.{number}") for number in itertools.count(1))


def _folded(path: Parts) -> Parts:
    return tuple(map(folded_name, path))


def _system_text(name: str) -> str:
    # The bytes of a name as the system decodes them.
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))
