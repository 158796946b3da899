"""``Content``: the bytes of one torrent by their position, wherever they are kept.

Each span of bytes has one of three places: its file, the part file (for unwanted files that are not there), or none at
all (padding, BEP 47: always zero).  Once the bytes of a file go to the file itself they do so until the next
``prepare``, which runs alone, so that a worker which sees that needs no lock; everything about the part file happens
under one.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from operator import attrgetter
from typing import Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Set, Tuple, Union

from ..buffers import cut
from ..errors import StorageError
from ..metainfo.layout import Span, runs
from ..metainfo.metainfo import Metainfo, padding_pieces
from ..metainfo.safe_paths import HIDDEN_FOLDER, PORTABLE
from ..threads.original import allocate_lock
from .allocation import FULL, SPARSE
from .epochs import Epochs
from .file import File
from .file_pool import FilePool
from .folder import Folder, Parts
from .part_file import PartFile
from .path_choice import refused
from .results import CheckedFiles, Synced, bare
from .torrent_files import TorrentFiles
from .unsynced_files import UnsyncedFiles

PART_FILE = -1
"""Stands for the part file where files are named by their index."""


class Content:
    """The bytes of a torrent below ``folder``; every method blocks, and any number of workers may use it at once.

    Everything raises :class:`StorageError`, and ``ValueError`` for bytes that the torrent does not have.
    """

    def __init__(
        self, metainfo: Metainfo, folder: Folder, pool: FilePool, *, allocation: str = SPARSE, names: str = PORTABLE
    ) -> None:
        self._metainfo = metainfo
        self._allocation = allocation
        self._layout = metainfo.layout
        self.folder = folder
        self.pool = pool
        self._files = TorrentFiles(metainfo, folder, pool, names=names, on_changed=self._on_changed)
        self.padding = padding_pieces(metainfo)
        """Pieces that are nothing but padding, ascending."""
        self._unsynced = UnsyncedFiles(self._files, folder, pool)
        self._lock = allocate_lock()  # guards what follows
        parts = (HIDDEN_FOLDER, f"{metainfo.infohash.hex()}.parts")
        self._part_file = PartFile(File(folder, parts, on_changed=self._on_changed), pool, metainfo)
        self.epochs = Epochs(self._layout, len(metainfo.files), self._files, self._part_file)
        """Which pieces are trusted."""
        self._routed: Optional[bytearray] = None  # 1 for each file whose bytes go to itself; None before ``prepare``

    def check_files(self) -> CheckedFiles:
        """Take the files as they are now, and see which pieces may be there."""
        piece_length = self._layout.piece_length
        errors: List[StorageError] = []
        there = [*self.padding]
        unseen: List[int] = []
        parted: List[int] = []
        with self._lock:
            if self._routed is None:
                self._files.choose_names()
            whole = self._adopt_part_file(errors)
            for index, entry in enumerate(self._metainfo.files):
                begin = self._layout.file_offset(index)
                if entry.pad:
                    continue
                stat = None
                try:
                    stat = self.pool.adopt(self._files[index])
                except StorageError as error:
                    errors.append(bare(error))
                    if entry.length:
                        unseen.append(index)
                size = min(stat.size, entry.length) if stat is not None else 0
                if size:
                    there.append(range(begin // piece_length, (begin + size - 1) // piece_length + 1))
                pieces = self._part_file.pieces(index) if whole else []
                there.extend(runs(pieces))
                if pieces:
                    parted.append(index)
            first = errors[0] if errors else None
            present: List[int] = []
            for pieces_there in sorted(there, key=attrgetter("start")):
                # The ranges of two files may share a piece.
                present.extend(range(max(pieces_there.start, present[-1] + 1 if present else 0), pieces_there.stop))
            files = [entry for entry in self._metainfo.files if entry.length and not entry.pad]
            if not whole or (unseen and len(unseen) == len(files)):
                return CheckedFiles(tuple(present), first, names=self._files.chosen)
            stats, part_file, names = self._files.stats(), self._part_file.stat, self._files.chosen
            return CheckedFiles(tuple(present), first, stats, part_file, tuple(unseen), tuple(parted), names)

    def claim(self, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        """See that no file that is wanted, and not our own, holds a byte; looks again at those that did."""
        for index, entry in enumerate(self._metainfo.files):
            if wanted[index] and not own[index] and not entry.pad:
                file = self._files[index]
                if file.met and file.stat is not None and file.stat.size:
                    self.pool.adopt(file)
                    self._refuse(file)

    def prepare(self, wanted: Sequence[bool], own: Optional[Sequence[bool]] = None) -> None:
        """Make the files that are wanted, with room if that was asked for, and move to them what the part file has.

        What belongs to files that are neither wanted nor our ``own`` goes to the part file, be they there or not;
        without ``own`` all that are there are.
        """
        files = [index for index, entry in enumerate(self._metainfo.files) if not entry.pad]
        with self._lock:
            routed = self._routed = self._routed or bytearray(len(self._metainfo.files))
            moving = []
            for index in files:
                if not (wanted[index] or ((own is None or own[index]) and self._there(index))):
                    routed[index] = 0  # it may have been removed, and is not to appear again
                elif not routed[index]:
                    routed[index] = not self._part_file.pieces(index)
                    if not routed[index]:
                        moving.append(index)
            for index in moving:
                try:
                    self._move_part(index)
                finally:
                    routed[index] = not self._part_file.pieces(index)
        new = [index for index in files if wanted[index] and not (self._files[index].met or own is None or own[index])]
        self._files.create([index for index in files if wanted[index]])
        for index in new:
            self._refuse(self._files[index])  # it came just now
        if self._allocation == FULL:
            for index in files:
                if wanted[index]:
                    self.pool.allocate(self._files[index], self._metainfo.files[index].length)
                    self._unsynced.add([index])

    def read(self, offset: int, length: int) -> Union[bytes, bytearray]:
        """Bytes of pieces that are trusted."""
        places = list(self._places(offset, length))
        if len(places) == 1 and places[0][0].length == length:
            span = places[0][0]
            with self._kept(span) as place:
                return place.read(span)
        data = bytearray(length)
        with memoryview(data) as view:
            for span, at in places:
                with self._kept(span) as place:
                    place.read_into(span, view[at : at + span.length])
        return data

    def inspect(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from whatever is there, for a hash to judge; raises ``Missing`` where nothing is."""
        done = 0
        for span, at in self._places(offset, len(view)):
            if done < at:
                view[done:at] = bytes(at - done)
            done = at + span.length
            if self._fetched(span.file):
                self.pool.fetch(self._files[span.file], span.offset, view[at:done])
            else:
                with self._kept(span) as place:
                    place.read_into(span, view[at:done])
        if done < len(view):
            view[done:] = bytes(len(view) - done)

    def scan(self, offset: int, length: int, view: memoryview) -> Iterator[memoryview]:
        """``inspect`` of as much as ``view`` takes at a time; each part is good until the next is asked for."""
        span = self._layout.spans(offset, length)[0]
        if span.length == length and not self._metainfo.files[span.file].pad and not self._fetched(span.file):
            with self._kept(span) as place:
                direct = place is self._files
            if direct:
                return self.pool.scan(self._files[span.file], span.offset, length, view)
        return self._inspected(offset, length, view)

    def _inspected(self, offset: int, length: int, view: memoryview) -> Iterator[memoryview]:
        for at in range(0, length, len(view)):
            part = view[: length - at]
            self.inspect(offset + at, part)
            yield part

    def refresh(self, offset: int, length: int) -> List[Tuple[int, int]]:
        """See to it that ``inspect`` looks at the files that have these names now, and ``epochs`` know of changes.

        Small files are left to ``inspect``, which sees to that itself.
        Returns where bytes begin and end that are nowhere, in order: no part file has them, and no file is so long.
        """
        absent: List[Tuple[int, int]] = []
        for span, at in self._places(offset, length):
            if self._fetched(span.file):
                continue
            size = self.pool.refresh(self._files[span.file])
            if size is not None and size < span.offset + span.length and not self._parted(span.file):
                absent.append((offset + at + max(0, size - span.offset), offset + at + span.length))
        return absent

    def write(self, offset: int, buffers: Sequence[memoryview]) -> None:
        """Write the buffers one behind the other; they are not copied."""
        self._unsynced.begin()
        ends = list(itertools.accumulate(map(len, buffers)))
        length = ends[-1] if ends else 0
        written: List[int] = []
        try:
            for span, at in self._places(offset, length):
                part = buffers if span.length == length else cut(buffers, ends, at, span.length)
                written.append(span.file)
                routed = self._routed
                if routed is not None and routed[span.file]:
                    self._files.write(span, part)
                else:
                    with self._kept(span, writing=True) as place:
                        place.write(span, part)
        finally:
            self._unsynced.add(written)

    def found(self, offset: int, length: int) -> None:
        """These bytes are right, whoever wrote them: if that is not long ago, the next sync is for them too.

        To sync 20,000 files one by one takes 5 s, even if there is nothing to write.
        """
        if os.name != "posix":
            return  # only who may write to a file can sync it there
        self._unsynced.begin()
        now = time.time()
        young: List[int] = []
        with self._lock:
            for span, _ in self._places(offset, length):
                if self._kept_in_part_file(span.file):
                    self._part_file.found()
                elif self._files[span.file].young(now):
                    young.append(span.file)
        self._unsynced.add(young)

    def sync(self) -> Synced:
        """Make durable what was written or found before."""
        error: Optional[StorageError] = None
        suspects: Set[int] = set()
        with self._lock:
            try:
                self._part_file.sync()
            except StorageError as failure:
                error = bare(failure)
                for index in range(len(self._metainfo.files)):
                    suspects.update(self._part_file.pieces(index))
        for index, reason in self._unsynced.sync().items():
            error = error or reason
            suspects.update(self._layout.file_pieces(index))
        # In this order: a change after the look at a file is not in what is remembered of it.
        files, part_file = self._files.stats(), self._part_file.stat
        with self._lock:
            changed = self.epochs.doubted()
        for file in changed:
            suspects.update(file.suspects)
        return Synced(files, part_file, tuple(sorted(suspects)), error, changed)

    def existing(self) -> Dict[int, File]:
        """The files that are there, by index, and the part file as ``PART_FILE``."""
        indexes = (index for index, entry in enumerate(self._metainfo.files) if not entry.pad)
        found = {index: self._files[index] for index in indexes if self.pool.exists(self._files[index])}
        if self.pool.exists(self._part_file.file):
            found[PART_FILE] = self._part_file.file
        return found

    def rename(self, index: int, parts: Parts, found: Optional[os.stat_result]) -> None:
        """A file has another name now, and is ``found`` there.  Nobody may use it meanwhile."""
        file = self._files[index]
        self._files.renamed(index, parts)
        self.pool.relocate(file, self.folder, parts, found)

    @property
    def files(self) -> TorrentFiles:
        """The files of the torrent."""
        return self._files

    def meet(self, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        """See that not all of our own files that were met are gone, if one is wanted: nothing is to be made then.

        One look is enough in most cases: at the first that was met.
        """
        gone = None
        for index, (wants, ours) in enumerate(zip(wanted, own)):
            file = self._files[index]
            if ours and file.met and not self._metainfo.files[index].pad:
                if self.pool.named(file):
                    return
                gone = gone or (file if wants else None)
        if gone is not None:
            self.pool.create(gone)  # which says that it is gone, and makes nothing

    def paths(self, used: Sequence[bool]) -> List[Parts]:
        """The paths of those of these files that have a byte and are no padding."""
        entries = enumerate(self._metainfo.files)
        return [self._files[index].parts for index, entry in entries if used[index] and entry.length and not entry.pad]

    def relocate(self, folder: Folder, found: Mapping[File, os.stat_result]) -> None:
        """Every file is in another folder now; those of ``found`` are there.  Nobody may use them meanwhile."""
        self.close()
        self.folder = self._unsynced.folder = folder
        for file in (*self._files.relocate(folder), self._part_file.file):
            self.pool.relocate(file, folder, file.parts, found.get(file))

    def close(self) -> None:
        """Close every open file."""
        self._unsynced.close()
        self.pool.close(self.folder)

    def _refuse(self, file: File) -> None:
        if file.stat is not None and file.stat.size:
            reason = "is there already, and nothing of this torrent is in it: move it away, or allow to overwrite it"
            raise StorageError(reason, file.path, errno.EEXIST)

    def _places(self, offset: int, length: int) -> Iterator[Tuple[Span, int]]:
        # The spans that are kept somewhere, and where each begins behind ``offset``.
        at = 0
        for span in self._layout.spans(offset, length):
            if not self._metainfo.files[span.file].pad:
                yield span, at
            at += span.length

    @contextlib.contextmanager
    def _kept(self, span: Span, *, writing: bool = False) -> Iterator[_Place]:
        # Where a span is kept, and for the part file the lock with it.
        routed = self._routed
        if routed is None or not routed[span.file]:
            with self._lock:
                if self._kept_in_part_file(span.file) and (writing or not self._only_in_file(span)):
                    yield self._part_file
                    return
        yield self._files

    def _fetched(self, file: int) -> bool:
        # Whether a check reads the file by ``FilePool.fetch``: a small one that the part file has nothing of.
        if not self._files.small(file):
            return False
        routed = self._routed
        if routed is not None and routed[file]:
            return True
        with self._lock:
            return not self._kept_in_part_file(file)

    def _kept_in_part_file(self, file: int) -> bool:
        # Under the lock.
        routed = self._routed
        return self._part_file.has(file) if routed is None else not routed[file]

    def _only_in_file(self, span: Span) -> bool:
        # Under the lock: whether the file is there, and the part file has no piece of a span.  Such a file came later,
        # and may be right: then its pieces say that it is our own.
        if not self._files[span.file].met:
            return False
        begin, piece_length = self._layout.file_offset(span.file) + span.offset, self._layout.piece_length
        pieces = range(begin // piece_length, (begin + span.length - 1) // piece_length + 1)
        return not any(piece in pieces for piece in self._part_file.pieces(span.file))

    def _parted(self, file: int) -> bool:
        # Whether the part file has something of a file, as far as can be seen.
        routed = self._routed
        if routed is not None and routed[file]:
            return False
        with self._lock:
            try:
                return bool(self._part_file.pieces(file))
            except StorageError:
                return True

    def _adopt_part_file(self, errors: List[StorageError]) -> bool:
        # Under the lock: whether it can be asked.
        try:
            self._part_file.adopt()
            self._part_file.pieces(0)
        except StorageError as error:
            errors.append(bare(error))
            return False
        return True

    def _there(self, index: int) -> bool:
        # What cannot be looked at is there in so far as each use of it will tell why.
        try:
            return self.pool.exists(self._files[index])
        except StorageError:
            return True

    def _move_part(self, index: int) -> None:
        # Under the lock.
        try:
            self._part_file.move(index, self._files[index])
        except StorageError as error:
            if not refused(error):
                raise
            self._files.create([index])  # under a name that this file system stores
            self._part_file.move(index, self._files[index])

    def _on_changed(self) -> None:
        self.epochs.changed = True


class _Place(Protocol):
    # Where spans are kept.

    def read(self, span: Span) -> bytes: ...

    def read_into(self, span: Span, view: memoryview) -> None: ...

    def write(self, span: Span, buffers: Sequence[memoryview]) -> None: ...
