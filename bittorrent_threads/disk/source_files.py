"""The files that a new torrent is made of.

A torrent has regular files only.  A link to an existing file or folder, or a name that no client would look for, is an
error, as the data could not be seeded.  A link to nothing, a socket, a pipe or a device is left out with a warning.
Hidden files are included.
"""

from __future__ import annotations

import fnmatch
import os
import stat
import sys
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import SettingsError, StorageError
from ..metainfo.file_list import MAX_PATH_DEPTH
from ..metainfo.safe_paths import HIDDEN_FOLDER, folded_name, native_name, safe_paths
from .folder import Parts

SHOWN = 3
"""Paths in a warning; the number of others is added."""


class Source(NamedTuple):
    """A file to be hashed, and its state when it was found."""

    path: str
    parts: Parts
    """Components of the path below the root; empty if the root is the file."""
    size: int
    mtime_ns: int


class Exclusion:
    """The files that are left out.

    Args:
        patterns: As ``exclude`` of ``create``.
        output: The path of the new .torrent, if it is saved.

    Raises:
        SettingsError: A pattern is not valid.
    """

    def __init__(self, patterns: Iterable[str], output: Optional[str]) -> None:
        self._names: List[str] = []
        self._paths: List[Sequence[str]] = []
        for pattern in patterns:
            parts = pattern.strip("/").split("/")
            if "" in parts:
                raise SettingsError("exclude", f"{pattern!r} is no pattern: it has an empty name")
            if len(parts) > 1 or pattern.startswith("/"):
                self._paths.append(parts)
            else:
                self._names.append(parts[0])
        self._outputs: List[Tuple[str, str, os.stat_result]] = []
        for place in () if output is None else {output, os.path.realpath(output)}:  # a link, and its target
            if os.path.lexists(place):
                folder, name = os.path.split(place)
                self._outputs.append((os.path.realpath(folder), folded_name(name), os.lstat(place)))

    def leaves_out(self, path: str, parts: Parts, status: os.stat_result) -> bool:
        """Return whether a file or folder is left out.

        Args:
            path: Its path, without links in its folders.
            parts: Components of its path below the root.
            status: Its status.
        """
        if parts and any(fnmatch.fnmatchcase(parts[-1], pattern) for pattern in self._names):
            return True
        if any(_matches(parts, pattern) for pattern in self._paths):
            return True
        # A file system may treat another spelling of the name as equal.
        above, own = os.path.split(path)
        return any(
            os.path.samestat(found, status) and (above, folded_name(own)) == (folder, name)
            for folder, name, found in self._outputs
        )


def _matches(parts: Parts, pattern: Sequence[str]) -> bool:
    return len(parts) == len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern))


class Found:
    """The files below a path, in the order of their names.

    Args:
        given: The path.
        exclusion: The files that are left out.

    Raises:
        StorageError: A file cannot be in a torrent, or there is none.
    """

    def __init__(self, given: str, exclusion: Exclusion) -> None:
        self.files: List[Source] = []
        self._exclusion = exclusion
        self._folders: List[Tuple[str, Parts]] = []
        self._left_out: Dict[str, List[str]] = {}
        self._excluded = False
        path = given
        try:
            root = os.path.realpath(given)  # the path itself may be a link, others are not followed
            status = os.stat(root)
            if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
                raise StorageError("is neither a file nor a folder", given)
            self._sort_out(root, (), status)
            while self._folders:
                path, parts = self._folders.pop()
                for name in os.listdir(path):
                    below = os.path.join(path, name)
                    self._sort_out(below, (*parts, name), os.lstat(below))
        except (OSError, ValueError) as error:
            raise StorageError.wrap(error, str(getattr(error, "filename", None) or path)) from error
        if not self.files:
            raise StorageError("all files are excluded" if self._excluded else "there is no file in it", given)
        self.files.sort(key=lambda source: source.parts)

    def _sort_out(self, path: str, parts: Parts, status: os.stat_result) -> None:
        kind = status.st_mode
        if parts[-1:] == (HIDDEN_FOLDER,) and stat.S_ISDIR(kind):
            return
        if self._exclusion.leaves_out(path, parts, status):
            self._excluded = True
        elif stat.S_ISDIR(kind):
            self._folders.append((path, parts))
        elif stat.S_ISREG(kind):
            self.files.append(Source(path, parts, status.st_size, status.st_mtime_ns))
        elif not stat.S_ISLNK(kind):
            self._leave_out("sockets, pipes and devices cannot be in a torrent", parts)
        elif os.path.exists(path):
            reason = "is a symbolic link, which seeding would not follow: put the file in its place, or exclude it"
            raise StorageError(reason, path)
        else:
            self._leave_out("symbolic links to nothing cannot be in a torrent", parts)

    def _leave_out(self, reason: str, parts: Parts) -> None:
        self._left_out.setdefault(reason, []).append("/".join(parts))

    def warnings(self, name: str) -> List[str]:
        """Return the warnings for a torrent of this name.

        Raises:
            SettingsError: The name is not valid.
            StorageError: The name of a file is not valid.
        """
        self._check_names(name)
        warnings = [f"{reason}; left out: {_shown(sorted(paths))}" for reason, paths in self._left_out.items()]
        encoded = [[part.encode() for part in (name, *source.parts)] for source in self.files]
        changed = [
            f"{'/'.join((name, *source.parts))!r} as {'/'.join(safe)!r}"
            for source, safe in zip(self.files, safe_paths((), encoded))
            if safe != (name, *source.parts)
        ]
        if changed:
            warnings.append(f"names that are not valid on every system, and may be stored otherwise: {_shown(changed)}")
        return warnings

    def _check_names(self, name: str) -> None:
        # Every client, this one too, looks for the names in the torrent.
        if native_name(name) != name:
            raise SettingsError("name", f"{name!r} is not valid as a name, {native_name(name)!r} would be")
        for source in self.files:
            try:
                "/".join((name, *source.parts)).encode()
            except UnicodeEncodeError:
                encoding = sys.getfilesystemencoding()
                reason = "its name is not UTF-8: rename it, or exclude it"
                if encoding != "utf-8":
                    reason = f"the system's encoding, {encoding}, does not have its name: use a locale of UTF-8"
                raise StorageError(reason, source.path) from None
            if len(source.parts) > MAX_PATH_DEPTH:
                raise StorageError(f"is more than {MAX_PATH_DEPTH} folders deep", source.path)
            for part in source.parts:
                if native_name(part) != part:
                    reason = f"clients would look for {native_name(part)!r} in place of {part!r}"
                    raise StorageError(f"{reason}: rename it, or exclude it", source.path)


def _shown(items: Sequence[str]) -> str:
    more = len(items) - SHOWN
    return ", ".join(items[:SHOWN]) + (f" and {more} more" if more > 0 else "")
