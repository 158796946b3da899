"""Locks of files that the system releases when the process ends, and a substitute where the file system has none.

The locks are ``flock`` on POSIX, and one byte far behind the end by ``msvcrt.locking`` on Windows.  A lock belongs to
the open file, so that two sessions of one process exclude each other, too.
"""

from __future__ import annotations

import enum
import errno
import os
import sys
from typing import Any, Dict, Mapping

_FAR = 2**30  # the byte that is locked on Windows, where a locked byte cannot be read
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class Alive(enum.Enum):
    """Whether the process that holds a file still runs."""

    YES = "yes"
    NO = "no"


def lock(fd: int) -> Dict[str, Any]:
    """Lock an open file without waiting.

    Args:
        fd: Its descriptor.

    Returns:
        What the file has to say about its holder, for ``locked_by``.
    """
    try:
        _lock(fd)
        locked = True
    except OSError:
        locked = False
    return {"locked": locked, "pid": os.getpid(), "boot": "" if locked else _boot()}


def locked_by(fd: int, said: Mapping[str, Any]) -> Alive:
    """Find out whether the holder of a file still runs.

    Args:
        fd: A descriptor of the file; it may be locked by this process afterwards if the holder ended.
        said: What the file says about its holder.

    Returns:
        Whether the holder runs.
    """
    try:
        _lock(fd)
    except OSError as error:
        if error.errno in _BUSY:
            return Alive.YES
        locked = False  # the file system has no locks
    else:
        locked = bool(said.get("locked", True))
    if locked:
        return Alive.NO
    pid = said.get("pid")
    if said.get("boot") != _boot() or not isinstance(pid, int) or not 0 < pid < 2**31:
        return Alive.NO
    return Alive.YES if _runs(pid) else Alive.NO


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        place = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(fd, place, os.SEEK_SET)

    def _runs(pid: int) -> bool:
        return False  # os.kill would end the process; Windows always has locks

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _runs(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read(64).decode().strip()
    except OSError:
        return ""
