"""``create``: make the .torrent of a file or folder (BEP 3, 12, 19, 27).

Errors of the arguments, of the names of files, and of the output path are raised before the first byte is hashed.  The
pieces are hashed by threads that end with the call, in large reads, since reads and SHA-1 release the GIL.  A file that
changes during the call is an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import os
import queue
import stat
import tempfile
import time
import warnings
from _queue import SimpleQueue
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Optional, Union

from ..errors import Cancelled, MetainfoError, SettingsError, StorageError, ThreadError
from ..metainfo.bencode import encode
from ..metainfo.hashes import DIGEST_SIZE, PieceHasher, digests
from ..metainfo.layout import BLOCK, Layout
from ..metainfo.metainfo import MAX_PIECE_LENGTH, MAX_PIECES, MAX_SIZE, Metainfo
from ..metainfo.urls import Trackers, given_tiers, given_web_seeds
from ..threads.latch import CANCEL_SLICE, SLICE, Cancel
from ..threads.original import original
from ..threads.thread import Thread
from ..version import __version__
from .hash_buffer import CHUNK, HashBuffer
from .source_files import Exclusion, Found, Source

MIB = 1024 * 1024
MIN_PIECE_LENGTH = BLOCK
"""Bytes; a block is the smallest unit that peers request."""
MAX_CHOSEN_PIECE_LENGTH = 16 * MIB
"""Bytes of a piece length that is not given by the caller."""
WANTED_PIECES = 2000
"""The chosen piece length makes between half this number of pieces and this number."""
JOB_BYTES = 4 * MIB
"""Bytes of the pieces that a thread takes at a time; a longer piece is taken alone."""
MAX_THREADS = 64
"""Each has a ``HashBuffer``, and a disk is not faster with more."""
CREATED_BY = f"bittorrent_threads {__version__}"

_STOP_TIMEOUT = 5.0  # seconds; a read that takes longer goes on in its daemon thread
_open: Callable[[str, int], int] = original("os", "open")  # eventlet imports ``os`` anew to answer; not in a worker

Progress = Callable[[int, int], object]


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
    source: Optional[str] = None,
    exclude: Union[str, Iterable[str]] = (),
    output: Union[str, os.PathLike[str], None] = None,
    max_size: int = MAX_SIZE,
    threads: Optional[int] = None,
    progress: Optional[Progress] = None,
    on_warning: Optional[Callable[[str], object]] = None,
    cancel: Optional[Cancel] = None,
) -> Metainfo:
    """Make the torrent of a file, or of all files in a folder, in the order of their names.

    Hidden files are included.  Not included are the folder ``.bittorrent_threads`` of this library, empty folders, and,
    with a warning, links to nothing, sockets, pipes and devices.  Names that are not valid on every system cause a
    warning, too.

    Args:
        path: The file or folder.
        trackers: A URL, a list of URLs (each a tier of its own), or a list of tiers (BEP 12).
        piece_length: Bytes, a power of two from 16 KiB to 512 MiB; by default it is chosen by size.
        private: Whether peers come from trackers only (BEP 27).
        web_seeds: A URL, or several (BEP 19).
        comment: A text for users.
        created_by: The name of the program.
        creation_date: Seconds since 1970; by default now.
        name: The name of the torrent; by default that of ``path``.
        source: The tracker that the torrent is for; it changes the infohash.
        exclude: A pattern of ``fnmatch``, or several; case matters.  A pattern without a slash excludes every file and
            folder with such a name (``"*.tmp"``, ``".*"``), one with a slash those with such a path below ``path``
            (``"raw/*.tif"``).
        output: The path to save the torrent to; a file that exists there is not included.
        max_size: Bytes of the .torrent at most.
        threads: Threads that hash, from 1 to 64; by default one a processor.
        progress: Called in this thread with the number of pieces that are hashed, and of all pieces.
        on_warning: Called in this thread with a sentence; by default ``warnings.warn``.
        cancel: A ``threading.Event``; the call ends soon after another thread sets it.

    Returns:
        The torrent.

    Raises:
        StorageError: A file cannot be read or seeded, changes during the call, or the torrent cannot be saved.
        SettingsError: An argument is not valid.
        ThreadError: The system started no thread.
        Cancelled: ``cancel`` was set.
    """
    tiers = given_tiers(trackers)
    seeds = given_web_seeds(web_seeds)
    _check_threads(threads)
    _check_piece_length(piece_length)
    for setting, text in (("comment", comment), ("created_by", created_by), ("source", source), ("name", name)):
        _check_text(setting, text)
    _check_place("path", path)
    _check_place("output", output)
    target = None if output is None else os.path.abspath(output)
    given = os.path.abspath(path)
    if target is not None:
        _check_output(target, given)
    found = Found(given, Exclusion([exclude] if isinstance(exclude, str) else exclude, target))
    sources = found.files
    if name is None:
        name = os.path.basename(given)
    for warning in found.warnings(name):
        (on_warning or _warn)(warning)
    layout = _layout(sources, piece_length, given)
    info = _info(name, layout, sources)
    if private:
        info["private"] = 1
    if source is not None:
        info["source"] = source
    torrent: Dict[str, Any] = {
        "announce": next((url for tier in tiers for url in tier), None),
        "announce-list": tiers if sum(map(len, tiers)) > 1 else None,
        "comment": comment,
        "created by": created_by,
        "creation date": int(time.time()) if creation_date is None else creation_date,
        "info": info,
        "url-list": seeds or None,
    }
    torrent = {key: value for key, value in torrent.items() if value is not None}
    info["pieces"] = bytes(layout.piece_count * DIGEST_SIZE)
    _check_size(encode(torrent), max_size, given)
    info["pieces"] = _Hashing(sources, layout).run(threads or _processors(), progress, cancel)
    metainfo = dataclasses.replace(Metainfo.parse(encode(torrent), max_size=max_size), trackers_trusted=True)
    if target is not None:
        metainfo.save(target)
    return metainfo


def _layout(sources: List[Source], piece_length: Optional[int], given: str) -> Layout:
    total = sum(source.size for source in sources)
    if not total:
        raise StorageError("is empty", given)
    layout = Layout([source.size for source in sources], piece_length or _chosen_piece_length(total))
    if layout.piece_count > MAX_PIECES:
        raise SettingsError("piece_length", f"makes {layout.piece_count} pieces, and a torrent may have {MAX_PIECES}")
    return layout


def _info(name: str, layout: Layout, sources: List[Source]) -> Dict[str, Any]:
    # The names and lengths of the info dictionary; ``path`` may be one file.
    info: Dict[str, Any] = {"name": name, "piece length": layout.piece_length}
    if sources[0].parts:
        info["files"] = [{"length": source.size, "path": source.parts} for source in sources]
    else:
        info["length"] = layout.total_size
    return info


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)  # the caller of ``create``


def _check_threads(threads: Optional[int]) -> None:
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise SettingsError("threads", f"must be from 1 to {MAX_THREADS}, not {threads}")


def _check_place(setting: str, place: Union[str, os.PathLike[str], None]) -> None:
    if place is not None and not os.fspath(place):
        raise SettingsError(setting, "is empty")


def _check_text(setting: str, text: Optional[str]) -> None:
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise SettingsError(setting, f"{text!a} cannot be written as UTF-8") from None


def _check_piece_length(length: Optional[int]) -> None:
    if length is not None and (length & (length - 1) or not MIN_PIECE_LENGTH <= length <= MAX_PIECE_LENGTH):
        wanted = f"must be a power of two from {MIN_PIECE_LENGTH} to {MAX_PIECE_LENGTH}"
        raise SettingsError("piece_length", f"{wanted}, not {length}")


def _check_output(target: str, given: str) -> None:
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        raise StorageError("is a folder: give the name of a file", target, errno.EISDIR)
    if not os.path.isdir(folder):
        raise StorageError(f"there is no folder {folder}", target, errno.ENOENT)
    if os.path.realpath(target) == os.path.realpath(given):
        raise SettingsError("output", f"{target} is the file that the torrent would be made of")
    try:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.stat(target).st_mode):
                return  # the torrent is written to a pipe or a device
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(target))):
            pass
    except OSError as error:
        raise StorageError.wrap(error, target) from error


def _check_size(data: bytes, max_size: int, given: str) -> None:
    # ``data`` is the torrent with placeholders for the hashes.
    if len(data) > max_size:
        reason = f"makes a .torrent of {len(data)} bytes, where it may have {max_size}"
        raise SettingsError("piece_length", f"{reason}: longer pieces make it shorter")
    try:
        Metainfo.parse(data, max_size=max_size)
    except MetainfoError as error:
        raise StorageError(f"cannot be one torrent: {error}", given) from error


def _chosen_piece_length(total: int) -> int:
    length = MIN_PIECE_LENGTH
    while length < MAX_CHOSEN_PIECE_LENGTH and total > length * WANTED_PIECES:
        length *= 2
    return length


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MAX_THREADS, len(affinity(0)) if affinity else os.cpu_count() or 1)


class _Hashing:
    """Computes the SHA-1 of every piece once, in threads of its own."""

    def __init__(self, sources: List[Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self._pieces_per_job = max(1, JOB_BYTES // layout.piece_length)
        self._jobs: Deque[int] = deque(range(0, layout.piece_count, self._pieces_per_job))
        self._digests: Dict[int, bytes] = {}
        # A number of hashed pieces, the error that ended a thread, or None at its regular end.
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
            yield from digests(reader.hash_buffer.parts(length, size))

    def _piece(self, reader: _Reader, index: int) -> bytes:
        begin = index * self._layout.piece_length
        size = self._layout.piece_size(index)
        hasher = PieceHasher()
        for at in range(0, size, CHUNK):
            if self._stopped:
                break
            hasher.update(reader.read(begin + at, min(CHUNK, size - at)))
        return hasher.digest()


class _Reader:
    """Reads the bytes of the torrent for one thread, with one open file at a time."""

    def __init__(self, sources: List[Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self.hash_buffer = HashBuffer()
        self._source: Optional[Source] = None
        self._file: Optional[io.FileIO] = None

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, kind: Optional[type], *rest: object) -> None:
        if kind is None:
            self._close()
        elif self._file is not None:
            self._file.close()

    def read(self, offset: int, size: int) -> memoryview:
        """Return at most a buffer full, valid until the next call."""
        view = rest = self.hash_buffer.view[:size]
        for index, begin, length in self._layout.spans(offset, size):
            source = self._sources[index]
            try:
                self._fill(rest[:length], source, begin)
            except OSError as error:
                raise StorageError.wrap(error, source.path) from error
            rest = rest[length:]
        return view

    def _fill(self, view: memoryview, source: Source, begin: int) -> None:
        if self._file is None or self._source is not source:
            self._close()
            flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
            self._file = io.FileIO(source.path, opener=lambda path, _: _open(path, flags))
            self._source = source
            self._check(self._file, source)
        self._file.seek(begin)
        while view:
            count = self._file.readinto(view)
            if not count:
                raise StorageError("became shorter while it was hashed", source.path)
            view = view[count:]

    def _close(self) -> None:
        file, source = self._file, self._source
        self._file = self._source = None
        if file is not None and source is not None:
            with file:
                self._check(file, source)

    def _check(self, file: io.FileIO, source: Source) -> None:
        status = os.fstat(file.fileno())
        if status.st_size != source.size:
            raise StorageError(f"had {source.size} bytes and has {status.st_size}: it is being written", source.path)
        if status.st_mtime_ns != source.mtime_ns:
            raise StorageError("was written to while it was hashed", source.path)
