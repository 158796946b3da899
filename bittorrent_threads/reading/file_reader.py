"""``FileReader``: a file of a torrent, open for reading while it is downloaded."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import operator
import os
import time
import weakref
from typing import Any, Dict, Optional, Tuple, Union

from ..disk.destination import Destination
from ..engine.readers import Reader
from ..errors import BitTorrentError, SessionClosed, Stalled, StorageError, WaitTimeout
from ..explanation import explain
from ..net.reply import Reply
from ..status import Status
from ..threads.latch import Cancel
from ..torrent_handle import TorrentHandle

LEAST_READ = 64 * 1024
"""Bytes that are read from the disk at least: small reads are answered from them."""
MAX_READ = 1024 * 1024
"""Bytes that one call of ``read`` returns at most."""
MAX_AHEAD = 8 * MAX_READ
"""Bytes that are read ahead from the disk at most, by a reader that reads in sequence; it keeps them in memory.

Each read from the disk passes through three threads, and waits for a processor in each: 6 ms with the processors busy,
so that a reader of 1 MiB at a time was left behind by a download of 600 MB/s.
"""
LOOK_INTERVAL = 0.5
"""Seconds between two looks at the progress of what is waited for."""


class FileReader(io.RawIOBase):
    """A file of a torrent, open for reading; ``Client.open`` makes it.

    It is a raw binary file as the module ``io`` has them: a read waits until the data at its position is downloaded and
    verified, and may return fewer bytes than asked for.  ``io.BufferedReader`` makes one that returns all.  Where it
    reads is downloaded first, and what follows there ahead of it.  Several files may be open, also the same one several
    times, and share the peers.

    Like other raw files it has no lock: threads that share one must agree on who reads when, and
    ``io.BufferedReader`` does that for them.  ``close`` may be called in any thread; a read that waits then raises
    ValueError.

    Its methods raise, besides what those of every raw file do:

    - WaitTimeout if a read took longer than ``timeout``, Stalled (both are TimeoutError) if nothing of what it waits
      for came for ``stall_timeout`` seconds, or at once if data is missing and the torrent is paused or stopped.  The
      position stays where it was, and the read may be repeated.
    - OSError if the file on disk cannot be read.
    - Cancelled if the ``cancel`` that was given is set, and SessionClosed if the client is closed.
    """

    def __init__(
        self,
        handle: TorrentHandle,
        client: object,
        index: int,
        *,
        readahead: Optional[int] = None,
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = None,
        cancel: Optional[Cancel] = None,
    ) -> None:
        super().__init__()
        entry = handle.torrent.content.metainfo.files[index]
        self.index = index
        """Index of the file in the torrent, from 0."""
        self.name = "/".join(entry.path)
        """Path of the file in the torrent, with ``/`` between its components."""
        self.mode = "rb"
        """Always ``rb``."""
        self.length = entry.length
        """Bytes of the file."""
        self._handle = handle
        self._client = client  # a client is closed when it is garbage-collected
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self._cancel = cancel
        self._position = 0
        self._memory = bytearray()
        """What was read from the disk last."""
        self._begin = self._end = 0
        """Where it begins and ends in the file; a read at the end is one in sequence."""
        self._ahead = LEAST_READ
        """Bytes to read from the disk at once."""
        self._most_ahead = MAX_AHEAD if readahead is None else max(LEAST_READ, min(MAX_AHEAD, readahead // 2))
        self._readers = handle.torrent.content.readers
        self._reader = Reader(index, entry.length, readahead, owner=weakref.ref(self))
        try:
            handle.call(functools.partial(self._readers.open, self._reader))
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.length

    @property
    def path(self) -> str:
        """Absolute path of the file on disk, where not all of its data may be."""
        return self._handle.torrent.content.paths.path(self.index)

    def readable(self) -> bool:
        """Return true."""
        self._require_open()
        return True

    def seekable(self) -> bool:
        """Return true."""
        self._require_open()
        return True

    def tell(self) -> int:
        """Return the position."""
        self._require_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Change the position; nothing is requested before the next read.

        Args:
            offset: Bytes.
            whence: From where: ``os.SEEK_SET`` (0), ``os.SEEK_CUR`` (1) or ``os.SEEK_END`` (2).

        Returns:
            The new position, which may be behind the end.

        Raises:
            ValueError: If the position would be negative, ``whence`` is another, or the file is closed.
        """
        self._require_open()
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}
        if whence not in starts:
            raise ValueError(f"whence {whence!r} is not 0, 1 or 2")
        position = starts[whence] + operator.index(offset)
        if position < 0:
            raise ValueError(f"negative position {position}")
        self._position = position
        return position

    def expect(self, size: int) -> None:
        """Have data at the position requested before it is read; does not wait.

        Args:
            size: Bytes that are going to be read.
        """
        self._require_open()
        size = min(size, self.length - self._position)
        if size > 0:
            self._handle.post(functools.partial(self._readers.expect, self._reader, self._position, size))

    def readinto(self, buffer: object) -> int:
        """Read into a buffer.

        Args:
            buffer: A writable buffer, such as a ``bytearray``.

        Returns:
            Bytes that were read; 0 at the end of the file, and for an empty buffer.
        """
        self._require_open()
        given: Any = buffer  # memoryview raises TypeError for what is no buffer
        with memoryview(given) as whole, whole.cast("B") as view:
            length = min(len(view), self.length - self._position)
            if length <= 0:
                return 0
            if not self._begin <= self._position < self._end:
                if length >= self._next_ahead():
                    return self._read_into(view, length)
                self._read_ahead(length)
            begin = self._position - self._begin
            done = min(length, self._end - self._position)
            memory = self._memory
            self._require_open()  # ``close`` in another thread drops the memory
            with memoryview(memory) as found:
                view[:done] = found[begin : begin + done]
        self._position += done
        return done

    def read(self, size: Optional[int] = -1) -> bytes:
        """Read bytes.

        Args:
            size: Most bytes; None or less than 0 for all up to the end, for which it waits.

        Returns:
            At least one byte, nothing only at the end of the file or for a ``size`` of 0.
        """
        if size is None or size < 0:
            return self.readall()
        data = bytearray(max(0, min(operator.index(size), self.length - self._position, MAX_READ)))
        del data[self.readinto(data) :]
        return bytes(data)

    def readall(self) -> bytes:
        """Read everything up to the end of the file, and wait for it."""
        self._require_open()
        data = bytearray(max(0, self.length - self._position))
        start, done = self._position, 0
        try:
            with memoryview(data) as view:
                while done < len(data):
                    done += self.readinto(view[done:])
        except BaseException:
            self._position = start  # what was read is not returned
            raise
        return bytes(data)

    def write(self, data: object) -> int:
        """Raise ``io.UnsupportedOperation``: files of torrents are read only.

        Args:
            data: Anything.
        """
        raise io.UnsupportedOperation("write")

    def close(self) -> None:
        """Close the file: what was requested for it alone is cancelled, and its priority is what it was before."""
        if not self.closed:
            # The garbage collector may run this while any lock is held: the call is only posted.  An interrupt before
            # the last line leaves the file open, and it is closed again.
            with contextlib.suppress(BitTorrentError, AttributeError):  # AttributeError: the constructor failed
                self._handle.post(functools.partial(self._readers.close, self._reader))
            super().close()
            self._memory = bytearray()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"at byte {self._position}"
        return f"<FileReader {self.name!r}, {self.length} bytes, {state}>"

    # -- inside ------------------------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _next_ahead(self) -> int:
        """Bytes to read from the disk at the position, if no more are asked for."""
        start = self._position
        ahead = min(2 * self._ahead, self._most_ahead) if start and start == self._end else LEAST_READ
        return min(ahead, self.length - start)

    def _read_ahead(self, wanted: int) -> None:
        """Read from the disk into memory of our own."""
        ahead = self._next_ahead()
        # A read that was given up may still be under way: it keeps its memory.
        memory, self._memory = self._memory, bytearray()
        self._begin = self._end
        if len(memory) != ahead:
            memory = bytearray(ahead)
        done = self._load(Destination(memoryview(memory)), ahead, wanted)
        self._memory = memory
        self._begin, self._end = self._position, self._position + done

    def _read_into(self, view: memoryview, wanted: int) -> int:
        """Read from the disk into the memory of the caller; return the number of bytes."""
        length = min(wanted, MAX_AHEAD)
        destination = Destination(view[:length])
        try:
            done = self._load(destination, length, wanted)
        finally:
            destination.take_back()
        self._position += done
        self._begin = self._end = self._position
        return done

    def _load(self, into: Destination, length: int, wanted: int) -> int:
        """Read from the disk at the position; wait for at least one byte there.

        Args:
            into: Memory for the bytes.
            length: Most bytes.
            wanted: Bytes that the caller asked for.

        Returns:
            The number of bytes.
        """
        start = self._position
        ahead = self._next_ahead()
        reply = self._handle.reply()
        self._handle.post(
            functools.partial(self._readers.read, self._reader, start, length, wanted=wanted, answer=reply, into=into)
        )
        try:
            done = self._wait(reply)
        except BaseException as error:
            if self.closed:
                raise ValueError("I/O operation on closed file") from None
            with contextlib.suppress(BitTorrentError):
                self._handle.post(functools.partial(self._readers.forget, self._reader, reply))
            if isinstance(error, Stalled) and (self._handle.closed or self._handle.runtime.closed):
                raise SessionClosed("the client is closed") from None
            if isinstance(error, StorageError):
                raise OSError(error.errno or errno.EIO, error.reason, error.path) from error
            raise
        self._ahead = ahead
        return done

    def _wait(self, reply: Reply) -> int:
        """Wait for the answer, within the time-outs.

        Raises:
            WaitTimeout: After ``timeout`` seconds.
            Stalled: After ``stall_timeout`` seconds without progress, or if there will be none.
            Cancelled: If ``cancel`` was set.
            SessionClosed: If the client is closed.
        """
        began = moved_at = time.monotonic()
        marks = self._marks()
        while True:
            now = time.monotonic()
            left = [LOOK_INTERVAL]
            if self._timeout is not None:
                left.append(began + self._timeout - now)
            if self._stall_timeout is not None:
                left.append(moved_at + self._stall_timeout - now)
            if min(left) <= 0 and not reply.done:
                late = self._timeout is not None and now - began >= self._timeout
                status = self._handle.look()  # the newest snapshot may be a second old
                if not reply.done and (late or self._marks() == marks):
                    self._give_up(status, late=late)
            with contextlib.suppress(WaitTimeout):
                if not reply.done:
                    reply.wait(max(0.0, min(left)), self._cancel)
            if reply.done:
                done: int = reply.wait()
                return done
            if self._marks() != marks:
                marks, moved_at = self._marks(), time.monotonic()

    def _marks(self) -> Tuple[int, int]:
        """Figures that change while there is progress."""
        return self._reader.left, self._handle.status.checking

    def _give_up(self, status: Status, *, late: bool) -> None:
        what = f"byte {self._position} of {self.name!r} did not come"
        reason = status.stall
        if not reason and status.connected and not self._reader.available:
            reason = f"no peer of {status.connected} has its piece"
        why = f": {reason}" if reason else ""
        figures: Dict[str, Union[int, str]] = {
            "state": status.state,
            "connected": status.connected,
            "known": status.known,
        }
        if late:
            raise WaitTimeout(f"{what} within {self._timeout:g} s{why}", figures, explain(status))
        raise Stalled(f"{what}, and there was no progress for {self._stall_timeout:g} s{why}", figures, explain(status))
