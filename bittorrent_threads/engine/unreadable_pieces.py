"""Pieces that may be there and could not be read: neither served nor fetched, and looked at as soon as that can be.

A hash that is wrong says that a piece is missing.  A file that is gone or cannot be opened says nothing: its disk may
come back with all that was on it.  Until that is known nothing is fetched, and what was remembered stays as it is.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Iterable, List

from ..metainfo.bitfield import Bitfield
from .checks import Check

if TYPE_CHECKING:
    from .torrent import Torrent


class UnreadablePieces:
    """These pieces of one torrent; true while there are any, and while a file is awaited."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self._pieces = Bitfield(torrent.metainfo.piece_count)
        self.hashing = Bitfield(torrent.metainfo.piece_count)
        """Pieces that wait for a hash check, or would if the torrent had not gone away."""

    def __bool__(self) -> bool:
        return not self._pieces.empty or self._torrent.file_check.awaited

    def add(self, indexes: Iterable[int]) -> None:
        """It is not known what these are."""
        for index in indexes:
            self._pieces.set(index)

    def drop(self, indexes: Iterable[int]) -> None:
        """It is known what these are; if it is of all, the files can be used again."""
        if not self._pieces.empty:
            for index in indexes:
                self._pieces.clear(index)
            if not self:
                self._torrent.storage_retry.end()
                self._torrent.retry()  # now it can be said whose the files are

    def look(self) -> None:
        """The files may be back: hash the pieces, unless that failed a moment ago."""
        if not self._torrent.storage_retry.on:
            self.hash(self._pieces.indexes())

    def hash(self, indexes: Iterable[int]) -> None:
        """Hash these, but for those that wait for it already."""
        fresh = [index for index in indexes if self.hashing.set(index)]
        if fresh:
            self._torrent.checks.add(Check(fresh, functools.partial(self._hashed, fresh)))

    def _hashed(self, indexes: List[int], check: Check) -> None:
        if not check.cancelled:
            self.hashing.remove(indexes)
