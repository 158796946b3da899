"""Moving and renaming the files of a running torrent: nothing is asked for meanwhile, and what peers want waits.

The disk does it, and everything else it is asked waits for that; here the torrent learns where its files are now.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Tuple

from ..disk.path_choice import rules
from ..errors import StorageError
from ..metainfo.safe_paths import chosen_path
from .interfaces import Moved

if TYPE_CHECKING:
    from .torrent import Torrent


class MoveStorage:
    """Moves of one torrent; one after another."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self._under_way = 0

    @property
    def under_way(self) -> bool:
        """Files are being moved."""
        return bool(self._under_way)

    def move(self, basedir: str, done: Callable[[Optional[StorageError]], None]) -> None:
        """Move every file to another folder; ``done`` gets what went wrong."""
        moved = functools.partial(self._moved, basedir, done)
        self._begin()
        self._torrent.resume_store.recall(lambda: self._torrent.storage.move(basedir, moved))

    def rename(self, index: int, path: str, done: Callable[[Optional[StorageError]], None]) -> None:
        """Give a file another path below the folder; raises ValueError for one that cannot be."""
        parts = self._chosen(index, path)
        names = self._torrent.names.copy()
        self._begin()
        self._torrent.resume_store.recall(lambda: self._rename(index, path, parts, names, done))

    def _rename(
        self,
        index: int,
        path: str,
        parts: Tuple[str, ...],
        names: Mapping[int, Tuple[str, ...]],
        done: Callable[[Optional[StorageError]], None],
    ) -> None:
        torrent = self._torrent
        try:
            if names != torrent.names:
                self._chosen(index, path)  # the names of an earlier client are known only now
        except ValueError as error:
            self._ended()
            done(StorageError(str(error), torrent.path(index)))
            return

        def renamed(answer: Moved) -> None:
            if answer.moved:
                torrent.names[index] = parts
                torrent.chosen_names.pop(index, None)
                torrent.resume_store.renamed(answer)
            self._ended()
            done(answer.error)

        torrent.storage.rename(index, parts, stored=torrent.resume_store.stored, deliver=renamed)

    def _chosen(self, index: int, path: str) -> Tuple[str, ...]:
        torrent = self._torrent
        others = [torrent.parts(other) for other in range(len(torrent.metainfo.files)) if other != index]
        return chosen_path(path, others, names=rules(torrent.settings.names), used=torrent.parts(index))

    def cancel(self) -> None:
        """Have the move under way undone; it is answered all the same."""
        self._torrent.storage.interrupt()

    def _begin(self) -> None:
        self._under_way += 1
        self._torrent.reconsider()

    def _moved(self, basedir: str, done: Callable[[Optional[StorageError]], None], answer: Moved) -> None:
        torrent = self._torrent
        if answer.moved:
            torrent.basedir = basedir
            torrent.resume_store.moved(answer)
        self._ended()
        done(answer.error)

    def _ended(self) -> None:
        self._under_way -= 1
        self._torrent.reconsider()
