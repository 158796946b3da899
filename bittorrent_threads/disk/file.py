"""``File``: what is known of one file of a torrent, and the errors of a missing or damaged file."""

from __future__ import annotations

import os
from typing import Callable, NamedTuple, Optional

from ..errors import StorageError
from ..threads.original import allocate_lock
from .descriptor import Identity, identity
from .folder import Folder, Parts

YOUNG = 300.0
"""Seconds after which every system has written a change to the disk; Linux takes up to 35."""


class FileStat(NamedTuple):
    """Size, modification time and inode of a file: a change of one of them means that the file was changed."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileStat:
        """Make it from the status of a file."""
        return tuple.__new__(cls, (found.st_size, found.st_mtime_ns, found.st_ino))  # half the time of cls(...)

    def still(self, found: os.stat_result) -> bool:
        """Return whether size and modification time of a status are the same."""
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


class Missing(StorageError):
    """The file never existed, or is shorter than the requested range."""


class Gone(StorageError):
    """The file existed and was removed, or another file has its name."""


class Wrong(StorageError):
    """Another program changed the file, and a piece that was right is wrong now."""


class File:
    """One file below a folder: its path, and its state when it was last seen.

    Only a ``FilePool`` changes the fields, under its lock.  A file lives as long as its torrent, open or not.

    Args:
        folder: The folder.
        parts: Components of the path below it.
        on_changed: Called when ``changes`` grew, in the thread that noticed it.
    """

    __slots__ = (
        "changes",
        "ctime",
        "folder",
        "fresh",
        "identity",
        "stat_lock",
        "on_changed",
        "parts",
        "stat",
        "writers",
        "written",
    )

    def __init__(self, folder: Folder, parts: Parts, *, on_changed: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self.parts = parts
        self.on_changed = on_changed
        self.stat_lock = allocate_lock()
        """Held while the file is compared with ``stat``, and at the begin and the end of a write.

        The last of simultaneous writes updates ``stat``.
        """
        self.stat: Optional[FileStat] = None
        """At the last check or write; None if the file did not exist."""
        self.ctime = 0.0
        """System time of the last change of its data or names, which no program can set."""
        self.changes = 0
        """Changes by other programs that were noticed; it only grows."""
        self.identity: Optional[Identity] = None
        """None if the file was never seen."""
        self.fresh = False
        """Whether we created it and its directory entry is not durable yet."""
        self.written = False
        """Whether we have written to it."""
        self.writers = 0
        """Threads that write to it now."""

    @property
    def path(self) -> str:
        """The absolute path, for messages."""
        return self.folder.path(self.parts)

    def young(self, now: float) -> bool:
        """Return whether some of its data may not be on the disk yet, at the system time ``now`` in seconds."""
        return now - self.ctime < YOUNG

    @property
    def seen(self) -> bool:
        """Whether the file existed when it was last checked."""
        return self.identity is not None

    def remember(self, found: os.stat_result) -> FileStat:
        """Set the state of the file from its status; return size, time and inode."""
        self.identity = identity(found)
        self.ctime = found.st_ctime
        self.stat = FileStat.of(found)
        return self.stat

    def unchanged(self, found: os.stat_result) -> bool:
        """Return whether the file was seen, and its status is the same; a file that is written to is not asked."""
        return (found.st_size, found.st_mtime_ns, found.st_ino) == self.stat and identity(found) == self.identity

    def differs(self, found: Optional[os.stat_result]) -> bool:
        """Return whether the file was changed since it was last seen, by its status; None if it does not exist."""
        known = self.stat
        if known is None or self.identity is None:
            return False
        if found is None or identity(found) != self.identity or found.st_size < known.size:
            return True
        # The times of a file that we write to prove nothing, but it does not shrink.
        return not self.written and not known.still(found)
