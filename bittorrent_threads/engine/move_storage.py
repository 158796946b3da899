"""Moving and renaming the files of a torrent in any phase: nothing is requested meanwhile, and uploads wait.

The disk moves the files, and every later job waits for that.  Here the torrent learns where its files are now.
"""

from __future__ import annotations

import functools
from typing import Callable, Optional, Protocol, Tuple

from ..disk.path_choice import rules
from ..disk.results import Moved
from ..errors import StorageError
from ..metainfo.safe_paths import chosen_path
from .payload_parts import StoredFiles
from .resume import ResumeStore


class Owner(Protocol):
    """The payload whose files are moved."""

    def suspend(self) -> None:
        """Request nothing until ``resume``."""

    def resume(self) -> None:
        """Request again, after ``suspend``."""

    def reconsider(self) -> None:
        """Whether pieces may be requested may have changed."""


class MoveStorage:
    """Moves of the files of one torrent, one after another.

    Args:
        owner: Is told when a move begins and ends.
        files: The files.
        resume_store: Remembers where the files are.
        names: Which names files may have (``Settings.names``).
    """

    def __init__(self, owner: Owner, files: StoredFiles, *, resume_store: ResumeStore, names: str) -> None:
        self._owner = owner
        self._storage = files.storage
        self._paths = files.paths
        self._resume_store = resume_store
        self._names = names
        self._under_way = 0

    @property
    def under_way(self) -> bool:
        """Files are being moved."""
        return bool(self._under_way)

    def move(self, basedir: str, done: Callable[[Optional[StorageError]], None]) -> None:
        """Move every file to another folder; ``done`` gets the error, or None."""
        moved = functools.partial(self._moved, basedir, done)
        self._begin()
        self._resume_store.recall(lambda: self._storage.move(basedir, moved))

    def rename(self, index: int, path: str, done: Callable[[Optional[StorageError]], None]) -> None:
        """Give a file another path below the folder; raises ValueError for one that is not allowed."""
        parts = self._chosen(index, path)
        known = self._resume_store.recalled
        self._under_way += 1
        self._owner.suspend()
        self._resume_store.recall(lambda: self._rename(index, path, parts, known, done))

    def _rename(
        self,
        index: int,
        path: str,
        parts: Tuple[str, ...],
        known: bool,
        done: Callable[[Optional[StorageError]], None],
    ) -> None:
        try:
            if not known:
                self._chosen(index, path)  # the names of an earlier client are known only now
        except ValueError as error:
            self._renamed()
            done(StorageError(str(error), self._paths.path(index)))
            return

        def renamed(answer: Moved) -> None:
            if answer.moved:
                self._paths.rename(index, parts)
                self._resume_store.renamed(answer)
            self._renamed()
            done(answer.error)

        self._storage.rename(index, parts, stored=self._resume_store.stored, deliver=renamed)

    def _chosen(self, index: int, path: str) -> Tuple[str, ...]:
        others = self._paths.near(tuple(path.split("/")), index)
        return chosen_path(path, others, names=rules(self._names), used=self._paths.parts(index))

    def cancel(self) -> None:
        """Undo the move under way; its ``done`` is called all the same."""
        self._storage.interrupt()

    def _begin(self) -> None:
        self._under_way += 1
        self._owner.reconsider()

    def _moved(self, basedir: str, done: Callable[[Optional[StorageError]], None], answer: Moved) -> None:
        if answer.moved:
            self._paths.basedir = basedir
            self._resume_store.moved(answer)
        self._ended()
        done(answer.error)

    def _renamed(self) -> None:
        self._under_way -= 1
        self._owner.resume()

    def _ended(self) -> None:
        self._under_way -= 1
        self._owner.reconsider()
