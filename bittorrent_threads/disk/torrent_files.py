"""``TorrentFiles``: the files of one torrent by index, each under the path that was chosen for it.

A path is known when a file was renamed or resume data names it, is chosen by ``PathChoice`` where a file may have
several, and is the portable one of the .torrent for all others.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..errors import StorageError
from ..metainfo.layout import Span
from ..metainfo.metainfo import Metainfo
from .descriptor import Identity
from .file import File, FileStat
from .file_pool import FilePool
from .folder import Folder, Parts
from .path_choice import PathChoice, refused

SMALL = 64 * 1024
"""Bytes up to which a file is not kept open after all of it was written, or a check read it: others come next."""


class TorrentFiles:
    """The files below ``folder``, each made when it is first asked for.

    ``names`` is ``Settings.names``.  Everything that touches a disk raises :class:`StorageError`.
    """

    def __init__(
        self, metainfo: Metainfo, folder: Folder, pool: FilePool, *, names: str, on_changed: Callable[[], None]
    ) -> None:
        self._on_changed = on_changed
        self._entries = metainfo.files
        self._folder = folder
        self._pool = pool
        self._naming = PathChoice(metainfo, names)
        self._files: Dict[int, File] = {}
        self._names: Dict[int, Parts] = {}  # where a path is known
        self._chosen: Dict[int, Parts] = {}  # where it was chosen

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> File:
        found = self._files.get(index)
        if found is None:
            # Of two workers here at once, one makes it.
            parts = self._names.get(index) or self._chosen.get(index) or self._entries[index].path
            made = File(self._folder, parts, on_changed=self._on_changed)
            found = self._files.setdefault(index, made)
        return found

    def name(self, names: Iterable[Tuple[int, Parts]]) -> None:
        """The paths of these files are known; to be told before one of them is used."""
        for index, parts in names:
            self.renamed(index, parts)
            if index in self._files and self[index].parts != parts:
                self._forget(index)

    def renamed(self, index: int, parts: Parts) -> None:
        """The file has this path now."""
        self._names[index] = parts
        self._chosen.pop(index, None)

    @property
    def names(self) -> Dict[int, Parts]:
        """Where files are whose path is known, or was chosen and is that of a file that is there."""
        chosen = {index: parts for index, parts in self._chosen.items() if self[index].met}
        return {**chosen, **self._names}

    @property
    def chosen(self) -> Tuple[Tuple[int, Parts], ...]:
        """The path of each file that may have several, but for those that are known."""
        return tuple(self._chosen.items())

    def choose_names(self) -> None:
        """Choose a path for each file that may have several and was not met under one."""
        for index, parts in self._naming.look(self._folder, self.names).items():
            self._chosen[index] = parts
            if self[index].parts != parts:
                self._forget(index)

    def create(self, indexes: Sequence[int]) -> None:
        """Make these files, empty, unless they are there, under names that this file system stores."""
        made: Dict[Identity, int] = {}
        for index in indexes:
            try:
                self._pool.create(self[index])
            except StorageError as error:
                if index not in self._chosen or self._naming.refused or not refused(error):
                    raise
            else:
                if not self._chosen or not self._doubled(index, made):
                    continue
                self._forget(index)
            self._naming.refused = True
            self.choose_names()
            self._pool.create(self[index])

    def relocate(self, folder: Folder) -> List[File]:
        """The files are in another folder now; returns those that were asked for."""
        self._folder = folder
        return list(self._files.values())

    def stats(self) -> Tuple[Optional[FileStat], ...]:
        """What is known of each file."""
        known = self._files
        return tuple(known[index].stat if index in known else None for index in range(len(self._entries)))

    def read(self, span: Span) -> bytes:
        """The bytes of ``span``."""
        return self._pool.read(self[span.file], span.offset, span.length)

    def read_into(self, span: Span, view: memoryview) -> None:
        """Fill ``view``, which is as long as ``span``."""
        self._pool.read_into(self[span.file], span.offset, view)

    def write(self, span: Span, buffers: Sequence[memoryview]) -> None:
        """Write the buffers, which together are as long as ``span``."""
        whole = span.length == self._entries[span.file].length
        self._pool.write(self[span.file], span.offset, buffers, once=whole and self.small(span.file))

    def small(self, index: int) -> bool:
        """Whether the file is one of many, as far as its size tells."""
        return self._entries[index].length <= SMALL

    def _doubled(self, index: int, made: Dict[Identity, int]) -> bool:
        # Whether the file system stores the file under the name of one made before: case, say, is one to it.
        file = self[index]
        if file.identity is None or made.setdefault(file.identity, index) == index or index not in self._chosen:
            return False
        found = self._folder.stat(file.parts)
        return found is not None and found.st_nlink < 2

    def _forget(self, index: int) -> None:
        # What was looked for or met under this path is not the file.
        file = self._files.pop(index)
        self._pool.relocate(file, file.folder, file.parts, None)
