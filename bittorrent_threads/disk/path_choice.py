"""``PathChoice``: under which of its possible paths each file of a torrent is, or is to be made.

A torrent whose names are not valid on every system has several layouts: the portable paths that this library makes, the
native ones, and some that only other clients make (see ``Spelling.others``).  One layout is chosen for the whole
torrent: that of which most files are there, of equal ones the one that the setting names.  A file that is missing in
that layout and there in another is used where it is.  So data of another client is found, what is missing of it is made
beside it, and another setting later changes nothing.
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
    """``names`` where this system stores native names: Windows stores portable ones only."""
    return names if os.name == "posix" else PORTABLE


def refused(error: StorageError) -> bool:
    """Whether the file system does not store names like this one."""
    return error.errno in _REFUSALS or isinstance(error.__cause__, UnicodeEncodeError)


class PathChoice:
    """The layouts of one torrent; ``names`` is ``Settings.names``."""

    def __init__(self, metainfo: Metainfo, names: str) -> None:
        self._files = metainfo.files
        self._spelling = metainfo.spelling if rules(NATIVE) == NATIVE else None
        self._native_first = names == NATIVE
        self._layouts: List[Sequence[Parts]] = []
        self._named: List[int] = []
        """Files that have several paths."""
        self.refused = False
        """The file system does not store the native names: files are made under portable ones."""

    def look(self, folder: Folder, fixed: Mapping[int, Parts]) -> Dict[int, Parts]:
        """The path of each file that has several, chosen by what is in the folder; that of ``fixed`` files is known."""
        self._spell()
        files = [index for index in self._named if index not in fixed]
        if not files:
            return {}
        look = _Look(folder)
        paths = [fixed.get(index) or path for index, path in enumerate(self._layout(look, files))]
        real = [index for index, file in enumerate(self._files) if not file.pad]
        claims = _Claims(paths, sorted(real, key=set(files).__contains__), look)
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

    def _layout(self, look: _Look, files: Sequence[int]) -> Sequence[Parts]:
        if self.refused:
            return [file.path for file in self._files]

        def present(paths: Sequence[Parts]) -> Tuple[int, int]:
            # How many files are there with their whole length, and how many at all.
            sizes = [(look.size(paths[index]), self._files[index].length) for index in files]
            return sum(size == length for size, length in sizes), sum(size is not None for size, _ in sizes)

        return max(self._layouts, key=present)


class _Look:
    """What is in a folder; each path is looked at once."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._found: Dict[Parts, Optional[os.stat_result]] = {}

    def _at(self, path: Parts) -> Optional[os.stat_result]:
        if path not in self._found:
            self._found[path] = None
            with contextlib.suppress(OSError, ValueError, StorageError):  # opening the file will tell what is wrong
                self._found[path] = self._folder.stat(path)
        return self._found[path]

    def there(self, path: Parts) -> bool:
        """Whether a file has this path."""
        return self._at(path) is not None

    def size(self, path: Parts) -> Optional[int]:
        """The bytes of the file."""
        found = self._at(path)
        return None if found is None else found.st_size

    def identity(self, path: Parts) -> Optional[Identity]:
        """What the path has in common with another spelling of it; None for no file, and for one of several links."""
        found = self._at(path)
        return identity(found) if found is not None and found.st_nlink < 2 else None


class _Claims:
    """The paths of all files of a torrent, of which no two may lead to one file; the first of ``order`` come first."""

    def __init__(self, paths: List[Parts], order: Sequence[int], look: _Look) -> None:
        self._paths = paths
        self._look = look
        self._files: Dict[Parts, int] = {}
        self._folders: Set[Parts] = set()
        self._owners: Dict[Identity, int] = {}
        self._alike: Dict[Parts, List[int]] = {}
        """Files whose paths are one on some file systems, as long as they have not been looked at."""
        for index in order:
            path = paths[index]
            self._files.setdefault(path, index)
            self._folders.update(path[:depth] for depth in range(1, len(path)))
            self._alike.setdefault(_folded(path), []).append(index)

    def usable(self, path: Parts, index: int) -> bool:
        """Whether a file may have this path, as no other file has it, by whatever spelling, or is in its way."""
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
        """The file has this path."""
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
    # The name that the system makes of these bytes.
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))
