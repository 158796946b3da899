"""``Content``: the bytes of one torrent by position.

Each span of bytes is in one of three places: its file, the part file (for unwanted files that do not exist), or none
(padding, BEP 47: always zero).  When the bytes of a file go to the file itself, they do so until the next ``prepare``.
That runs alone, so that a worker which sees it needs no lock.  Everything about the part file happens under one lock.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Protocol, Sequence, Set, Tuple, Union

from ..buffers import cut
from ..errors import StorageError
from ..metainfo.layout import Span
from ..metainfo.metainfo import Metainfo, padding_pieces
from ..metainfo.safe_paths import HIDDEN_FOLDER, PORTABLE
from ..threads.original import allocate_lock
from .allocation import FULL, SPARSE
from .check_files import check_files
from .deadline import Deadline
from .epochs import Epochs
from .file import File
from .file_pool import FilePool
from .folder import Folder, Parts
from .page_cache import PageCache
from .part_file import PartFile
from .path_choice import refused
from .results import CheckedFiles, Synced, bare
from .small_files import Read, SmallFiles
from .torrent_files import TorrentFiles
from .unsynced_files import UnsyncedFiles

PART_FILE = -1
"""The index of the part file, where files are given by index."""


class Content:
    """The bytes of a torrent below a folder; any number of workers may use it at once.

    Every method blocks, and raises :class:`StorageError`, and ``ValueError`` for bytes outside of the torrent.

    Args:
        metainfo: The torrent.
        folder: The folder of its files.
        pool: Opens the files.
        allocation: One of ``ALLOCATIONS``.
        names: ``Settings.names``.

    Attributes:
        padding: Ranges of pieces that are padding only, ascending.
        epochs: Which pieces are trusted.
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
        self._small_files = SmallFiles(pool)
        self.padding = padding_pieces(metainfo)
        self._unsynced = UnsyncedFiles(self._files, folder, pool)
        self._lock = allocate_lock()  # guards what follows
        parts = (HIDDEN_FOLDER, f"{metainfo.infohash.hex()}.parts")
        self._part_file = PartFile(File(folder, parts, on_changed=self._on_changed), pool, metainfo)
        self.epochs = Epochs(self._layout, len(metainfo.files), self._files, self._part_file)
        self._routed: Optional[bytearray] = None  # 1 if the bytes of a file go to the file; None before ``prepare``

    def check_files(self) -> CheckedFiles:
        """Accept the files as they are now, and find the pieces that may be in them, without reading any."""
        with self._lock:
            if self._routed is None:
                self._files.choose_names()
            found = check_files(self._metainfo, self._files, self.pool, self._part_file, self.padding)
        return found._replace(page_cache=_name(PageCache.of(self.folder)))

    def refuse_foreign_data(self, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        """Check that no wanted file has data of another origin; data that was seen before is checked again.

        Args:
            wanted: Whether each file is wanted.
            own: Whether each file was made by this torrent.

        Raises:
            StorageError: A wanted file that is not our own has data; the errno is EEXIST.
        """
        for index, entry in enumerate(self._metainfo.files):
            if wanted[index] and not own[index] and not entry.pad:
                file = self._files[index]
                if file.seen and file.stat is not None and file.stat.size:
                    self.pool.adopt(file)
                    self._refuse(file)

    def prepare(self, wanted: Sequence[bool], own: Optional[Sequence[bool]] = None) -> None:
        """Create the wanted files, and move their bytes from the part file to them.

        Their space is allocated first, if that is set.

        Args:
            wanted: Whether each file is wanted.
            own: Whether each file was made by this torrent.  The bytes of a file that is neither wanted nor our own go
                to the part file, even if the file exists.  By default every existing file is our own.
        """
        files = [index for index, entry in enumerate(self._metainfo.files) if not entry.pad]
        with self._lock:
            routed = self._routed = self._routed or bytearray(len(self._metainfo.files))
            moving = []
            for index in files:
                if not (wanted[index] or ((own is None or own[index]) and self._there(index))):
                    routed[index] = 0  # the user may have removed it, and does not want it back
                elif not routed[index]:
                    routed[index] = not self._part_file.pieces(index)
                    if not routed[index]:
                        moving.append(index)
            for index in moving:
                try:
                    self._move_part(index)
                finally:
                    routed[index] = not self._part_file.pieces(index)
        new = [index for index in files if wanted[index] and not (self._files[index].seen or own is None or own[index])]
        self._files.create([index for index in files if wanted[index]])
        for index in new:
            self._refuse(self._files[index])  # another program may have made it just now
        if self._allocation == FULL:
            self._unsynced.begin()
            for index in files:
                if wanted[index]:
                    self.pool.allocate(self._files[index], self._metainfo.files[index].length)
                    self._unsynced.add([index])

    def read(self, offset: int, length: int) -> Union[bytes, bytearray]:
        """Return bytes of trusted pieces."""
        places = list(self._places(offset, length))
        if len(places) == 1 and places[0][0].length == length:
            span = places[0][0]
            with self._place_of(span) as place:
                return place.read(span)
        data = bytearray(length)
        with memoryview(data) as view:
            self._fill(places, view)
        return data

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` with bytes of trusted pieces."""
        self._fill(self._places(offset, len(view)), view)

    def _fill(self, places: Iterable[Tuple[Span, int]], view: memoryview) -> None:
        for span, at in places:
            with self._place_of(span) as place, view[at : at + span.length] as part:
                place.read_into(span, part)

    def inspect(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` with unverified bytes, for a hash check; raise ``Missing`` where no file has them."""
        done = 0
        at_home, small = self._at_home(), self._files.small
        reads: List[Read] = []
        for span, at in self._places(offset, len(view)):
            if done < at:
                view[done:at] = bytes(at - done)
            done = at + span.length
            if small(span.file) and at_home(span.file):
                reads.append((self._files[span.file], span.offset, view[at:done]))
            else:
                with self._place_of(span) as place:
                    place.read_into(span, view[at:done])
        if done < len(view):
            view[done:] = bytes(len(view) - done)
        self._small_files.read(reads)

    def scan(self, offset: int, length: int, view: memoryview) -> Iterator[memoryview]:
        """Read unverified bytes in parts, for a hash check.

        Args:
            offset: Where the range begins.
            length: Its bytes.
            view: Memory that each part is read into.

        Returns:
            The parts, each valid until the next one is requested.
        """
        span = self._layout.spans(offset, 1)[0]._replace(length=length)
        entry = self._metainfo.files[span.file]
        read_current = self._files.small(span.file) and self._at_home()(span.file)
        if span.offset + length <= entry.length and not entry.pad and not read_current:
            with self._place_of(span) as place:
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
        """Let ``inspect`` read the files that have the names now, and let ``epochs`` notice changes.

        Small files are left out, since ``inspect`` opens each by its name.

        Returns:
            Begin and end of the ranges that neither a file nor the part file has, ascending.
        """
        absent: List[Tuple[int, int]] = []
        if self._files.all_small and self._all_at_home():
            return absent
        at_home, small = self._at_home(), self._files.small
        for span, at in self._places(offset, length):
            if small(span.file) and at_home(span.file):
                continue
            size = self.pool.refresh(self._files[span.file])
            if size is not None and size < span.offset + span.length and not self._may_be_in_part_file(span.file):
                absent.append((offset + at + max(0, size - span.offset), offset + at + span.length))
        return absent

    def write(self, offset: int, buffers: Sequence[memoryview]) -> None:
        """Write buffers one after the other, without copying them."""
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
                    with self._place_of(span, writing=True) as place:
                        place.write(span, part)
        finally:
            self._unsynced.add(written)

    def verified(self, offset: int, length: int) -> None:
        """Note that a range passed a hash check: the next ``sync`` includes its files if they were changed recently.

        Files that were not changed recently are durable already, and syncing 20,000 of them one by one takes 5 s.
        """
        if os.name != "posix":
            return  # there a file has to be open for writing to be synced
        self._unsynced.begin()
        now = time.time()
        young: List[int] = []
        at_home = self._at_home()
        for span, _ in self._places(offset, length):
            if not at_home(span.file):
                with self._lock:
                    self._part_file.verified()
            elif self._files[span.file].young(now):
                young.append(span.file)
        self._unsynced.add(young)

    def sync(self, older: Sequence[int] = (), deadline: Optional[Deadline] = None) -> Synced:
        """Make durable what was written or verified before the call.

        Args:
            older: Pieces that an earlier process wrote and did not sync.
            deadline: When this has to end.  What is left then is ``Synced.unsynced``; nothing is, where the page cache
                has no name.
        """
        error: Optional[StorageError] = None
        suspects: Set[int] = set()
        unsynced: Set[int] = set()
        page_cache = PageCache.of(self.folder)
        spans = (span for piece in older for span in self._layout.piece_spans(piece))
        self._unsynced.add_older({span.file for span in spans if not self._metainfo.files[span.file].pad})
        with self._lock:
            try:
                self._part_file.sync()
            except StorageError as failure:
                error = bare(failure)
                for index in range(len(self._metainfo.files)):
                    suspects.update(self._part_file.pieces(index))
        result = self._unsynced.sync(page_cache, deadline or Deadline())
        for index, reason in result.errors.items():
            error = error or reason
            suspects.update(self._layout.file_pieces(index))
        for index in result.late:
            unsynced.update(self._layout.file_pieces(index))
        # In this order: a change after a file was seen is not in its state.
        files, part_file = self._files.stats(), self._part_file.stat
        with self._lock:
            changed = self.epochs.changed_files()
        for file in changed:
            suspects.update(file.suspects)
        return Synced(
            files, part_file, tuple(sorted(suspects)), error, changed, tuple(sorted(unsynced)), _name(page_cache)
        )

    def existing(self) -> Dict[int, File]:
        """Return the existing files by index, the part file as ``PART_FILE``."""
        indexes = (index for index, entry in enumerate(self._metainfo.files) if not entry.pad)
        found = {index: self._files[index] for index in indexes if self.pool.exists(self._files[index])}
        if self.pool.exists(self._part_file.file):
            found[PART_FILE] = self._part_file.file
        return found

    def rename(self, index: int, parts: Parts, found: Optional[os.stat_result]) -> None:
        """Change the path of a file after it was renamed.

        Args:
            index: The file; no thread may use it meanwhile.
            parts: Components of its new path.
            found: Its status there; None if it does not exist.
        """
        file = self._files[index]
        self._files.renamed(index, parts)
        self.pool.relocate(file, self.folder, parts, found)

    @property
    def files(self) -> TorrentFiles:
        """The files of the torrent."""
        return self._files

    def relocate(self, folder: Folder, found: Mapping[File, os.stat_result]) -> None:
        """Change the folder after all files were moved.

        Args:
            folder: The new folder.
            found: The status of each existing file there; no thread may use the files meanwhile.
        """
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
            reason = "exists already, with data that is not of this torrent: move it away, or allow to overwrite it"
            raise StorageError(reason, file.path, errno.EEXIST)

    def _places(self, offset: int, length: int) -> Iterator[Tuple[Span, int]]:
        # The spans that are not padding, and the begin of each relative to ``offset``.
        at, files = 0, self._metainfo.files
        for span in self._layout.spans(offset, length):
            if not files[span.file].pad:
                yield span, at
            at += span.length

    @contextlib.contextmanager
    def _place_of(self, span: Span, *, writing: bool = False) -> Iterator[_Place]:
        # The place of a span; that of the part file with its lock.
        routed = self._routed
        if routed is None or not routed[span.file]:
            with self._lock:
                if self._in_part_file(span.file) and (writing or not self._only_in_file(span)):
                    yield self._part_file
                    return
        yield self._files

    def _at_home(self) -> Callable[[int], object]:
        # Tells whether the bytes of a file are in the file itself, not in the part file.  A hash check asks for 20,000
        # files in a row, and takes the lock once.  It uses ``SmallFiles`` for those that are small.
        routed = self._routed
        if routed is not None:
            return routed.__getitem__
        with self._lock:
            parted = self._part_file.files
        return lambda file: file not in parted

    def _all_at_home(self) -> bool:
        routed = self._routed
        if routed is not None:
            return 0 not in routed
        with self._lock:
            return not self._part_file.files

    def _in_part_file(self, file: int) -> bool:
        # Under the lock.
        routed = self._routed
        return self._part_file.has(file) if routed is None else not routed[file]

    def _only_in_file(self, span: Span) -> bool:
        # Under the lock: whether the file exists, and the part file has no piece of a span.  The user may have added
        # the file: if its pieces pass the check, it becomes our own.
        if not self._files[span.file].seen:
            return False
        begin, piece_length = self._layout.file_offset(span.file) + span.offset, self._layout.piece_length
        pieces = range(begin // piece_length, (begin + span.length - 1) // piece_length + 1)
        return not any(piece in pieces for piece in self._part_file.pieces(span.file))

    def _may_be_in_part_file(self, file: int) -> bool:
        # Whether the part file has bytes of a file, or cannot be read.
        routed = self._routed
        if routed is not None and routed[file]:
            return False
        with self._lock:
            try:
                return bool(self._part_file.pieces(file))
            except StorageError:
                return True

    def _there(self, index: int) -> bool:
        # A file that cannot be checked counts as existing: its use raises the reason.
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
            self._files.create([index])  # under a name that the file system accepts
            self._part_file.move(index, self._files[index])

    def _on_changed(self) -> None:
        self.epochs.changed = True


def _name(page_cache: Optional[PageCache]) -> str:
    return "" if page_cache is None else page_cache.name


class _Place(Protocol):
    # A file, or the part file.

    def read(self, span: Span) -> bytes: ...

    def read_into(self, span: Span, view: memoryview) -> None: ...

    def write(self, span: Span, buffers: Sequence[memoryview]) -> None: ...
