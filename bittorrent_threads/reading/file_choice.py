"""Which file of a torrent a program means: its index, its path, or the ``File`` itself."""

from __future__ import annotations

import difflib
import errno
import os
import pathlib
from typing import List, Union

from ..file import File
from ..metainfo.metainfo import Metainfo

FileName = Union[int, str, os.PathLike[str], File]
MAX_NAMES = 5
"""Names in the text of an error."""


def file_index(metainfo: Metainfo, file: FileName) -> int:
    """Return the index of a file.

    Args:
        metainfo: The torrent.
        file: Its index; its path in the torrent, with ``/`` between the components and with or without the name of the
            torrent in front; or a ``File``.

    Raises:
        IndexError: If the torrent does not have a file of this index.
        FileNotFoundError: If it does not have a file of this path; the text has the names that are like it.
        TypeError: If the file is given as something else.
    """
    if isinstance(file, File):
        file = file.index
    if isinstance(file, int) and not isinstance(file, bool):
        if not 0 <= file < len(metainfo.files):
            raise IndexError(f"there is no file {file}: the torrent has {len(metainfo.files)}")
        return file
    if isinstance(file, pathlib.PurePath):
        file = file.as_posix()
    if not isinstance(file, str):
        raise TypeError(f"a file is an index, a path in the torrent or a File, not {file!r}")
    names = file_names(metainfo)
    inside = f"{metainfo.name}/{file}"
    for index, name in enumerate(names):
        if name and name in (file, inside):
            return index
    raise FileNotFoundError(errno.ENOENT, f"the torrent has no such file, but {_alike(file, names)}", file)


def file_names(metainfo: Metainfo) -> List[str]:
    """Return the path of each file in the torrent, with ``/`` between the components; empty for padding."""
    return ["" if entry.pad else "/".join(entry.path) for entry in metainfo.files]


def _alike(name: str, names: List[str]) -> str:
    """The names that are most like one, the first ones if none is."""
    there = [each for each in names if each]
    found = difflib.get_close_matches(name, there, MAX_NAMES) if len(there) <= 10_000 else []
    found = found or there[:MAX_NAMES]
    more = len(there) - len(found)
    return ", ".join(map(repr, found)) + (f" and {more} more" if more else "")
