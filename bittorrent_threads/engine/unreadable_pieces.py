"""Pieces that may be there and could not be read: neither sent nor requested, and hashed as soon as they can be read.

A hash that is wrong says that a piece is missing.  A file that is gone or cannot be opened says nothing: its disk may
come back with all that was on it.  Until that is known nothing is requested, and the resume data stays as it is.
"""

from __future__ import annotations

import functools
from typing import Callable, Iterable, List

from ..metainfo.bitfield import Bitfield
from .checks import Check, Checks
from .storage_retry import StorageRetry


class UnreadablePieces:
    """These pieces of one torrent; true while there are any, and while a file is awaited.

    Args:
        count: Pieces of the torrent.
        checks: Hash them.
        storage_retry: Ends when every piece is known.
        retry: Called when every piece is known: the files can be used again.
    """

    def __init__(self, count: int, checks: Checks, storage_retry: StorageRetry, retry: Callable[[], None]) -> None:
        self._checks = checks
        self._storage_retry = storage_retry
        self._retry = retry
        self._pieces = Bitfield(count)
        self.awaiting_files = False
        """A file that was there is awaited; set by the file check."""
        self.hashing = Bitfield(count)
        """Pieces that wait for a hash check, or would if the torrent had not been closed."""

    def __bool__(self) -> bool:
        return not self._pieces.empty or self.awaiting_files

    def add(self, indexes: Iterable[int]) -> None:
        """It is not known whether these are there."""
        for index in indexes:
            self._pieces.set(index)

    def drop(self, indexes: Iterable[int]) -> None:
        """It is known whether these are there; if it is of all, the files can be used again."""
        if not self._pieces.empty:
            for index in indexes:
                self._pieces.clear(index)
            if not self:
                self._storage_retry.end()
                self._retry()  # now it can be told which files are the torrent's own

    def look(self) -> None:
        """The files may be back: hash the pieces, unless the disk failed a moment ago."""
        if not self._storage_retry.on:
            self.hash(self._pieces.indexes())

    def hash(self, indexes: Iterable[int]) -> None:
        """Hash these, but for those that wait for a hash check already."""
        fresh = [index for index in indexes if self.hashing.set(index)]
        if fresh:
            self._checks.add(Check(fresh, functools.partial(self._hashed, fresh)))

    def _hashed(self, indexes: List[int], check: Check) -> None:
        if not check.cancelled:
            self.hashing.remove(indexes)
