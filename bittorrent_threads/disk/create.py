"""``create``: make the .torrent of a file or folder (BEP 3, 12, 19, 27).

The pieces are hashed by threads that live only as long as the call, in reads of megabytes: files and SHA-1 both let go
of the GIL.  What cannot be seeded from where it lies (a link, a pipe, a name that other systems refuse, a file that
changes meanwhile) is an error, and nothing is left out quietly.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import queue
import stat
import time
from _queue import SimpleQueue
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from ..errors import SettingsError, StorageError, ThreadError
from ..metainfo.bencode import encode
from ..metainfo.hashes import digests
from ..metainfo.layout import BLOCK, Layout
from ..metainfo.metainfo import MAX_PATH_DEPTH, MAX_PIECE_LENGTH, MAX_PIECES, Metainfo
from ..metainfo.names import HIDDEN_FOLDER, safe_paths
from ..metainfo.urls import Trackers, given_tiers, given_web_seeds
from ..threads.latch import SLICE
from ..threads.thread import Thread
from ..version import __version__
from .scratch import CHUNK, Scratch

MIB = 1024 * 1024
MIN_PIECE_LENGTH = BLOCK
"""Bytes; a piece of less than a block is of no use."""
MAX_CHOSEN_PIECE_LENGTH = 16 * MIB
"""Bytes; longer pieces are made only if asked for."""
WANTED_PIECES = 2000
"""A piece length is chosen that makes between half as many pieces and this many."""
JOB_BYTES = 4 * MIB
"""Bytes of pieces, or one piece that is longer, that a thread hashes between two looks at the others' work."""
MAX_THREADS = 64
"""Each has a ``Scratch``, and a disk gives no more to more."""
CREATED_BY = f"bittorrent_threads {__version__}"

_STOP_TIMEOUT = 5.0  # seconds; a read that hangs for longer is left to its daemon thread

Progress = Callable[[int, int], Any]


def create(
    path: Union[str, os.PathLike[str]],
    *,
    trackers: Trackers = (),
    piece_length: Optional[int] = None,
    private: bool = False,
    web_seeds: Union[str, Iterable[str]] = (),
    comment: Optional[str] = None,
    created_by: Optional[str] = CREATED_BY,
    creation_date: Optional[int] = None,
    name: Optional[str] = None,
    threads: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Metainfo:
    """The torrent of a file, or of everything in a folder in the order of its names.

    ``trackers`` is a URL, a list of URLs (each a tier of its own) or a list of tiers (BEP 12).  ``piece_length`` is a
    power of two from 16 KiB to 512 MiB, or chosen by size.  ``creation_date`` is in seconds since 1970, or now;
    ``name`` is that of ``path``; ``threads`` as many as there are processors.  ``progress(done, total)`` is called
    with numbers of pieces, in the thread of the caller.

    The folder ``.bittorrent_threads`` is this library's own and stays out, and folders without a file have no place
    in a torrent.  Raises :class:`StorageError` for what cannot be read or not be seeded as it is,
    :class:`SettingsError` for an argument that cannot be, and :class:`ThreadError` when there is no thread for it.
    """
    tiers = given_tiers(trackers)
    seeds = given_web_seeds(web_seeds)
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise SettingsError("threads", f"must be from 1 to {MAX_THREADS}, not {threads}")
    _check_piece_length(piece_length)

    given = os.path.abspath(path)
    sources = _sources(given)
    if name is None:
        name = os.path.basename(given)
    _check_names(name, sources)
    total = sum(source.size for source in sources)
    if not total:
        raise StorageError("there is not a byte in it", given)
    layout = Layout([source.size for source in sources], piece_length or _chosen_piece_length(total))
    if layout.piece_count > MAX_PIECES:
        raise SettingsError("piece_length", f"makes {layout.piece_count} pieces, and a torrent may have {MAX_PIECES}")

    info: Dict[str, Any] = {"name": name, "piece length": layout.piece_length}
    if sources[0].parts:
        info["files"] = [{"length": source.size, "path": source.parts} for source in sources]
    else:
        info["length"] = total
    if private:
        info["private"] = 1
    info["pieces"] = _Hashing(sources, layout).run(threads or _processors(), progress)
    torrent = {
        "announce": next((url for tier in tiers for url in tier), None),
        "announce-list": tiers if sum(map(len, tiers)) > 1 else None,
        "comment": comment,
        "created by": created_by,
        "creation date": int(time.time()) if creation_date is None else creation_date,
        "info": info,
        "url-list": seeds or None,
    }
    data = encode({key: value for key, value in torrent.items() if value is not None})
    return dataclasses.replace(Metainfo.parse(data, max_size=len(data)), trackers_trusted=True)


def _check_piece_length(length: Optional[int]) -> None:
    if length is not None and (length & (length - 1) or not MIN_PIECE_LENGTH <= length <= MAX_PIECE_LENGTH):
        wanted = f"must be a power of two from {MIN_PIECE_LENGTH} to {MAX_PIECE_LENGTH}"
        raise SettingsError("piece_length", f"{wanted}, not {length}")


def _chosen_piece_length(total: int) -> int:
    length = MIN_PIECE_LENGTH
    while length < MAX_CHOSEN_PIECE_LENGTH and total > length * WANTED_PIECES:
        length *= 2
    return length


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MAX_THREADS, len(affinity(0)) if affinity else os.cpu_count() or 1)


