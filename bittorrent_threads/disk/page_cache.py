"""``PageCache``: where data is that was written and not synced.

The page cache belongs to the system, not to the process that wrote: it survives the end of the process, also by
SIGKILL, and is lost with the system (a power cut) or with the disk (one that is removed without an unmount).  Its name
is therefore made of the boot id of Linux, the number of the device, and ``diskseq`` of Linux 5.15, a number that no
other disk, and no other connection of the same disk, has in one boot.  Data that was written under the name that the
page cache has now is still there.

On other systems, on older kernels, and on file systems without a disk of their own (network, FUSE, overlay) there is no
name, and nothing unsynced is trusted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple, Optional

from .folder import Folder
from .linux import file_system_of

KINDS = ("ext2", "ext3", "ext4", "f2fs", "xfs")
"""File systems of one disk that keep what they have written in the page cache of the kernel and nowhere else."""

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_DEVICES = "/sys/dev/block"


class PageCache(NamedTuple):
    """The page cache of one disk in one boot."""

    name: str
    """Equal only for the same disk, connected without a break in the same boot."""
    device: int
    """Device number of the file system."""

    @classmethod
    def of(cls, folder: Folder) -> Optional[PageCache]:
        """Return the page cache of the file system of a folder; None if it has no name."""
        if not sys.platform.startswith("linux"):
            return None
        try:
            device = int(folder.system.stat(folder.root).st_dev)
            if file_system_of(device) not in KINDS:
                return None
            number = f"{os.major(device)}:{os.minor(device)}"
            boot = _read(_BOOT_ID)
            return cls(f"{boot} {number} {_sequence(Path(_DEVICES) / number)}", device)
        except (OSError, ValueError):
            return None


def _sequence(device: Path) -> str:
    try:
        return _read(str(device / "diskseq"))
    except FileNotFoundError:
        return _read(str(device / ".." / "diskseq"))  # of a partition: the disk has it


def _read(path: str) -> str:
    # As bytes: a text file imports its codec, which in a patched process is not to happen in our threads.
    with open(path, "rb") as file:
        text = file.read(64).decode().strip()
    if not text:
        raise ValueError(path)
    return text
