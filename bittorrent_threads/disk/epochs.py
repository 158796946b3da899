"""``Epochs``: which pieces are still trusted after another program changed a file.

A piece is trusted because its hash was right once.  When another program changes a file, its pieces are in doubt: each
has an epoch, the changes seen in its files so far, and is trusted only if it was right in that epoch (``vouch``).
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Set, Tuple

from ..metainfo.layout import Layout
from .part_file import PartFile
from .results import Changed
from .torrent_files import TorrentFiles


class Epochs:
    """The epochs of the pieces of one torrent; safe to use from any thread, but for ``doubted``."""

    def __init__(self, layout: Layout, file_count: int, files: TorrentFiles, part_file: PartFile) -> None:
        self._layout = layout
        self._file_count = file_count
        self._files = files
        self._part_file = part_file
        self._vouched: Dict[int, int] = {}  # the epoch in which a piece was right, if not 0
        self.changed = False
        """Whether any file was seen to be changed by another program, so that epochs are not all 0."""

    def of(self, index: int) -> int:
        """How many changes by other programs the files of a piece have seen."""
        if not self.changed:
            return 0
        return self._part_file.changes + sum(self._files[span.file].changes for span in self._layout.piece_spans(index))

    def vouch(self, index: int, epoch: int) -> None:
        """The piece was right in that epoch."""
        if epoch:
            self._vouched[index] = epoch

    def trusted(self, index: int, epoch: int) -> bool:
        """Whether the piece was right in that epoch, if it was right before any change."""
        return epoch == 0 or self._vouched.get(index) == epoch

    def changed_path(self, index: int) -> str:
        """The path of a changed file of a piece."""
        files = [self._files[span.file] for span in self._layout.piece_spans(index)]
        return next((file.path for file in files if file.changes), self._part_file.path)

    def doubted(self) -> Tuple[Changed, ...]:
        """The changed files that have pieces which were not hashed since; nobody may use the part file meanwhile."""
        if not self.changed:
            return ()
        found: List[Changed] = []
        parted: Set[int] = set()
        for index in range(self._file_count):
            if self._files[index].changes:
                found.append(self._suspected(self._files[index].path, self._layout.file_pieces(index)))
            if self._part_file.changes:
                parted.update(self._part_file.pieces(index))
        found.append(self._suspected(self._part_file.path, sorted(parted)))
        return tuple([file for file in found if file.suspects])

    def _suspected(self, path: str, pieces: Iterable[int]) -> Changed:
        return Changed(path, tuple([piece for piece in pieces if not self.trusted(piece, self.of(piece))]))