class _Source(NamedTuple):
    """A file to be hashed, as it was when it was found."""

    path: str
    parts: Tuple[str, ...]
    """Components below the root; none if the root is the file."""
    size: int
    mtime_ns: int


def _sources(given: str) -> List[_Source]:
    found: List[_Source] = []
    folders: List[Tuple[str, Tuple[str, ...]]] = []
    path = given
    try:
        root = os.path.realpath(given)  # a link to all of it is followed, and no other
        _sort_out(root, (), os.stat(root), found, folders)
        while folders:
            path, parts = folders.pop()
            for name in os.listdir(path):
                below = os.path.join(path, name)
                _sort_out(below, (*parts, name), os.lstat(below), found, folders)
    except (OSError, ValueError) as error:
        raise StorageError.wrap(error, str(getattr(error, "filename", None) or path)) from error
    if not found:
        raise StorageError("there is no file in it", given)
    return sorted(found, key=lambda source: source.parts)


def _sort_out(
    path: str,
    parts: Tuple[str, ...],
    status: os.stat_result,
    found: List[_Source],
    folders: List[Tuple[str, Tuple[str, ...]]],
) -> None:
    if stat.S_ISDIR(status.st_mode):
        if parts[-1:] != (HIDDEN_FOLDER,):
            folders.append((path, parts))
    elif stat.S_ISREG(status.st_mode):
        found.append(_Source(path, parts, status.st_size, status.st_mtime_ns))
    elif stat.S_ISLNK(status.st_mode):
        raise StorageError("is a symbolic link, and would not be followed when seeding", path)
    else:
        raise StorageError("is neither a file nor a folder", path)


def _check_names(name: str, sources: List[_Source]) -> None:
    # What the torrent calls a file is what every client, this one too, will look for on disk.
    for source in sources:
        try:
            "/".join((name, *source.parts)).encode()
        except UnicodeEncodeError:
            raise StorageError("its name is not UTF-8", source.path) from None
        if len(source.parts) > MAX_PATH_DEPTH:
            raise StorageError(f"is more than {MAX_PATH_DEPTH} folders deep", source.path)
    encoded = [[part.encode() for part in (name, *source.parts)] for source in sources]
    for source, safe in zip(sources, safe_paths((), encoded)):
        if safe[0] != name:
            raise SettingsError("name", f"{name!r} is not safe on every system, {safe[0]!r} would be")
        if safe[1:] != source.parts:
            stored = os.path.join(*safe[1:])
            raise StorageError(f"its name is not safe on every system, downloads would call it {stored!r}", source.path)


