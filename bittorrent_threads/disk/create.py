"""``create``: make the .torrent of a file or folder (BEP 3, 12, 19, 27).

Whatever can be wrong with the arguments, the names of the files or the place of the new .torrent is told before the
first byte is hashed.  The pieces are hashed by threads that live only as long as the call, in reads of megabytes: files
and SHA-1 both let go of the GIL.  A file that changes meanwhile is an error.
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
"""Bytes; a piece of less than a block is of no use."""
MAX_CHOSEN_PIECE_LENGTH = 16 * MIB
"""Bytes; longer pieces are made only if asked for."""
WANTED_PIECES = 2000
"""A piece length is chosen that makes between half as many pieces and this many."""
JOB_BYTES = 4 * MIB
"""Bytes of pieces, or one piece that is longer, that a thread hashes between two looks at the others' work."""
MAX_THREADS = 64
"""Each has a ``HashBuffer``, and a disk gives no more to more."""
CREATED_BY = f"bittorrent_threads {__version__}"

_STOP_TIMEOUT = 5.0  # seconds; a read that hangs for longer is left to its daemon thread
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
    """The torrent of a file, or of everything in a folder in the order of its names.

    ``trackers`` is a URL, a list of URLs (each a tier of its own) or a list of tiers (BEP 12).  ``piece_length`` is a
    power of two from 16 KiB to 512 MiB, or chosen by size.  ``creation_date`` is in seconds since 1970, or now;
    ``name`` is that of ``path``; ``source`` is the tracker that the torrent is for, and gives the same files another
    infohash.  ``threads`` is as many as there are processors.  ``progress(done, total)`` is called with numbers of
    pieces, ``on_warning(sentence)`` with what the user should know (``warnings.warn`` if not given), both in the thread
    of the caller.

    ``exclude`` is one pattern of ``fnmatch`` or several, in which case counts.  A pattern without a slash leaves out
    every file and folder of such a name (``"*.tmp"``; ``".*"`` for all that is hidden), one with a slash what has such
    a path below ``path`` (``"raw/*.tif"``).  Hidden files are not left out by themselves.  The folder
    ``.bittorrent_threads`` is this library's own and stays out.  Folders without a file have no place in a torrent; nor
    have links that lead nowhere, sockets, pipes and devices, which are left out with a warning.  Names that are not
    valid on every system are a warning, too.

    With ``output`` the torrent is saved there, and a file that is there already is no part of the content.  A torrent
    has at most ``max_size`` bytes, as one that is read.

    Raises :class:`StorageError` for what cannot be read, not be seeded as it is or not be saved, and
    :class:`SettingsError` for an argument that cannot be: before anything is hashed, unless the file changes or fails
    only then.  Raises :class:`ThreadError` when there is no thread to hash in, and :class:`Cancelled` soon after
    ``cancel``, a ``threading.Event``, was set by another thread.
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


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)  # the line that called ``create``


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
                return  # a pipe or a device: it is written to
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(target))):
            pass
    except OSError as error:
        raise StorageError.wrap(error, target) from error


def _check_size(data: bytes, max_size: int, given: str) -> None:
    # ``data`` is the torrent with other hashes.
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
    """The SHA-1 of every piece, made once by threads of its own."""

    def __init__(self, sources: List[Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self._pieces_per_job = max(1, JOB_BYTES // layout.piece_length)
        self._jobs: Deque[int] = deque(range(0, layout.piece_count, self._pieces_per_job))
        self._digests: Dict[int, bytes] = {}
        # A number of pieces done, the error that ended a thread, or None for its good end.
        self._results: SimpleQueue[Union[int, BaseException, None]] = SimpleQueue()
        self._stopped = False

    def run(self, threads: int, progress: Optional[Progress], cancel: Optional[Cancel] = None) -> bytes:
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
            self._wait(running, progress, cancel)
        finally:
            self._stopped = True
            deadline = time.monotonic() + _STOP_TIMEOUT
            for worker in workers:
                worker.join(max(0.0, deadline - time.monotonic()))
        return b"".join(digests for _, digests in sorted(self._digests.items()))

    def _wait(self, running: int, progress: Optional[Progress], cancel: Optional[Cancel]) -> None:
        # Until every thread has ended: the last look at a file comes after its last piece.
        done = 0
        while running:
            if cancel is not None and cancel.is_set():
                raise Cancelled()
            try:
                # Windows hears Ctrl-C only between two waits.
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
    """Bytes of the torrent for one thread, which has one file open at a time."""

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
            self._leave()
        elif self._file is not None:
            self._file.close()

    def read(self, offset: int, size: int) -> memoryview:
        """At most a buffer full, valid until the next call."""
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
            self._leave()
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

    def _leave(self) -> None:
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
