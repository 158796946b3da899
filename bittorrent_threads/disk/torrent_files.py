"""``TorrentFiles``: the files of one torrent by index, each under one path.

The path of a renamed file is known.  That of a file with several possible paths is chosen by ``PathChoice``.  All other
files have the portable path of the .torrent.
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
"""Bytes of a file that is opened, read or written in one call, and closed: it is not needed again soon."""


class TorrentFiles:
    """The files below a folder; a ``File`` is made at its first use.

    Methods that use the disk raise :class:`StorageError`.

    Args:
        metainfo: The torrent.
        folder: The folder.
        pool: Opens the files.
        names: ``Settings.names``.
        on_changed: As for ``File``.

    Attributes:
        all_small: Whether every file is ``small``.
    """

    def __init__(
        self, metainfo: Metainfo, folder: Folder, pool: FilePool, *, names: str, on_changed: Callable[[], None]
    ) -> None:
        self._on_changed = on_changed
        self._entries = metainfo.files
        self._folder = folder
        self._pool = pool
        self._path_choice = PathChoice(metainfo, names)
        self.all_small = all(entry.length <= SMALL for entry in metainfo.files)
        self._files: Dict[int, File] = {}
        self._names: Dict[int, Parts] = {}  # the paths of renamed files
        self._chosen: Dict[int, Parts] = {}  # the paths that were chosen

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> File:
        found = self._files.get(index)
        if found is None:
            # Two workers may come here at once: both get the file of the first.
            parts = self._names.get(index) or self._chosen.get(index) or self._entries[index].path
            made = File(self._folder, parts, on_changed=self._on_changed)
            found = self._files.setdefault(index, made)
        return found

    def name(self, names: Iterable[Tuple[int, Parts]]) -> None:
        """Set the paths of renamed files, given as index and components; to be called before they are used."""
        for index, parts in names:
            self.renamed(index, parts)
            if index in self._files and self[index].parts != parts:
                self._forget(index)

    def renamed(self, index: int, parts: Parts) -> None:
        """Set the path of a file that was renamed just now."""
        self._names[index] = parts
        self._chosen.pop(index, None)

    @property
    def names(self) -> Dict[int, Parts]:
        """The paths of renamed files, and the chosen paths of files that exist."""
        chosen = {index: parts for index, parts in self._chosen.items() if self[index].seen}
        return {**chosen, **self._names}

    @property
    def chosen(self) -> Tuple[Tuple[int, Parts], ...]:
        """The path of each file that has several possible paths and was not renamed."""
        return tuple(self._chosen.items())

    def choose_names(self) -> None:
        """Choose a path for each file that has several possible paths and was not seen under one."""
        for index, parts in self._path_choice.choose(self._folder, self.names).items():
            self._chosen[index] = parts
            if self[index].parts != parts:
                self._forget(index)

    def require_own(self, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        """Check that not all of our own files are gone, if one is wanted.

        Nothing may be created in an empty mount point.  In most cases the first file exists, and only that is checked.

        Args:
            wanted: Whether each file is wanted.
            own: Whether each file was made by this torrent.

        Raises:
            Gone: All are gone.
        """
        gone = None
        for index, (wants, ours) in enumerate(zip(wanted, own)):
            file = self[index]
            if ours and file.seen and not self._entries[index].pad:
                if self._pool.named(file):
                    return
                gone = gone or (file if wants else None)
        if gone is not None:
            self._pool.create(gone)  # raises Gone, and creates nothing

    def paths(self, used: Sequence[bool]) -> List[Parts]:
        """Return the paths of the ``used`` files that have bytes and are not padding."""
        entries = enumerate(self._entries)
        return [self[index].parts for index, entry in entries if used[index] and entry.length and not entry.pad]

    def create(self, indexes: Sequence[int]) -> None:
        """Create these files, empty, unless they exist, under names that the file system accepts."""
        made: Dict[Identity, int] = {}
        for index in indexes:
            try:
                self._pool.create(self[index])
            except StorageError as error:
                if index not in self._chosen or self._path_choice.refused or not refused(error):
                    raise
            else:
                if not self._chosen or not self._doubled(index, made):
                    continue
                self._forget(index)
            self._path_choice.refused = True
            self.choose_names()
            self._pool.create(self[index])

    def relocate(self, folder: Folder) -> List[File]:
        """Change the folder of all files; return those that were made so far."""
        self._folder = folder
        return list(self._files.values())

    def stats(self) -> Tuple[Optional[FileStat], ...]:
        """Return the state of each file when it was last seen."""
        known = self._files
        return tuple(known[index].stat if index in known else None for index in range(len(self._entries)))

    def read(self, span: Span) -> bytes:
        """Return the bytes of ``span``."""
        return self._pool.read(self[span.file], span.offset, span.length)

    def read_into(self, span: Span, view: memoryview) -> None:
        """Fill ``view``, which is as long as ``span``."""
        self._pool.read_into(self[span.file], span.offset, view)

    def write(self, span: Span, buffers: Sequence[memoryview]) -> None:
        """Write buffers that together are as long as ``span``."""
        whole = span.length == self._entries[span.file].length
        self._pool.write(self[span.file], span.offset, buffers, once=whole and self.small(span.file))

    def small(self, index: int) -> bool:
        """Return whether the file is not longer than ``SMALL``."""
        return self._entries[index].length <= SMALL

    def _doubled(self, index: int, made: Dict[Identity, int]) -> bool:
        # Whether the file system stores the file under the name of one created before, as it ignores case, say.
        file = self[index]
        if file.identity is None or made.setdefault(file.identity, index) == index or index not in self._chosen:
            return False
        found = self._folder.stat(file.parts)
        return found is not None and found.st_nlink < 2

    def _forget(self, index: int) -> None:
        # The file that was checked under this path is not the file of the torrent.
        file = self._files.pop(index)
        self._pool.relocate(file, file.folder, file.parts, None)
