"""The files of one torrent as ``engine.interfaces.Storage`` wants them; what they hold is computed, never kept.

A saved piece must be the torrent's content, else it fails its hash.  Whoever touches a buffer the disk has, or reads
what is not there, is written down in ``World.violations``.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import zlib
from typing import Callable, Collection, Dict, List, Optional, Sequence, Tuple

from ...disk.destination import Destination
from ...disk.results import Checked, CheckedFiles, Done, Loaded, Moved, Prepared, Recalled, Saved, Synced
from ...disk.resume import Names, Resume
from ...errors import StorageError
from ...metainfo.fingerprint import fingerprint
from ...metainfo.hashes import Verdict
from ...metainfo.layout import BLOCK
from ...net.interfaces import Buffer
from .drive import SimDrive
from .files import SimFiles, Snapshot


class SimStorage:
    """The files of one torrent that an engine has open."""

    def __init__(self, disk: SimDrive, files: SimFiles, path: str, *, reserved: int = 0) -> None:
        self._disk = disk
        self._files = files
        self._path = path
        self._reserved = reserved
        """Bytes that must fit before the download."""
        self._uses = 0
        """How often the files were claimed."""
        self._busy: Dict[int, int] = {}
        """Pieces whose buffers the disk uses now, by the address of the buffer."""

    # -- the port --------------------------------------------------------------------------------------------------

    def check_files(self, deliver: Callable[[CheckedFiles], None]) -> None:
        self._disk.work(0, lambda: deliver(self._survey()))

    def claim(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Done], None], *, writing: bool
    ) -> None:
        self._uses += 1
        self._disk.work(0, lambda: deliver(self._claim(wanted, own, writing)))

    def prepare(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Prepared], None], *, writing: bool = True
    ) -> None:
        self._uses += 1
        self._disk.work(0, lambda: deliver(self._prepare(writing)))

    def save(
        self,
        pieces: Sequence[Tuple[int, memoryview]],
        deliver: Callable[[Saved], None],
        *,
        compared: Collection[int] = (),
    ) -> None:
        files = self._files
        self._see_claim()
        jobs = []
        for index, buffer in pieces:
            size = files.size(index)
            if len(buffer) != size:
                self._violate(f"piece {index} of {size} bytes saved from a buffer of {len(buffer)}")
            if index in files.pieces:
                self._violate(f"piece {index} saved again")
            place = _address(buffer)
            if place in self._busy:
                self._violate(f"piece {index} saved from the buffer of piece {self._busy[place]}")
            self._busy[place] = index
            jobs.append((index, buffer, zlib.crc32(buffer)))
        disk = self._disk
        total = sum(files.size(index) for index, _ in pieces)
        disk.work(
            total / disk.hash_rate + total / disk.write_rate,
            lambda: deliver(self._save(jobs, compared)),
        )

    def write(self, blocks: Sequence[Tuple[int, int, Buffer]], deliver: Callable[[Done], None]) -> None:
        asked = [(index, begin, data, zlib.crc32(data)) for index, begin, data in blocks]
        for index, begin, data in blocks:
            if index in self._files.pieces:
                self._violate(f"a block written into piece {index}, which is whole")
            self._see_range(index, begin, len(data))
        disk = self._disk
        disk.work(sum(len(data) for _, _, data in blocks) / disk.write_rate, lambda: deliver(self._write(asked)))

    def load(
        self,
        spans: Sequence[Tuple[int, int, int]],
        deliver: Callable[[List[Loaded]], None],
        *,
        into: Optional[Destination] = None,
        at_once: Optional[Callable[[List[Loaded]], None]] = None,
    ) -> None:
        for index, begin, length in spans:
            if not self._files.readable(index):
                self._violate(f"piece {index} read and not there")
            self._see_range(index, begin, length)
        size = sum(length for _, _, length in spans)
        asked = tuple(spans)

        def load() -> None:
            answers = [self._load(*span) for span in asked]
            answers = answers if into is None else _put(answers, into)
            if at_once is not None:
                at_once(answers)
            deliver(answers)

        self._disk.work(size / self._disk.read_rate, load)

    def check(self, indexes: Sequence[int], deliver: Callable[[Checked], None]) -> None:
        disk = self._disk
        asked = tuple(sorted(indexes))
        present = set(self._files.present)
        size = sum(self._files.size(index) for index in asked if index in present)
        disk.work(size / disk.read_rate + size / disk.hash_rate, lambda: deliver(self._check(asked)))

    def fingerprint(self, index: int, deliver: Callable[[bytes], None]) -> None:
        disk = self._disk
        size = self._files.size(index)

        def read() -> None:
            error = disk.read_error(self._path)
            deliver(b"" if error is not None else fingerprint(self._files.load(index, 0, size)))

        disk.work(size / disk.read_rate, read)

    def sync(self, deliver: Callable[[Synced], None], *, older: Sequence[int] = (), patience: float = math.inf) -> None:
        snapshot = self._files.snapshot()
        hurried = patience < math.inf
        self._disk.work(0, lambda: deliver(self._sync(snapshot, hurried=hurried)))

    def remember(self, resume: Resume, deliver: Callable[[Done], None]) -> None:
        self._disk.work(0, lambda: deliver(self._remember(resume)))

    def recall(self, deliver: Callable[[Recalled], None]) -> None:
        self._disk.work(0, lambda: deliver(self._recall()))

    def move(self, basedir: str, deliver: Callable[[Moved], None]) -> None:
        size = sum(self._files.size(index) for index in self._files.present)
        seconds = size / self._disk.read_rate + size / self._disk.write_rate
        self._disk.work(seconds, lambda: deliver(self._move(basedir, size)))

    def rename(self, index: int, parts: Tuple[str, ...], *, stored: bool, deliver: Callable[[Moved], None]) -> None:
        def renamed() -> None:
            error = self._disk.write_error(self._path, 0)
            resume = self._files.resume
            if error is None and stored and resume is not None:
                self._files.resume = resume._replace(names=tuple({**dict(resume.names), index: parts}.items()))
            deliver(Moved(error is None, error))

        self._disk.work(0, renamed)

    def name(self, names: Names) -> None:
        """Nothing: simulated files have no names."""

    def interrupt(self) -> None:
        """Nothing: a simulated move is not interrupted."""

    def close(self, deliver: Callable[[Done], None]) -> None:
        uses = self._uses
        self._disk.work(0, lambda: deliver(self._close(uses)))

    def _claim(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> Done:
        error = self._take(writing)
        if error is not None:
            return Done(error)
        for stat, wants, ours in zip(self._files.stats, wanted, own):
            if stat is not None and wants and not ours:
                return Done(StorageError(os.strerror(errno.EEXIST), self._path, errno.EEXIST))
        return Done(None)

    def _see_claim(self) -> None:
        if not self._disk.claims.get(self._path, {}).get(self._files.torrent.metainfo.infohash):
            self._violate("a piece saved into files that are not claimed for writing")

    def _take(self, writing: bool) -> Optional[StorageError]:
        claims = self._disk.claims.setdefault(self._path, {})
        for other, writes in claims.items():
            if other != self._files.torrent.metainfo.infohash and (writes or writing):
                return StorageError(f"is in use by {other.hex()}", self._path, errno.EBUSY)
        claims[self._files.torrent.metainfo.infohash] = writing
        return None

    def _prepare(self, writing: bool) -> Prepared:
        return Prepared(self._take(writing) or self._disk.write_error(self._path, 0, room=self._reserved))

    def _close(self, uses: int) -> Done:
        if uses == self._uses:
            self._disk.claims.get(self._path, {}).pop(self._files.torrent.metainfo.infohash, None)
        return Done(None)

    # -- the jobs --------------------------------------------------------------------------------------------------

    def _save(self, jobs: Sequence[Tuple[int, memoryview, int]], compared: Collection[int]) -> Saved:
        files = self._files
        kept, wrong, unwritten, errors = [], [], [], []
        fingerprints = {}
        for index, buffer, checksum in jobs:
            size = files.size(index)
            self._busy.pop(_address(buffer), None)
            if zlib.crc32(buffer) != checksum:
                self._violate(f"the buffer of piece {index} changed while the disk had it")
            right = buffer == files.read(index, 0, size)
            if size > BLOCK and (index in compared or not right):
                fingerprints[index] = fingerprint(buffer)
            if not right:
                wrong.append(index)
                continue
            error = self._disk.write_error(self._path, size)
            if error is None:
                files.store(index)
                self._disk.saved += size
                kept.append(index)
            else:
                errors.append(error)
                unwritten.append(index)
        error = errors[0] if errors else None
        return Saved(tuple(kept), tuple(wrong), tuple(unwritten), error=error, fingerprints=fingerprints)

    def _write(self, blocks: Sequence[Tuple[int, int, Buffer, int]]) -> Done:
        for index, begin, data, checksum in blocks:
            if zlib.crc32(data) != checksum:
                self._violate(f"a block of piece {index} changed while the disk had it")
            error = self._disk.write_error(self._path, len(data))
            if error is not None:
                return Done(error)
            self._files.store_block(index, begin, bytes(data))
            self._disk.saved += len(data)
        return Done(None)

    def _load(self, index: int, begin: int, length: int) -> Loaded:
        disk = self._disk
        error = disk.read_error(self._path)
        if error is None and not self._files.readable(index):
            error = StorageError(os.strerror(errno.ENOENT), self._path, errno.ENOENT)
        if error is not None:
            return Loaded(index, begin, b"", error)
        disk.loaded += length
        data = self._files.load(index, begin, length)
        chance = disk.network.world.random
        if disk.wrong_reads and chance.random() < disk.wrong_reads:
            place = chance.randrange(len(data))
            data = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        return Loaded(index, begin, data, None)

    def _check(self, asked: Tuple[int, ...]) -> Checked:
        error = self._disk.read_error(self._path)
        passed = tuple(index for index in asked if error is None and self._files.right(index))
        right = set(passed)
        verdict = Verdict.WRONG if error is None else Verdict.UNREADABLE
        return Checked(passed, {index: verdict for index in asked if index not in right}, error)

    def _sync(self, snapshot: Snapshot, *, hurried: bool) -> Synced:
        files = self._files
        cache = self._disk.page_cache
        if hurried and cache:
            return Synced(files.stats, None, (), None, unsynced=tuple(sorted(snapshot[0])), page_cache=cache)
        error = self._disk.write_error(self._path, 0)
        if error is None:
            files.sync(snapshot)
        return Synced(files.stats, None, tuple(sorted(snapshot[0] - files.durable)), error)

    def _survey(self) -> CheckedFiles:
        error = self._disk.read_error(self._path)
        if error is not None:
            return CheckedFiles((), error)
        return CheckedFiles(self._files.present, None, self._files.stats, page_cache=self._disk.page_cache)

    def _recall(self) -> Recalled:
        error = self._disk.read_error(self._path)
        return Recalled(self._files.resume if error is None else None, () if error is None else (str(error),))

    def _remember(self, resume: Resume) -> Done:
        error = self._disk.write_error(self._path, 0)
        if error is None:
            self._files.resume = resume
        return Done(error)

    def _move(self, basedir: str, size: int) -> Moved:
        error = self._disk.write_error(os.path.join(basedir, os.path.basename(self._path)), size)
        if error is not None:
            return Moved(False, error)
        self._path = os.path.join(basedir, os.path.basename(self._path))
        return Moved(True, None)

    def _see_range(self, index: int, begin: int, length: int) -> None:
        if begin < 0 or not 0 < length <= self._files.size(index) - begin:
            self._violate(f"{length} bytes at {begin} of piece {index}, which has {self._files.size(index)}")

    def _violate(self, what: str) -> None:
        self._disk.network.world.violate(f"{self._disk.network.name}: {what}")


def _address(buffer: memoryview) -> int:
    """Return the address of a buffer; a read-only buffer cannot be reused."""
    return id(buffer) if buffer.readonly else ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def _put(answers: List[Loaded], destination: Destination) -> List[Loaded]:
    """Copy what was loaded up to the first error into memory; return these answers without their bytes."""
    put: List[Loaded] = []

    def read(view: memoryview) -> int:
        done = 0
        for answer in answers:
            put.append(answer._replace(data=b""))
            if answer.error is not None:
                break
            view[done : done + len(answer.data)] = answer.data
            done += len(answer.data)
        return done

    destination.fill(read)
    return put
