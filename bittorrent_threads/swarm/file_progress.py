"""The files of a torrent as pieces: which pieces a file's priority makes wanted, and when a file is complete.

A piece that lies in several files has the highest of their priorities, so that a wanted file always gets its ends.
What is had of a file that is not wanted may lie in the part file alone: a file is complete when it is *made*, too.
"""

from __future__ import annotations

from typing import Iterable, List, Sequence, Set

from ..metainfo.layout import Layout, runs
from .picker import MAX_PRIORITY


class FileProgress:
    """Priorities and missing pieces of each file; at first all are missing."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.priorities: List[int] = [1] * layout.file_count
        self._made: Set[int] = set()
        self._left = [len(layout.file_pieces(file)) for file in range(layout.file_count)]

    @property
    def wanted(self) -> List[bool]:
        """Which files have a priority above 0."""
        return [priority > 0 for priority in self.priorities]

    def set_priorities(self, priorities: Sequence[int]) -> None:
        """One for each file, 0 (never) to 7 (first); raises ValueError, TypeError."""
        if len(priorities) != self._layout.file_count:
            raise ValueError(f"{len(priorities)} priorities for {self._layout.file_count} files")
        for file, priority in enumerate(priorities):
            if not isinstance(priority, int) or isinstance(priority, bool):
                raise TypeError(f"priority {priority!r} of file {file} is no integer")
            if not 0 <= priority <= MAX_PRIORITY:
                raise ValueError(f"priority {priority} of file {file} is not 0 to {MAX_PRIORITY}")
        self.priorities = list(priorities)

    def piece_priorities(self) -> List[int]:
        """One for each piece: the highest of its files."""
        found = [0] * self._layout.piece_count
        for file, priority in enumerate(self.priorities):
            for index in self._layout.file_pieces(file):
                if priority > found[index]:
                    found[index] = priority
        return found

    def begun(self, file: int) -> bool:
        """Is a piece of this file right?"""
        return self._left[file] < len(self._layout.file_pieces(file))

    def passed(self, indexes: Iterable[int]) -> List[int]:
        """We have these pieces now; returns the files made before that they complete."""
        completed = []
        for run in runs(indexes):
            for file, count in self._layout.files_in(run):
                self._left[file] -= count
                if not self._left[file] and file in self._made:
                    completed.append(file)
        return completed

    def made(self, files: Iterable[int]) -> List[int]:
        """These files are under their paths, with all that is had of them; returns those that this completes.

        An empty file is not among them: nothing of it was ever missing.
        """
        new = [file for file in files if file not in self._made]
        self._made.update(new)
        return [file for file in new if not self._left[file] and self._layout.file_pieces(file)]

    def unmade(self, files: Iterable[int]) -> bool:
        """These files are not under their paths; returns whether any of them was."""
        gone = self._made.intersection(files)
        self._made -= gone
        return bool(gone)

    def lost(self, indexes: Iterable[int]) -> None:
        """We had these pieces, and have them no more."""
        for run in runs(indexes):
            for file, count in self._layout.files_in(run):
                self._left[file] += count