class _Hashing:
    """The SHA-1 of every piece, made once by threads of its own."""

    def __init__(self, sources: List[_Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self._pieces_per_job = max(1, JOB_BYTES // layout.piece_length)
        self._jobs: Deque[int] = deque(range(0, layout.piece_count, self._pieces_per_job))
        self._digests: Dict[int, bytes] = {}
        # A number of pieces done, the error that ended a thread, or None for its good end.
        self._results: SimpleQueue[Union[int, BaseException, None]] = SimpleQueue()
        self._stopped = False

    def run(self, threads: int, progress: Optional[Progress]) -> bytes:
        """The digests of all pieces, one behind the other; no thread is left, whatever ends the call."""
        workers = [Thread(self._work, f"bittorrent-create-{number}") for number in range(min(threads, len(self._jobs)))]
        running = 0
        try:
            for worker in workers:
                try:
                    worker.start()
                except ThreadError:
                    if not running:
                        raise
                    break  # those that run do it all
                running += 1
            self._wait(running, progress)
        finally:
            self._stopped = True
            deadline = time.monotonic() + _STOP_TIMEOUT
            for worker in workers:
                worker.join(max(0.0, deadline - time.monotonic()))
        return b"".join(digests for _, digests in sorted(self._digests.items()))

    def _wait(self, running: int, progress: Optional[Progress]) -> None:
        # Until every thread has ended: the last look at a file comes after its last piece.
        done = 0
        while running:
            try:
                result = self._results.get(timeout=SLICE)  # Windows hears Ctrl-C only between two waits
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            if result is None:
                running -= 1
                continue
            done += result
            if progress is not None:
                progress(done, self._layout.piece_count)

    def _work(self) -> None:
        try:
            with _Reader(self._sources, self._layout) as reader:
                while not self._stopped:
                    try:
                        first = self._jobs.popleft()
                    except IndexError:
                        break
                    pieces = range(first, min(first + self._pieces_per_job, self._layout.piece_count))
                    self._digests[first] = b"".join(self._hashed(reader, pieces))
                    self._results.put(len(pieces))
            self._results.put(None)
        except BaseException as error:
            self._results.put(error)

    def _hashed(self, reader: _Reader, pieces: range) -> Iterator[bytes]:
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
            yield from digests(reader.scratch.parts(length, size))

    def _piece(self, reader: _Reader, index: int) -> bytes:
        begin = index * self._layout.piece_length
        size = self._layout.piece_size(index)
        digest = hashlib.sha1(usedforsecurity=False)
        for at in range(0, size, CHUNK):
            if self._stopped:
                break
            digest.update(reader.read(begin + at, min(CHUNK, size - at)))
        return digest.digest()


class _Reader:
    """Bytes of the torrent for one thread, which has one file open at a time."""

    def __init__(self, sources: List[_Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self.scratch = Scratch()
        self._source: Optional[_Source] = None
        self._file: Optional[io.FileIO] = None

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, kind: Optional[type], *rest: object) -> None:
        if kind is None:
            self._leave()
        elif self._file is not None:
            self._file.close()

    def read(self, offset: int, size: int) -> memoryview:
        """At most a buffer full, valid until the next call."""
        view = rest = self.scratch.view[:size]
        for index, begin, length in self._layout.spans(offset, size):
            source = self._sources[index]
            try:
                self._fill(rest[:length], source, begin)
            except OSError as error:
                raise StorageError.wrap(error, source.path) from error
            rest = rest[length:]
        return view

    def _fill(self, view: memoryview, source: _Source, begin: int) -> None:
        if self._file is None or self._source is not source:
            self._leave()
            flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
            self._file = io.FileIO(source.path, opener=lambda path, _: os.open(path, flags))
            self._source = source
            self._check(self._file, source)
        self._file.seek(begin)
        while view:
            count = self._file.readinto(view)
            if not count:
                raise StorageError("became shorter while it was hashed", source.path)
            view = view[count:]

    def _leave(self) -> None:
        file, source = self._file, self._source
        self._file = self._source = None
        if file is not None and source is not None:
            with file:
                self._check(file, source)

    def _check(self, file: io.FileIO, source: _Source) -> None:
        status = os.fstat(file.fileno())
        if status.st_size != source.size:
            raise StorageError(f"had {source.size} bytes and has {status.st_size}: it is being written", source.path)
        if status.st_mtime_ns != source.mtime_ns:
            raise StorageError("was written to while it was hashed", source.path)
