"""``Flush``: make the data of many files durable by one call, where the system has one (``syncfs`` of Linux).

To sync 20,000 files one by one takes a minute on a disk; ``syncfs`` waits for the disk once.  Linux 5.8 and later
report every write error since the descriptor was opened, so that it has to be opened before the first write.  Older
kernels do not report errors; there each file is checked afterwards (``sync_file_range``), which does not wait then.
Only file systems that are known to do both are flushed; on others, and after any failure, each file is synced.
"""

from __future__ import annotations

import os
from typing import Optional

from .folder import Folder
from .linux import Calls, calls, file_system_of

MANY = 256
"""Files from which on ``syncfs`` is called.

Fewer take a second at most, and ``syncfs`` waits for the writes of other programs, too.
"""

KINDS = ("ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs")


class Flush:
    """A file system whose write errors are watched from ``begin`` on.

    Attributes:
        folder: The folder that it was opened by.
        device: The device number of the file system.
    """

    def __init__(self, folder: Folder, fd: int, device: int, known: Calls) -> None:
        self.folder = folder
        self.device = device
        self._fd = fd
        self._calls = known

    @classmethod
    def begin(cls, folder: Folder) -> Optional[Flush]:
        """Watch the file system of a folder; return None if it cannot be flushed."""
        known = calls()
        if known is None:
            return None
        try:
            fd = int(folder.system.open(folder.root, os.O_RDONLY | os.O_DIRECTORY))
        except OSError:
            return None
        try:
            device = int(folder.system.fstat(fd).st_dev)
            if file_system_of(device) in KINDS:
                return cls(folder, fd, device, known)
        except OSError:
            pass
        folder.system.close(fd)
        return None

    @property
    def complete(self) -> bool:
        """Whether ``run`` reports every write error since ``begin``, so that files need not be checked."""
        return self._calls.reporting

    def run(self) -> bool:
        """Write the data of all files of the file system; return False on any error."""
        return self._fd >= 0 and self._calls.syncfs(self._fd) == 0

    def check(self, fd: int) -> bool:
        """Return whether the data of an open file was written."""
        return self._calls.written(fd)

    def close(self) -> None:
        """Stop watching; may be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self.folder.system.close(fd)
