"""``File``: what is known of one file of a torrent, and the two ways in which it can be missing."""

from __future__ import annotations

import os
from typing import Callable, NamedTuple, Optional

from ..errors import StorageError
from ..threads.original import allocate_lock
from .descriptor import Identity
from .folder import Folder, Parts

YOUNG = 300.0
"""Seconds in which any system has written to the disk what a program wrote to a file; Linux takes up to 35."""


class FileStat(NamedTuple):
    """What tells a file from a changed one, as the system had it."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileStat:
        """What the system says of a file."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)

    def still(self, found: os.stat_result) -> bool:
        """Whether what the system says now has the same size and time."""
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


class Missing(StorageError):
    """The file was never there, or ends before what was asked for."""


class Gone(StorageError):
    """The file that was there is not there any more, or its name is another file's now."""


class Wrong(StorageError):
    """Another program changed the file, and a piece that was right was hashed and is wrong now."""


class File:
    """One file below a folder: its name, and what it was when we last saw it.

    Only a ``FilePool`` changes the fields, under its lock.  ``looking`` is held by whoever compares the file with
    ``stat``, and at both ends of each write; between them ``writers`` is not 0, and the last to end leaves ``stat``
    behind.  ``on_changed`` is called when ``changes`` grew, by whichever thread saw it.  A file lives as long as its
    torrent, open or not.
    """

    __slots__ = (
        "changes",
        "ctime",
        "folder",
        "fresh",
        "identity",
        "looking",
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
        self.looking = allocate_lock()
        self.stat: Optional[FileStat] = None
        """When we last looked or wrote; None for a file that was not there."""
        self.ctime = 0.0
        """When its data or its names changed last, by the clock of the system; no program can set it."""
        self.changes = 0
        """How often another program was seen to have changed it between two adoptions; only ever grows."""
        self.identity: Optional[Identity] = None
        """None while it was never met."""
        self.fresh = False
        """Made by us, and its name not yet synced."""
        self.written = False
        """We have written to it."""
        self.writers = 0
        """Threads that write to it at this moment: several at once, as each write waits for the GIL in the end."""

    @property
    def path(self) -> str:
        """The absolute path, to be shown."""
        return self.folder.path(self.parts)

    def young(self, now: float) -> bool:
        """Whether some of it may not be on the disk yet, ``now`` by the clock of the system."""
        return now - self.ctime < YOUNG

    @property
    def met(self) -> bool:
        """Whether the file was there when we looked last."""
        return self.identity is not None
