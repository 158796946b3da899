"""``Descriptor``: reads and writes at a position of one open file, the best way the platform has.

With ``preadv`` and ``pwritev`` any number of threads use one descriptor at once.  Without them (Windows) each transfer
moves the one position the file has, and a lock makes the two calls one.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from ..threads.original import allocate_lock

Identity = Tuple[int, int]
"""Device and inode."""

MAX_VECTORS = 1024
"""Buffers of one ``pwritev``: IOV_MAX of Linux, macOS and the BSDs."""

WRITE_BYTES = 128 * 1024
"""Bytes of one write that does not have to wait.

Linux takes as much memory in one piece for the page cache as a write is long, where the file system lets it, and a
virtual machine has given its large pieces back to its host: 1 GiB in writes of 1 MiB took 1.8 to 2.9 s on ext4, of
16 KiB 0.55 s, of 64 or 128 KiB 0.35 s, and of 1 MiB into memory that was just used 0.34 s.
"""

MAX_WRITE_BYTES = 512 * 1024
"""Bytes of one write while each call ends with a wait of 5 ms for the GIL, because the host computes in Python.

A download beside such a main thread reached 157 MB/s with writes of 256 KiB, 190 MB/s of 512 KiB and of 1 MiB, and
168 MB/s of 4 MiB, which took half a second of processor more for each 512 MiB, for the reason above.
"""


class Descriptor:
    """The open file ``fd``, which it owns; everything raises ``OSError``.  ``system`` is as for ``Folder``.

    ``found`` is what the system knows of the file, for who has asked already.
    """

    __slots__ = ("_lock", "_system", "fd", "identity")

    def __init__(self, fd: int, system: Any = os, found: Optional[os.stat_result] = None) -> None:
        self.fd = fd
        self._system = system
        self._lock = allocate_lock()
        self.identity = identity(found or self.stat())

    def stat(self) -> os.stat_result:
        """What the system knows of the file."""
        found: os.stat_result = self._system.fstat(self.fd)
        return found

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes, fewer only if the file ends before."""
        if hasattr(self._system, "pread"):
            # A new bytes object is filled a quarter faster than a new bytearray, which is zeroed first.
            data: bytes = self._system.pread(self.fd, length, offset)
            if len(data) == length:
                return data
        buffer = bytearray(length)
        with memoryview(buffer) as view:
            count = self.read_into(offset, view)
        return bytes(buffer[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill ``view``; returns how many bytes there were, fewer than asked for only if the file ends before."""
        size = len(view)
        done = self._read_some(offset, view)
        while 0 < done < size:
            count = self._read_some(offset + done, view[done:])
            if not count:
                break
            done += count
        return done

    def write(self, offset: int, buffers: Sequence[memoryview], most: int = WRITE_BYTES) -> None:
        """Write all the buffers, one behind the other, ``most`` bytes in a call; they are not copied."""
        for batch, size in _batches(buffers, most):
            while size:
                # A system that is about to refuse takes a part first (RLIMIT_FSIZE, a full disk).
                count = self._write_some(offset, batch)
                if not count:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                offset += count
                size -= count
                if size:
                    batch = _behind(batch, count)

    def truncate(self, size: int) -> None:
        """Cut the file to ``size`` bytes, or lengthen it with zeros."""
        self._system.ftruncate(self.fd, size)

    def sync(self) -> None:
        """Wait until the disk has the data, and what is needed to find it."""
        try:
            getattr(self._system, "fdatasync", self._system.fsync)(self.fd)
        except OSError:
            # The system now holds the pages it could not write for clean; the next reader shall see what the disk has.
            if hasattr(self._system, "posix_fadvise"):
                with contextlib.suppress(OSError):
                    self._system.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)
            raise

    def close(self) -> None:
        """Close the file; what a system reports only here, the sync of the next descriptor reports too."""
        with contextlib.suppress(OSError):
            self._system.close(self.fd)

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
        with self._lock:
            system.lseek(self.fd, offset, os.SEEK_SET)
            return int(system.write(self.fd, buffers[0]))


def _batches(buffers: Sequence[memoryview], most: int) -> Iterator[Tuple[List[memoryview], int]]:
    # What each call writes, and its bytes: as many whole buffers as fit into ``most``, or a part of a large one.
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
    # What is left of a batch of which so many bytes are written.
    left = []
    for buffer in batch:
        if count < len(buffer):
            left.append(buffer[count:])
        count = max(0, count - len(buffer))
    return left


def identity(found: os.stat_result) -> Identity:
    """What two names of one file have in common."""
    # Versions of Python for Windows differ in what they give for a device by name and by descriptor.
    return found.st_dev if os.name == "posix" else 0, found.st_ino
