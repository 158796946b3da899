"""The files of a torrent as pieces: which pieces the priority of a file makes wanted, and when a file is complete.

A piece that lies in several files has the highest of their priorities, so that a wanted file always gets its first and
last piece.  The pieces of an unwanted file may be in the part file only: a file is complete when all its pieces are
there and it was *made*, which means that it is under its own path.

A file of priority 0 that is being read is wanted, and its pieces are requested on demand only.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Set, Tuple

from ..metainfo.layout import Layout, runs
from .picker import MAX_PRIORITY, ON_DEMAND

NORMAL_PRIORITY = 1
"""Priority of a file that nobody has set one for."""


class FileProgress:
    """Priorities and missing pieces of each file; at first all pieces are missing."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.priorities: Tuple[int, ...] = (NORMAL_PRIORITY,) * layout.file_count
        self._read: Dict[int, int] = {}
        """The files that are being read, and by how many readers."""
        self._made: Set[int] = set()
        self._pieces = [len(layout.file_pieces(file)) for file in range(layout.file_count)]
        self._left = list(self._pieces)

    @property
    def wanted(self) -> List[bool]:
        """Whether each file has a priority above 0, or is being read."""
        wanted = [priority > 0 for priority in self.priorities]
        for file in self._read:
            wanted[file] = True
        return wanted

    def read(self, file: int) -> bool:
        """Take the news that a reader reads a file; returns whether that made it wanted."""
        self._read[file] = self._read.get(file, 0) + 1
        return self._read[file] == 1 and not self.priorities[file]

    def unread(self, file: int) -> bool:
        """Take the news that a reader of a file is done; returns whether the file is not wanted any more."""
        self._read[file] -= 1
        if self._read[file]:
            return False
        del self._read[file]
        return not self.priorities[file]

    def set_priorities(self, priorities: Sequence[int]) -> None:
        """Set the priorities.

        Args:
            priorities: One for each file, 0 (not wanted) to 7 (first).

        Raises:
            ValueError: The number of priorities is wrong, or one is out of range.
            TypeError: A priority is not an integer.
        """
        if len(priorities) != self._layout.file_count:
            raise ValueError(f"{len(priorities)} priorities for {self._layout.file_count} files")
        for file, priority in enumerate(priorities):
            check_priority(file, priority)
        self.priorities = tuple(priorities)

    def piece_priorities(self) -> List[int]:
        """The priority of each piece: the highest of its files; on demand if one of them is only being read."""
        found = [0] * self._layout.piece_count
        for file in self._read:
            for index in self._layout.file_pieces(file):
                found[index] = ON_DEMAND
        for file, priority in enumerate(self.priorities):
            if not priority:
                continue
            for index in self._layout.file_pieces(file):
                if priority > found[index]:
                    found[index] = priority
        return found

    def begun(self, file: int) -> bool:
        """Whether we have a piece of this file."""
        return self._left[file] < self._pieces[file]

    def passed(self, indexes: Iterable[int]) -> List[int]:
        """Take the news that we have these pieces; returns the files that this completes."""
        completed = []
        for run in runs(indexes):
            for file, count in self._layout.files_in(run):
                self._left[file] -= count
                if not self._left[file] and file in self._made:
                    completed.append(file)
        return completed

    def made(self, files: Iterable[int]) -> List[int]:
        """Take the news that these files are under their paths, with all of their data that we have.

        Returns:
            The files that this completes; not those of no bytes, because none of their data was ever missing.
        """
        new = [file for file in files if file not in self._made]
        self._made.update(new)
        return [file for file in new if not self._left[file] and self._layout.file_pieces(file)]

    def unmade(self, files: Iterable[int]) -> bool:
        """Take the news that these files are not under their paths; returns whether any of them was."""
        gone = self._made.intersection(files)
        self._made -= gone
        return bool(gone)

    def lost(self, indexes: Iterable[int]) -> None:
        """Take the news that we lost these pieces."""
        for run in runs(indexes):
            for file, count in self._layout.files_in(run):
                self._left[file] += count


def check_priority(file: int, priority: object) -> None:
    """Check the priority of a file.

    Raises:
        ValueError: It is out of range.
        TypeError: It is not an integer.
    """
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise TypeError(f"priority {priority!r} of file {file} is no integer")
    if not 0 <= priority <= MAX_PRIORITY:
        raise ValueError(f"priority {priority} of file {file} is not 0 to {MAX_PRIORITY}")
