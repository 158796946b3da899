"""``ResumeFile``: the resume data of one torrent in a file, stored atomically, with the previous version beside it.

The paths of files that were renamed after the last store are in a journal (see ``name_journal``).

The file is a magic line, a SHA-256 of the rest in hexadecimal, and JSON.  Another program may have put a file there:
its size and its number of values are bounded before it is parsed, and a file that is not valid is not used, with a
reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Dict, List, NamedTuple, Optional, Tuple

from ..errors import StorageError
from ..metainfo.layout import BLOCK
from ..metainfo.metainfo import Metainfo
from ..text import printable
from ..threads.original import allocate_lock
from . import whole_file
from .file import FileStat
from .folder import Folder, Parts
from .metadata_file import MetadataFile
from .name_journal import NameJournal, undone
from .resume import Resume

MAX_NAMES_SIZE = 32 * 1024 * 1024
"""Bytes of the paths of renamed files in a resume file, with their punctuation: 100,000 paths of 300 bytes."""
MAX_UNFINISHED = 65_536
"""Unfinished pieces in a resume file: with pieces of 16 KiB that is a gigabyte of ``Settings.piece_memory``."""
MAX_UNFINISHED_SIZE = 1024 * 1024
"""Bytes of the block bits of unfinished pieces; each byte stands for four blocks."""

_MAGIC = b"bittorrent_threads resume\n"
_SEAL_SIZE = len(_MAGIC) + 64 + 1  # SHA-256 in hexadecimal, and the end of a line


class Bounds(NamedTuple):
    """The largest resume data of a torrent, checked before anything is parsed.

    Parsed JSON takes thirty times its bytes if it has many values, so that both are bounded.

    Attributes:
        size: Bytes.
        values: Commas and opening brackets, about the number of values.
    """

    size: int
    values: int

    @classmethod
    def of(cls, metainfo: Metainfo) -> Bounds:
        """Return the bounds for a torrent."""
        files, pieces = len(metainfo.files), metainfo.piece_count
        unfinished = min(pieces, MAX_UNFINISHED)
        blocks = min(-(-metainfo.total_size // BLOCK) // 4 + 2 * unfinished, MAX_UNFINISHED_SIZE)
        # A file is three integers of up to 39 digits, an unfinished piece an index, with punctuation.
        size = 4096 + 3 * pieces // 4 + 128 * files + 32 * unfinished + blocks
        return cls(size + min(MAX_NAMES_SIZE, 65_536 + 4096 * files), 4096 + 32 * files + 4 * unfinished)


class ResumeFile:
    """The file of the resume data of one torrent; every method blocks, and may be called from any thread.

    Args:
        folder: The folder.
        parts: Components of the path of the file below it.
    """

    def __init__(self, folder: Folder, parts: Parts) -> None:
        self.folder = folder
        self._parts = parts
        self._backup = (*parts[:-1], parts[-1] + ".bak")
        self._draft = whole_file.draft_of(parts)
        self._journal = NameJournal(folder, (*parts[:-1], f"{parts[-1]}.names"))
        self._storing = allocate_lock()
        self._last: Optional[_Stored] = None
        self._renamed: Dict[int, Parts] = {}  # files that were renamed in this process
        self._texts: Tuple[Tuple[Optional[FileStat], ...], List[str]] = ((), [])  # the files, and the JSON of each
        self._metadata_kept = False

    def store(self, resume: Resume, *, renamed: Optional[Tuple[int, Parts]] = None) -> None:
        """Store resume data atomically; it is durable afterwards.

        The paths of renamed files are added: the data may have been made before the last rename.

        Args:
            resume: The data.
            renamed: Index and path of a file that was renamed just now.

        Raises:
            StorageError: The disk failed; the previous data is still there.
        """
        with self._storing:
            names = {**self._renamed, **dict([renamed] if renamed else [])}
            self._store(_with_names(resume, names))
            self._renamed = names

    def store_name(self, index: int, parts: Parts) -> bool:
        """Store the path of a renamed file in the journal; it is durable afterwards.

        Args:
            index: The file.
            parts: Components of its path below the folder.

        Returns:
            False if the resume data has to be stored: it was not stored by this object, or the journal is full.

        Raises:
            StorageError: The disk failed, and the path may be in the journal or not: the resume data has to be stored.
        """
        with self._storing:
            try:
                if self._last is None or not self._last.same(self.folder, self._parts):
                    return False
                if not self._journal.append(self._last.seal, index, parts, files=len(self._last.resume.files)):
                    return False
            except OSError as error:
                raise StorageError.wrap(error, self.folder.path(self._parts)) from error
            self._renamed[index] = parts
            return True

    def _store(self, resume: Resume) -> None:
        folder = self.folder
        try:
            try:
                folder.remove(self._draft)
                data = self._encoded(resume)
                stat = whole_file.write_new(folder, self._draft, data)
                if folder.stat(self._parts) is not None:
                    folder.replace(self._parts, self._backup)
                folder.replace(self._draft, self._parts)
                self._last = _Stored(stat, resume, _seal_of(data))
            except OSError:
                with contextlib.suppress(OSError):
                    folder.remove(self._draft)
                raise
            folder.sync(self._parts)
        except OSError as error:
            raise StorageError.wrap(error, folder.path(self._parts)) from error
        with contextlib.suppress(OSError):
            self._journal.remove()  # it has added to the previous data

    def load(
        self, metainfo: Metainfo, content_folder: Optional[Folder] = None
    ) -> Tuple[Optional[Resume], Tuple[str, ...]]:
        """Load the resume data that was stored last, or else the version before it.

        Args:
            metainfo: The torrent.
            content_folder: Where the files are, to find those that a power cut left under an earlier path.

        Returns:
            The resume data, None if there is none; and the reason why each invalid file was not used.
        """
        reasons: List[str] = []
        bounds = Bounds.of(metainfo)
        for parts in (self._parts, self._backup):
            try:
                last = self._last
                if last is not None and last.resume.infohash == metainfo.infohash and last.same(self.folder, parts):
                    return _with_names(last.resume, self._renamed), tuple(reasons)
                data = self._read(parts, bounds.size)
                if data is not None:
                    resume = _decoded(data, metainfo, bounds)
                    return self._with_journal(data, resume, metainfo, content_folder), tuple(reasons)
            except (OSError, StorageError, ValueError, RecursionError) as error:
                reason = error.reason if isinstance(error, StorageError) else error
                reasons.append(f"{self.folder.path(parts)}: {printable(str(reason))}")
        return None, tuple(reasons)

    def _with_journal(
        self, data: bytes, resume: Resume, metainfo: Metainfo, content_folder: Optional[Folder]
    ) -> Resume:
        names = self._journal.load(_seal_of(data), files=len(metainfo.files))
        if not names:
            return resume
        renamed = resume.renamed(names, metainfo)
        if content_folder is None:
            return renamed
        before = dict(resume.names)
        back = undone(
            [(index, tuple(parts)) for index, parts in names],
            content_folder,
            resume.files,
            lambda index: before.get(index) or metainfo.files[index].path,
        )
        with contextlib.suppress(ValueError):  # an earlier path is that of another file
            return resume.renamed([*names, *back], metainfo)
        return renamed

    def at(self, folder: Folder) -> ResumeFile:
        """Return the same file in another folder."""
        return ResumeFile(folder, self._parts)

    def take_over(self, other: ResumeFile) -> None:
        """Become the same file as another, which ``at`` returned."""
        self.folder, self._journal, self._last = other.folder, other._journal, other._last

    def copy_metadata(self, other: ResumeFile) -> None:
        """Copy the metadata that is stored beside it, if it is, to the place beside another.

        Raises:
            StorageError: The disk failed.
        """
        self._metadata.copy_to(other._metadata)

    def keep_metadata(self, metainfo: Metainfo) -> None:
        """Store the metadata beside it, if it is not there: a magnet link of the torrent then starts without a peer.

        A fault of the disk is not told, as the resume data does not need the metadata: the next call tries again.

        Args:
            metainfo: The torrent.
        """
        if not self._metadata_kept:
            with contextlib.suppress(OSError, StorageError):
                if not self._metadata.has(metainfo.info_size):
                    self._metadata.store(metainfo.info_bytes())
                self._metadata_kept = True

    @property
    def _metadata(self) -> MetadataFile:
        return MetadataFile(self.folder, metadata_parts(self._parts))

    def remove(self) -> None:
        """Remove the file and the version before it, and the metadata beside it.

        Raises:
            StorageError: The disk failed.
        """
        for parts in (self._draft, self._backup, self._parts):
            try:
                self.folder.remove(parts)
            except OSError as error:
                raise StorageError.wrap(error, self.folder.path(parts)) from error
        with contextlib.suppress(OSError):
            self._journal.remove()
        self._metadata.remove()
        self.folder.prune(self._parts)

    def _encoded(self, resume: Resume) -> bytes:
        # Most files are unchanged since the last call: their JSON is kept.
        files, texts = self._texts
        if len(files) == len(resume.files):
            pairs = zip(files, resume.files, texts)
            texts = [text if then is now else _text(now) for then, now, text in pairs]
        else:
            texts = ["null" if stat is None else _text(stat) for stat in resume.files]
        self._texts = resume.files, texts
        rest = json.dumps({**resume._replace(files=()).plain(), "files": 0}, separators=(",", ":"))
        return _sealed(rest.replace('"files":0', f'"files":[{",".join(texts)}]', 1).encode())

    def _read(self, parts: Parts, most: int) -> Optional[bytes]:
        found = self.folder.stat(parts)
        if found is None:
            return None
        if found.st_size > most:
            raise ValueError(f"has {found.st_size} bytes, more than {most}, the limit for this torrent")
        return whole_file.read(self.folder, parts, found.st_size)


def metadata_parts(parts: Parts) -> Parts:
    """Return the components of the path of the metadata file beside a resume file."""
    return (*parts[:-1], f"{parts[-1]}.info")


class _Stored(NamedTuple):
    # Resume data that was stored, the state of its file, and its checksum.
    stat: FileStat
    resume: Resume
    seal: bytes

    def same(self, folder: Folder, parts: Parts) -> bool:
        """Return whether the file is still the same."""
        found = folder.stat(parts)
        return found is not None and FileStat.of(found) == self.stat


def _with_names(resume: Resume, names: Dict[int, Parts]) -> Resume:
    merged = {**dict(resume.names), **names}
    return (
        resume
        if len(merged) == len(resume.names) and merged == dict(resume.names)
        else resume._replace(names=tuple(merged.items()))
    )


def _decoded(data: bytes, metainfo: Metainfo, bounds: Bounds) -> Resume:
    body = data[_SEAL_SIZE:]
    if not data.startswith(_MAGIC):
        raise ValueError("is not resume data")
    if data != _sealed(body):
        raise ValueError("has a wrong checksum")
    values = sum(map(body.count, (b",", b"[", b"{")))
    if values > bounds.values:
        raise ValueError(f"has {values} values, more than {bounds.values}, the limit for this torrent")
    return Resume.of(json.loads(body), metainfo)


def _seal_of(data: bytes) -> bytes:
    return data[len(_MAGIC) : _SEAL_SIZE - 1]


def _text(stat: Optional[FileStat]) -> str:
    return "null" if stat is None else f"[{stat.size},{stat.mtime_ns},{stat.inode}]"


def _sealed(body: bytes) -> bytes:
    return b"".join((_MAGIC, hashlib.sha256(body).hexdigest().encode(), b"\n", body))
