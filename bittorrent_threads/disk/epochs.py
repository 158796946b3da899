"""``Epochs``: which pieces are still known to be right after another program changed a file.

The epoch of a piece is the number of changes that were noticed in its files.  A piece that passed a hash check is
trusted as long as its epoch is the one of that check (``mark_right``).
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Set, Tuple

from ..metainfo.layout import Layout
from .part_file import PartFile
from .results import Changed
from .torrent_files import TorrentFiles


class Epochs:
    """The epochs of the pieces of one torrent; safe to use from any thread, but for ``changed_files``.

    Attributes:
        changed: Whether any change was noticed; otherwise all epochs are 0.
    """

    def __init__(self, layout: Layout, file_count: int, files: TorrentFiles, part_file: PartFile) -> None:
        self._layout = layout
        self._file_count = file_count
        self._files = files
        self._part_file = part_file
        self._right: Dict[int, int] = {}  # the last epoch in which a piece was right, if not 0
        self.changed = False

    def of(self, index: int) -> int:
        """Return the epoch of a piece."""
        if not self.changed:
            return 0
        return self._part_file.changes + sum(self._files[span.file].changes for span in self._layout.piece_spans(index))

    def mark_right(self, index: int, epoch: int) -> None:
        """Note that a piece passed a hash check in an epoch."""
        if epoch:
            self._right[index] = epoch

    def trusted(self, index: int, epoch: int) -> bool:
        """Return whether a piece passed a hash check in an epoch; every piece did in epoch 0."""
        return epoch == 0 or self._right.get(index) == epoch

    def changed_path(self, index: int) -> str:
        """Return the path of a changed file of a piece."""
        files = [self._files[span.file] for span in self._layout.piece_spans(index)]
        return next((file.path for file in files if file.changes), self._part_file.path)

    def changed_files(self) -> Tuple[Changed, ...]:
        """Return the changed files with their pieces that were not hashed since.

        No other thread may use the part file meanwhile.
        """
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
