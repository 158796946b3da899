"""The files that a new torrent is made of.

A torrent has regular files only.  A link to an existing file or folder, or a name that no client would look for, is an
error, as the data could not be seeded.  A link to nothing, a socket, a pipe or a device is left out with a warning.
Hidden files are included unless the caller says otherwise.  Each file takes 300 bytes of memory.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import SettingsError, StorageError
from ..metainfo.file_list import MAX_PATH_DEPTH
from ..metainfo.path_patterns import PathPatterns
from ..metainfo.safe_paths import HIDDEN_FOLDER, folded_name, native_name
from .folder import Parts

SHOWN = 3
"""Paths in a warning; the number of others is added."""


class SourceFolder(NamedTuple):
    """A folder with files to be hashed; the files share it, as a torrent may have a million of them."""

    path: str
    parts: Parts
    """Components of the path below the root."""


class Source(NamedTuple):
    """A file to be hashed, and its state when it was found."""

    folder: SourceFolder
    name: str
    """Empty if the root is the file; its path is that of ``folder`` then."""
    size: int
    mtime_ns: int

    @property
    def path(self) -> str:
        """The path, without links in its folders."""
        return os.path.join(self.folder.path, self.name) if self.name else self.folder.path

    @property
    def parts(self) -> Parts:
        """Components of the path below the root; empty if the root is the file."""
        return (*self.folder.parts, self.name) if self.name else ()


class Exclusion:
    """The files that are left out.

    Args:
        patterns: As ``exclude`` of ``create``.
        output: The path of the new .torrent, if it is saved.
        hidden: Include files and folders whose name begins with a dot.

    Raises:
        SettingsError: A pattern is not valid.
    """

    def __init__(self, patterns: Iterable[str], output: Optional[str], *, hidden: bool = True) -> None:
        self._hidden = hidden
        self._patterns = PathPatterns("exclude", patterns)
        self._outputs: List[Tuple[str, str, os.stat_result]] = []
        for place in () if output is None else {output, os.path.realpath(output)}:  # a link, and its target
            if os.path.lexists(place):
                folder, name = os.path.split(place)
                self._outputs.append((os.path.realpath(folder), folded_name(name), os.lstat(place)))

    def leaves_out(self, source: Source, status: os.stat_result) -> bool:
        """Return whether a file or folder is left out.

        Args:
            source: The file or folder.
            status: Its status.
        """
        name = source.name
        if name and ((name[0] == "." and not self._hidden) or self._patterns.match_name(name)):
            return True
        if self._patterns.match_path(source.parts):
            return True
        if not self._outputs:
            return False
        # A file system may treat another spelling of the name as equal.
        above, own = os.path.split(source.path)
        return any(
            os.path.samestat(found, status) and (above, folded_name(own)) == (folder, name)
            for folder, name, found in self._outputs
        )


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
        self._left_out: Dict[str, List[str]] = {}
        self._excluded = False
        try:
            root = os.path.realpath(given)  # the path itself may be a link, others are not followed
            status = os.stat(root)
            if stat.S_ISDIR(status.st_mode):
                self._walk(SourceFolder(root, ()))
            elif stat.S_ISREG(status.st_mode):
                self._sort_out(SourceFolder(root, ()), "", status)
            else:
                raise StorageError("is neither a file nor a folder", given)
        except (OSError, ValueError) as error:
            raise StorageError.wrap(error, str(getattr(error, "filename", None) or given)) from error
        if not self.files:
            raise StorageError("all files are excluded" if self._excluded else "there is no file in it", given)

    def _walk(self, root: SourceFolder) -> None:
        # The order is that of the components of the paths: a folder has the place that its name has among its
        # neighbours.
        waiting = [(root, iter(sorted(os.listdir(root.path))))]
        while waiting:
            folder, names = waiting[-1]
            for name in names:
                path = os.path.join(folder.path, name)
                if self._sort_out(folder, name, os.lstat(path)):
                    below = SourceFolder(path, (*folder.parts, name))
                    waiting.append((below, iter(sorted(os.listdir(path)))))
                    break
            else:
                waiting.pop()

    def _sort_out(self, folder: SourceFolder, name: str, status: os.stat_result) -> bool:
        # Whether it is a folder to walk; a file is kept.
        kind = status.st_mode
        source = Source(folder, name, status.st_size, status.st_mtime_ns)
        if name == HIDDEN_FOLDER and stat.S_ISDIR(kind):
            return False
        if self._exclusion.leaves_out(source, status):
            self._excluded = True
        elif stat.S_ISDIR(kind):
            return True
        elif stat.S_ISREG(kind):
            self.files.append(source)
        elif not stat.S_ISLNK(kind):
            self._leave_out("sockets, pipes and devices cannot be in a torrent", source)
        elif os.path.exists(source.path):
            reason = "is a symbolic link, which seeding would not follow: put the file in its place, or exclude it"
            raise StorageError(reason, source.path)
        else:
            self._leave_out("symbolic links to nothing cannot be in a torrent", source)
        return False

    def _leave_out(self, reason: str, source: Source) -> None:
        self._left_out.setdefault(reason, []).append("/".join(source.parts))

    def check_names(self, name: str) -> None:
        """Check that clients look for the files under their names.

        Args:
            name: The name of the torrent.

        Raises:
            SettingsError: The name is not valid.
            StorageError: The name of a file is not valid.
        """
        if native_name(name) != name:
            raise SettingsError("name", f"{name!r} is not valid as a name, {native_name(name)!r} would be")
        known: Optional[SourceFolder] = None
        for source in self.files:
            if source.folder is not known:
                known = source.folder
                _check_parts(known.parts, source)
            if source.name:
                _check_parts((source.name,), source)

    def warnings(self, name: str, stored: Iterable[Parts]) -> List[str]:
        """Return the warnings for a torrent.

        Args:
            name: The name of the torrent.
            stored: The path of each file on a system on which not every name is valid.
        """
        warnings = [f"{reason}; left out: {_shown(sorted(paths))}" for reason, paths in self._left_out.items()]
        changed = [
            f"{'/'.join((name, *source.parts))!r} as {'/'.join(safe)!r}"
            for source, safe in zip(self.files, stored)
            if safe != (name, *source.parts)
        ]
        if changed:
            warnings.append(f"names that are not valid on every system, and may be stored otherwise: {_shown(changed)}")
        return warnings


def _check_parts(parts: Parts, source: Source) -> None:
    # Every client, this one too, looks for the names in the torrent.
    try:
        "/".join(parts).encode()
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        reason = "its name is not UTF-8: rename it, or exclude it"
        if encoding != "utf-8":
            reason = f"the system's encoding, {encoding}, does not have its name: use a locale of UTF-8"
        raise StorageError(reason, source.path) from None
    if len(source.folder.parts) >= MAX_PATH_DEPTH:
        raise StorageError(f"is more than {MAX_PATH_DEPTH} folders deep", source.path)
    for part in parts:
        if native_name(part) != part:
            reason = f"clients would look for {native_name(part)!r} in place of {part!r}"
            raise StorageError(f"{reason}: rename it, or exclude it", source.path)


def _shown(items: Sequence[str]) -> str:
    more = len(items) - SHOWN
    return ", ".join(items[:SHOWN]) + (f" and {more} more" if more > 0 else "")
