"""Where the files of a torrent are: their folder, and the paths of those that have another one than in the metainfo."""

from __future__ import annotations

import os
from typing import Dict, Sequence, Tuple

from ..metainfo.file_list import TorrentFile


class FilePaths:
    """The paths of the files of one torrent.

    Args:
        files: The files as the metainfo has them.
        basedir: Absolute path of the folder of the data.
    """

    def __init__(self, files: Sequence[TorrentFile], basedir: str) -> None:
        self.basedir = basedir
        self.renamed: Dict[int, Tuple[str, ...]] = {}
        """By index, files that the user renamed, or that were found under another path than the portable one."""
        self.chosen: Dict[int, Tuple[str, ...]] = {}
        """By index, the paths of other files that may have several, as the disk chose them."""
        self._files = files

    def path(self, index: int) -> str:
        """Absolute path of a file."""
        return os.path.join(self.basedir, *self.parts(index))

    def parts(self, index: int) -> Tuple[str, ...]:
        """Components of the path of a file below the folder."""
        return self.renamed.get(index) or self.chosen.get(index) or self._files[index].path

    @property
    def all_parts(self) -> Sequence[Tuple[str, ...]]:
        """The components of all files, by index."""
        return [self.parts(index) for index in range(len(self._files))]
