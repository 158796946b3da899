"""``PieceHashing``: computes the hash of every piece of a new torrent, in threads that end with the call.

Reads are large, since reads and SHA-1 release the GIL.
"""

from __future__ import annotations

import os
import queue
import time
from _queue import SimpleQueue
from collections import deque
from typing import Callable, Deque, Dict, Iterator, Optional, Sequence, Union

from ..errors import Cancelled, SettingsError, ThreadError
from ..metainfo.fields import given_int
from ..metainfo.hashes import PieceHasher, digests
from ..metainfo.layout import Layout
from ..threads.latch import CANCEL_SLICE, SLICE, Cancel
from ..threads.thread import Thread
from .hash_buffer import CHUNK
from .source_files import Source
from .source_reader import SourceReader

JOB_BYTES = 4 * 1024 * 1024
"""Bytes of the pieces that a thread takes at a time; a longer piece is taken alone."""
MAX_THREADS = 64
"""Each has a ``HashBuffer``, and a disk is not faster with more."""

_STOP_TIMEOUT = 5.0  # seconds; a read that takes longer goes on in its daemon thread

Progress = Callable[[int, int], object]


class PieceHashing:
    """Computes the SHA-1 of every piece once, in threads of its own."""

    def __init__(self, sources: Sequence[Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self._pieces_per_job = max(1, JOB_BYTES // layout.piece_length)
        self._jobs: Deque[int] = deque(range(0, layout.piece_count, self._pieces_per_job))
        self._digests: Dict[int, bytes] = {}
        # A number of hashed bytes, the error that ended a thread, or None at its regular end.
        self._results: SimpleQueue[Union[int, BaseException, None]] = SimpleQueue()
        self._stopped = False

    def run(self, threads: int, progress: Optional[Progress], cancel: Optional[Cancel] = None) -> bytes:
        """Return the digests of all pieces, concatenated; no thread runs afterwards."""
        workers = [Thread(self._work, f"bittorrent-create-{number}") for number in range(min(threads, len(self._jobs)))]
        running = 0
        try:
            for worker in workers:
                try:
                    worker.start()
                except ThreadError:
                    if not running:
                        raise
                    break  # the threads that run do all the work
                running += 1
            self._wait(running, progress, cancel)
        finally:
            self._stopped = True
            deadline = time.monotonic() + _STOP_TIMEOUT
            for worker in workers:
                worker.join(max(0.0, deadline - time.monotonic()))
        return b"".join(digests for _, digests in sorted(self._digests.items()))

    def _wait(self, running: int, progress: Optional[Progress], cancel: Optional[Cancel]) -> None:
        # Until every thread has ended: a file is compared once more after its last piece.
        done = 0
        while running:
            if cancel is not None and cancel.is_set():
                raise Cancelled()
            try:
                # Windows handles Ctrl-C only between two waits.
                result = self._results.get(timeout=SLICE if cancel is None else CANCEL_SLICE)
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            if result is None:
                running -= 1
                continue
            done += result
            if progress is not None:
                progress(done, self._layout.total_size)

    def _work(self) -> None:
        try:
            with SourceReader(self._sources, self._layout) as reader:
                while not self._stopped:
                    try:
                        first = self._jobs.popleft()
                    except IndexError:
                        break
                    pieces = range(first, min(first + self._pieces_per_job, self._layout.piece_count))
                    self._digests[first] = b"".join(self._hashed(reader, pieces))
                    length = self._layout.piece_length
                    self._results.put(min(pieces.stop * length, self._layout.total_size) - pieces.start * length)
            self._results.put(None)
        except BaseException as error:
            self._results.put(error)

    def _hashed(self, reader: SourceReader, pieces: range) -> Iterator[bytes]:
        length, total = self._layout.piece_length, self._layout.total_size
        if length > CHUNK:
            yield from (self._piece(reader, index) for index in pieces)
            return
        at_once = CHUNK // length * length
        end = min(pieces.stop * length, total)
        for begin in range(pieces.start * length, end, at_once):
            if self._stopped:
                break
            size = min(at_once, end - begin)
            reader.read(begin, size)
            yield from digests(reader.hash_buffer.parts(length, size))

    def _piece(self, reader: SourceReader, index: int) -> bytes:
        begin = index * self._layout.piece_length
        size = self._layout.piece_size(index)
        hasher = PieceHasher()
        for at in range(0, size, CHUNK):
            if self._stopped:
                break
            hasher.update(reader.read(begin + at, min(CHUNK, size - at)))
        return hasher.digest()


def check_threads(threads: Optional[int]) -> None:
    """Check a number of threads that a program gives.

    Raises:
        SettingsError: It is no integer, or out of range.
    """
    if threads is not None and not 1 <= given_int("threads", threads) <= MAX_THREADS:
        raise SettingsError("threads", f"must be from 1 to {MAX_THREADS}, not {threads}")


def processors() -> int:
    """Return the number of threads that are used by default: one a processor."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MAX_THREADS, len(affinity(0)) if affinity else os.cpu_count() or 1)
