"""``Handles``: the descriptors of the files that are kept open."""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from typing import Any, List, Optional

from ..threads.original import allocate_lock
from .descriptor import Descriptor, Identity
from .file import File
from .folder import Folder


class Handle(Descriptor):
    """An open file; it is closed when the table does not keep it and its last user is done.

    Attributes:
        writable: Whether it was opened for writing.
        users: Threads that use it.
        kept: Whether it is in the table.
        opened: The status of the file when it was opened, for the first check of it; None afterwards.
    """

    __slots__ = ("kept", "opened", "users", "writable")

    def __init__(self, fd: int, found: os.stat_result, system: Any, *, writable: bool) -> None:
        super().__init__(fd, system, found)
        self.writable = writable
        self.users = 1
        self.kept = False
        self.opened: Optional[os.stat_result] = None


class Handles:
    """At most ``limit`` open files; the least recently used is closed first.  Safe to use from any thread.

    One lock guards the table; it is never held during a system call.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = allocate_lock()
        self._table: OrderedDict[File, Handle] = OrderedDict()

    def __len__(self) -> int:
        return len(self._table)

    def __contains__(self, file: File) -> bool:
        return file in self._table

    def take(self, file: File, *, writable: bool) -> Optional[Handle]:
        """Take the handle of a file, to be given back by ``leave``.

        Args:
            file: The file.
            writable: Whether it is to be written to.

        Returns:
            The handle; None if the file is not open, or only for reading.
        """
        with self._lock:
            handle = self._table.get(file)
            if handle is None or (writable and not handle.writable):
                return None
            self._table.move_to_end(file)
            handle.users += 1
            return handle

    def keep(self, file: File, handle: Handle) -> None:
        """Keep a new handle with one user, in place of another handle of the file."""
        with self._lock:
            # Two workers may have opened it at once: the later handle is kept, and both are valid.
            closable = [self._evict(file)] if file in self._table else []
            closable += [self._evict(old) for old in self._surplus()]
            self._table[file] = handle
            handle.kept = True
        _close(closable)

    def leave(self, handle: Handle) -> None:
        """Give back a handle."""
        with self._lock:
            handle.users -= 1
            unused = not handle.users and not handle.kept
        if unused:
            handle.close()

    def drop(self, file: File, *, unless: Optional[Identity] = None) -> None:
        """Remove the handle of a file from the table.

        Args:
            file: The file.
            unless: The handle stays if this is its identity.
        """
        if file not in self._table:
            return  # if another thread adds it now, that is as if it did so later
        with self._lock:
            handle = self._table.get(file)
            stale = handle is not None and (unless is None or handle.identity != unless)
            closable = [self._evict(file)] if stale else []
        _close(closable)

    def relieve(self) -> bool:
        """Close one unused file; return whether there was one."""
        with self._lock:
            file = next((file for file, handle in self._table.items() if not handle.users), None)
            closable = [] if file is None else [self._evict(file)]
        _close(closable)
        return bool(closable)

    def close(self, folder: Optional[Folder] = None) -> None:
        """Close the files below a folder, or all; a handle in use is closed by its last user."""
        with self._lock:
            closable = [self._evict(file) for file in list(self._table) if folder is None or file.folder is folder]
        _close(closable)

    def _surplus(self) -> List[File]:
        # Under the lock: the files to close so that one more can be kept.
        count = len(self._table) - self._limit + 1
        if count <= 0:
            return []
        return list(itertools.islice((file for file, handle in self._table.items() if not handle.users), count))

    def _evict(self, file: File) -> Optional[Handle]:
        # Under the lock.  Returns the handle if it must be closed now, outside of the lock.
        handle = self._table.pop(file)
        handle.kept = False
        return None if handle.users else handle


def _close(handles: List[Optional[Handle]]) -> None:
    for handle in handles:
        if handle is not None:
            handle.close()
