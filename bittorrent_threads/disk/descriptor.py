"""``Descriptor``: reads and writes at a position of an open file, by the best system call of the platform.

With ``preadv`` any number of threads read at once.  Without it (Windows) each transfer seeks first, and a lock keeps
the two calls together.

One thread writes at a time: systems lock the inode for the length of a write, and the threads of Linux spin while they
wait for that.  With three workers a download took 1.85 s of processor a GiB, and with the lock here 1.75.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from ..threads.original import allocate_lock

Identity = Tuple[int, int]
"""Device and inode."""

_DEVICES = (
    os.name == "posix"
)  # on Windows some versions of Python return another device for a path than for a descriptor

MAX_VECTORS = 1024
"""Buffers of one ``pwritev``: IOV_MAX of Linux, macOS and the BSDs."""

WRITE_BYTES = 128 * 1024
"""Bytes of one write when system calls need not wait for the GIL.

Linux allocates page cache in blocks as large as the write, and large blocks are slow to get in a virtual machine: 1 GiB
on ext4 took 1.8 to 2.9 s in writes of 1 MiB, 0.35 s in writes of 64 or 128 KiB, and 0.55 s in writes of 16 KiB.
"""

MAX_WRITE_BYTES = 512 * 1024
"""Bytes of one write while each system call waits up to 5 ms for the GIL, because another thread computes.

A download beside such a thread reached 157 MB/s with writes of 256 KiB, 190 MB/s with 512 KiB, 168 MB/s with 4 MiB.
"""


class Descriptor:
    """An open file; every method raises ``OSError``.

    Args:
        fd: The descriptor of the system, closed by ``close``.
        system: The ``os`` module, or a double of it in tests.
        found: The status of the file, if it is known already.
    """

    __slots__ = ("_lock", "_system", "fd", "identity")

    def __init__(self, fd: int, system: Any = os, found: Optional[os.stat_result] = None) -> None:
        self.fd = fd
        self._system = system
        self._lock = allocate_lock()
        self.identity = identity(found or self.stat())

    def stat(self) -> os.stat_result:
        """Return the status of the file."""
        found: os.stat_result = self._system.fstat(self.fd)
        return found

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``, fewer only at the end of the file."""
        if hasattr(self._system, "pread"):
            # A new bytes object is filled faster than a new bytearray, which is zeroed first.
            data: bytes = self._system.pread(self.fd, length, offset)
            if len(data) == length:
                return data
        buffer = bytearray(length)
        with memoryview(buffer) as view:
            count = self.read_into(offset, view)
        return bytes(buffer[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill ``view`` from ``offset``; return the number of bytes, fewer only at the end of the file."""
        size = len(view)
        done = self._read_some(offset, view)
        while 0 < done < size:
            count = self._read_some(offset + done, view[done:])
            if not count:
                break
            done += count
        return done

    def write(self, offset: int, buffers: Sequence[memoryview], most: int = WRITE_BYTES) -> None:
        """Write buffers one after the other, without copying them.

        Args:
            offset: Where the first buffer goes.
            buffers: The buffers.
            most: Bytes of one system call at most.
        """
        with self._lock:
            for batch, size in _batches(buffers, most):
                while size:
                    # The last write before an error may be partial (RLIMIT_FSIZE, a full disk).
                    count = self._write_some(offset, batch)
                    if not count:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    offset += count
                    size -= count
                    if size:
                        batch = _behind(batch, count)

    def truncate(self, size: int) -> None:
        """Truncate the file to ``size`` bytes, or extend it with zeros."""
        self._system.ftruncate(self.fd, size)

    def sync(self) -> None:
        """Wait until the data, and the metadata needed to read it, are durable."""
        try:
            getattr(self._system, "fdatasync", self._system.fsync)(self.fd)
        except OSError:
            self.forget()
            raise

    def forget(self) -> None:
        """Drop the pages of the file after a failed write, which are taken for clean: reads return what is on disk."""
        if hasattr(self._system, "posix_fadvise"):
            with contextlib.suppress(OSError):
                self._system.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close the file; an error that is reported only here is reported by the next sync of the file, too."""
        try:  # noqa: SIM105 - a third of the time of contextlib.suppress
            self._system.close(self.fd)
        except OSError:
            pass

    def _read_some(self, offset: int, view: memoryview) -> int:
        system = self._system
        if hasattr(system, "preadv"):
            return int(system.preadv(self.fd, [view], offset))
        if hasattr(system, "pread"):
            data = system.pread(self.fd, len(view), offset)
        else:
            with self._lock:
                system.lseek(self.fd, offset, os.SEEK_SET)
                data = system.read(self.fd, len(view))
        view[: len(data)] = data
        return len(data)

    def _write_some(self, offset: int, buffers: List[memoryview]) -> int:
        system = self._system
        if hasattr(system, "pwritev"):
            return int(system.pwritev(self.fd, buffers, offset))
        if hasattr(system, "pwrite"):
            return int(system.pwrite(self.fd, buffers[0], offset))
        system.lseek(self.fd, offset, os.SEEK_SET)
        return int(system.write(self.fd, buffers[0]))


def _batches(buffers: Sequence[memoryview], most: int) -> Iterator[Tuple[List[memoryview], int]]:
    # The buffers of each call and their bytes: as many whole buffers as fit into ``most``, or a part of a large one.
    batch: List[memoryview] = []
    size = 0
    for buffer in buffers:
        length = len(buffer)
        if batch and (size + length > most or len(batch) == MAX_VECTORS):
            yield batch, size
            batch, size = [], 0
        while length > most:
            yield [buffer[:most]], most
            buffer = buffer[most:]
            length -= most
        batch.append(buffer)
        size += length
    if batch:
        yield batch, size


def _behind(batch: List[memoryview], count: int) -> List[memoryview]:
    # The rest of a batch after the first ``count`` bytes.
    left = []
    for buffer in batch:
        if count < len(buffer):
            left.append(buffer[count:])
        count = max(0, count - len(buffer))
    return left


def identity(found: os.stat_result) -> Identity:
    """Return device and inode of a file, equal for two names of one file."""
    return (found.st_dev if _DEVICES else 0), found.st_ino
