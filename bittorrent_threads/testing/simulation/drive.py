"""``SimDrive``: a simulated drive, with workers, a speed, a size and faults.

A job waits for one of a few workers, takes as long as a seek and the bytes read, written and hashed need, and answers
in a pass of its own.
"""

from __future__ import annotations

import errno
import os
from typing import Callable, Dict, Optional

from ...errors import StorageError
from .network import SimNetwork

MIB = 1024 * 1024


class SimDrive:
    """The drive of one host.  Attributes may be changed at any time; they apply to jobs that end afterwards."""

    def __init__(self, network: SimNetwork, *, workers: int = 2) -> None:
        self.seek_time = 0.0005
        self.read_rate = 1000.0 * MIB
        self.write_rate = 500.0 * MIB
        self.hash_rate = 1000.0 * MIB
        self.room: Optional[int] = None
        """Bytes that can be written before the disk is full; None for no limit."""
        self.write_errno = 0
        """The errno with which every write fails."""
        self.read_errno = 0
        self.operations = 0
        """Reads and writes so far."""
        self.failing_operation = 0
        """The number of the operation that fails with EIO; 0 for none."""
        self.wrong_reads = 0.0
        """Share of loads that return one wrong byte."""
        self.page_cache = ""
        """The name of the page cache: data stays in it after a stop, and survives if the name is still the same."""
        self.loaded = 0
        """Bytes read for peers."""
        self.saved = 0
        """Bytes written, of pieces and of blocks."""
        self.busy_jobs = 0
        """Jobs that are queued or running."""
        self.most_busy_jobs = 0
        self.metadata_files: Dict[bytes, bytes] = {}
        """The stored info dictionaries, by infohash."""
        self.claims: Dict[str, Dict[bytes, bool]] = {}
        """The torrents that use each path, and whether they write."""
        self.network = network
        self._workers = workers
        self._free_at = [0.0] * workers

    def restart(self) -> None:
        """Drop the queued and running jobs, as when the process is killed."""
        self.busy_jobs = 0
        self.claims.clear()
        self._free_at = [0.0] * self._workers

    def work(self, seconds: float, finish: Callable[[], None]) -> None:
        """Run a job of this duration as soon as a worker is free."""
        now = self.network.world.now
        worker = self._free_at.index(min(self._free_at))
        end = max(now, self._free_at[worker]) + self.seek_time + seconds
        self._free_at[worker] = end
        self.busy_jobs += 1
        self.most_busy_jobs = max(self.most_busy_jobs, self.busy_jobs)
        self.network.call_later(end - now, lambda: self._finish(finish))

    def read_error(self, path: str) -> Optional[StorageError]:
        """Return the error of a read of ``path`` now, or None."""
        return self._error(path, self.read_errno)

    def write_error(self, path: str, size: int, *, room: int = 0) -> Optional[StorageError]:
        """Return the error of a write of ``size`` bytes to ``path`` now; None if they were written.

        ``room`` is the number of further bytes that must be free.
        """
        full = self.room is not None and self.room < size + room
        error = self._error(path, self.write_errno or (errno.ENOSPC if full else 0))
        if error is None and self.room is not None:
            self.room -= size
        return error

    def _error(self, path: str, number: int) -> Optional[StorageError]:
        self.operations += 1
        if self.operations == self.failing_operation:
            number = errno.EIO
        return StorageError(os.strerror(number), path, number) if number else None

    def _finish(self, finish: Callable[[], None]) -> None:
        self.busy_jobs -= 1
        finish()
