"""Resume data: what of a torrent is on disk and right, so that the next start need not hash it all.

``Resume`` is the value, ``ResumeFile`` the place where it is kept, ``compare`` the judge of what it is still worth.
The rule: it is a claim about files as they were.  Where size, mtime or inode of a file is another now, nothing said
about its pieces is believed (but see ``renumbered``), and nothing in here, however garbled, ever raises at a start: it
is not used, and the reason is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import NATIVE, chosen_path, in_the_way
from ..text import printable
from ..threads.original import allocate_lock
from .descriptor import Descriptor
from .file import FileStat
from .folder import Folder, Parts
from .path_choice import rules

VERSION = 1
MAX_NAMES_SIZE = 4 * 1024 * 1024
"""Bytes of the paths of renamed files in a resume file, with their punctuation: some ten thousand long ones."""
MAX_UNFINISHED = 65_536
"""Unfinished pieces in a resume file: so many of 16 KiB are a gigabyte of ``Settings.piece_memory``."""
MAX_UNFINISHED_SIZE = 1024 * 1024
"""Bytes that tell of their blocks, four for each of these bytes."""
_MAGIC = b"bittorrent_threads resume\n"
_SEAL_SIZE = len(_MAGIC) + 64 + 1  # SHA-256 in hexadecimal, and the end of a line

Unfinished = Tuple[Tuple[int, bytes], ...]
"""Pieces of which some blocks are at their place on disk: index, and a bit a block, most significant bit first."""


Names = Tuple[Tuple[int, Parts], ...]
"""Files that were renamed: index, and the components of the path below the folder."""


class Resume(NamedTuple):
    """What is known of the data of one torrent; ``plain`` is the same for json and pickle."""

    infohash: bytes
    have: bytes
    """Pieces that are whole and right, packed; durable, see ``Storage.sync``."""
    files: Tuple[Optional[FileStat], ...]
    """What each file was when that was true; None for one that was not there."""
    part_file: Optional[FileStat] = None
    unfinished: Unfinished = ()
    """Believed only if ``clean``."""
    clean: bool = False
    """Nothing was written after this: the torrent was stopped."""
    names: Names = ()
    """Files that were renamed: index, and the components of the path."""
    doubtful: bytes = b""
    """Pieces that may be there too, packed: written or found changed so late that only a hash can tell."""
    own: Optional[bytes] = None
    """Files that are the torrent's own, packed; None in what an earlier version stored."""

    @property
    def owned(self) -> bytes:
        """The same; an earlier version wrote to every file that was there."""
        if self.own is not None:
            return self.own
        files = Bitfield(len(self.files))
        for index, stat in enumerate(self.files):
            if stat is not None:
                files.set(index)
        return bytes(files)

    def plain(self) -> Dict[str, Any]:
        """Dictionaries, lists, strings and numbers."""
        return {
            "version": VERSION,
            "infohash": self.infohash.hex(),
            "have": self.have.hex(),
            "files": [None if stat is None else list(stat) for stat in self.files],
            "part_file": None if self.part_file is None else list(self.part_file),
            "unfinished": [[index, blocks.hex()] for index, blocks in self.unfinished],
            "clean": self.clean,
            "names": [[index, list(parts)] for index, parts in self.names],
            "doubtful": self.doubtful.hex(),
            **({} if self.own is None else {"own": self.own.hex()}),
        }

    @classmethod
    def of(cls, plain: object, metainfo: Metainfo) -> Resume:
        """The resume data that ``plain`` is; raises ``ValueError`` with the reason if it is none for this torrent."""
        if not isinstance(plain, dict):
            raise ValueError("is no dictionary")
        if plain.get("version") != VERSION:
            raise ValueError(f"has version {plain.get('version')!r}, this library knows {VERSION}")
        resume = cls(
            infohash=_bytes(plain, "infohash"),
            have=_bytes(plain, "have"),
            files=tuple(_stat(entry, "files") for entry in _list(plain, "files")),
            part_file=_stat(plain.get("part_file"), "part_file"),
            unfinished=tuple(_unfinished(entry, metainfo) for entry in _list(plain, "unfinished")),
            clean=plain.get("clean") is True,
            names=_names(plain.get("names", []), metainfo),
            doubtful=_bytes({"doubtful": "", **plain}, "doubtful"),
            own=_bytes(plain, "own") if "own" in plain else None,
        )
        if resume.infohash != metainfo.infohash:
            raise ValueError(f"is for the torrent {resume.infohash.hex()}")
        Bitfield(metainfo.piece_count, resume.have)
        Bitfield(metainfo.piece_count, resume.doubtful or None)
        if len(resume.files) != len(metainfo.files):
            raise ValueError(f"has {len(resume.files)} files, the torrent {len(metainfo.files)}")
        Bitfield(len(metainfo.files), resume.own)
        return resume


class Bounds(NamedTuple):
    """What resume data of a torrent can be at most: anyone may have put a file there, of any size.

    What is made of JSON takes by its values thirty times its bytes, so that both are counted before any is made.
    """

    size: int
    """Bytes."""
    values: int
    """Commas and opening brackets, which is how many values there are."""

    @classmethod
    def of(cls, metainfo: Metainfo) -> Bounds:
        """For this torrent."""
        files, pieces = len(metainfo.files), metainfo.piece_count
        unfinished = min(pieces, MAX_UNFINISHED)
        blocks = min(-(-metainfo.total_size // BLOCK) // 4 + 2 * unfinished, MAX_UNFINISHED_SIZE)
        # A file has three integers of up to 39 digits, an unfinished piece its index, and both their punctuation.
        size = 4096 + pieces // 2 + 128 * files + 32 * unfinished + blocks
        return cls(size + min(MAX_NAMES_SIZE, 65_536 + 4096 * files), 4096 + 32 * files + 4 * unfinished)


class ResumeFile:
    """Where the resume data of one torrent is kept: at ``parts`` of a folder, the one before it beside it.

    A file is a checksum and JSON.  Every method blocks; of two stores at once one waits for the other.
    """

    def __init__(self, folder: Folder, parts: Parts) -> None:
        self.folder = folder
        self._parts = parts
        self._backup = (*parts[:-1], parts[-1] + ".bak")
        self._draft = (*parts[:-1], parts[-1] + ".new")
        self._storing = allocate_lock()
        self._last: Optional[Tuple[FileStat, Resume]] = None  # what was stored last, and the file that it is in
        self._texts: Tuple[Tuple[Optional[FileStat], ...], List[str]] = ((), [])  # files, and the JSON of each

    def store(self, resume: Resume) -> None:
        """Keep this, whole or not at all; durable when it returns.  Raises :class:`StorageError`."""
        with self._storing:
            self._store(resume)

    def _store(self, resume: Resume) -> None:
        folder = self.folder
        try:
            try:
                folder.remove(self._draft)
                stat = self._write(self._draft, self._encoded(resume))
                if folder.stat(self._parts) is not None:
                    folder.replace(self._parts, self._backup)
                folder.replace(self._draft, self._parts)
                self._last = stat, resume
            except OSError:
                with contextlib.suppress(OSError):
                    folder.remove(self._draft)
                raise
            folder.sync(self._parts)
        except OSError as error:
            raise StorageError.wrap(error, folder.path(self._parts)) from error

    def load(self, metainfo: Metainfo) -> Tuple[Optional[Resume], Tuple[str, ...]]:
        """What was stored last, or before that, or nothing; and what was wrong with what is not used."""
        reasons: List[str] = []
        bounds = Bounds.of(metainfo)
        for parts in (self._parts, self._backup):
            try:
                known = self._known(parts)
                if known is not None and known.infohash == metainfo.infohash:
                    return known, tuple(reasons)
                data = self._read(parts, bounds.size)
                if data is not None:
                    return _decoded(data, metainfo, bounds), tuple(reasons)
            except (OSError, StorageError, ValueError, RecursionError) as error:
                reason = error.reason if isinstance(error, StorageError) else error
                reasons.append(f"{self.folder.path(parts)}: {printable(str(reason))}")
        return None, tuple(reasons)

    def at(self, folder: Folder) -> ResumeFile:
        """The same file in another folder."""
        return ResumeFile(folder, self._parts)

    def remove(self) -> None:
        """Remove it and the one before it."""
        for parts in (self._draft, self._backup, self._parts):
            try:
                self.folder.remove(parts)
            except OSError as error:
                raise StorageError.wrap(error, self.folder.path(parts)) from error
        self.folder.prune(self._parts)

    def _known(self, parts: Parts) -> Optional[Resume]:
        # What the file has, if it is the one that was stored last.
        last, found = self._last, self.folder.stat(parts)
        return last[1] if last is not None and found is not None and FileStat.of(found) == last[0] else None

    def _encoded(self, resume: Resume) -> bytes:
        # Of 20,000 files the renaming of one changes one.
        files, texts = self._texts
        if len(files) == len(resume.files):
            pairs = zip(files, resume.files, texts)
            texts = [text if then is now else _text(now) for then, now, text in pairs]
        else:
            texts = list(map(_text, resume.files))
        self._texts = resume.files, texts
        rest = json.dumps({**resume._replace(files=()).plain(), "files": 0}, separators=(",", ":"))
        return _sealed(rest.replace('"files":0', f'"files":[{",".join(texts)}]', 1).encode())

    def _write(self, parts: Parts, data: bytes) -> FileStat:
        draft = Descriptor(self.folder.open(parts, os.O_WRONLY | os.O_EXCL, create=True), self.folder.system)
        try:
            draft.write(0, [memoryview(data)])
            draft.sync()
            return FileStat.of(draft.stat())
        finally:
            draft.close()

    def _read(self, parts: Parts, most: int) -> Optional[bytes]:
        found = self.folder.stat(parts)
        if found is None:
            return None
        if found.st_size > most:
            raise ValueError(f"has {found.st_size} bytes, where {most} are the most for this torrent")
        file = Descriptor(self.folder.open(parts, os.O_RDONLY), self.folder.system)
        try:
            return file.read(0, found.st_size)
        finally:
            file.close()


def _decoded(data: bytes, metainfo: Metainfo, bounds: Bounds) -> Resume:
    body = data[_SEAL_SIZE:]
    if not data.startswith(_MAGIC):
        raise ValueError("is no resume data")
    if data != _sealed(body):
        raise ValueError("does not have the bytes that were written")
    values = sum(map(body.count, (b",", b"[", b"{")))
    if values > bounds.values:
        raise ValueError(f"has {values} values, where {bounds.values} are the most for this torrent")
    return Resume.of(json.loads(body), metainfo)


def _text(stat: Optional[FileStat]) -> str:
    return "null" if stat is None else f"[{stat.size},{stat.mtime_ns},{stat.inode}]"


def _sealed(body: bytes) -> bytes:
    return b"".join((_MAGIC, hashlib.sha256(body).hexdigest().encode(), b"\n", body))


def _list(plain: Dict[str, Any], key: str) -> List[Any]:
    value = plain.get(key)
    if not isinstance(value, list):
        raise ValueError(f"{key} is no list")
    return value


def _bytes(plain: Dict[str, Any], key: str) -> bytes:
    value = plain.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")
    return bytes.fromhex(value)


def _stat(entry: object, key: str) -> Optional[FileStat]:
    if entry is None:
        return None
    if not isinstance(entry, list) or len(entry) != 3 or not all(type(number) is int for number in entry):
        raise ValueError(f"{key} has {entry!r:.60}, where size, time and inode belong")
    return FileStat(*entry)


def _names(entries: object, metainfo: Metainfo) -> Names:
    # None of them leads anywhere else than below the folder, whoever wrote them.
    names: Dict[int, Parts] = {}
    for entry in entries if isinstance(entries, list) else [None]:
        if not (isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and isinstance(entry[1], list)):
            raise ValueError(f"names has {entry!r:.60}, where a file and its path belong")
        index, parts = entry
        if not 0 <= index < len(metainfo.files) or not all(isinstance(name, str) for name in parts):
            raise ValueError(f"names has {entry!r:.60}, where a file and its path belong")
        names[index] = tuple(parts)
    paths = [names.get(index, file.path) for index, file in enumerate(metainfo.files)]
    for parts in names.values():
        if chosen_path("/".join(parts), (), names=rules(NATIVE)) != parts:
            raise ValueError(f"names has {parts!r:.60}, where a path belongs")
    wrong = in_the_way(paths, names, names=rules(NATIVE))
    if wrong is not None:
        raise ValueError(f"names has {names[wrong]!r:.60}, which is in the way of another file")
    return tuple(names.items())


def _unfinished(entry: object, metainfo: Metainfo) -> Tuple[int, bytes]:
    if isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and isinstance(entry[1], str):
        index, blocks = entry[0], bytes.fromhex(entry[1])
        if 0 <= index < metainfo.piece_count:
            Bitfield(metainfo.layout.block_count(index), blocks)
            return index, blocks
    raise ValueError(f"unfinished has {entry!r:.60}, where a piece and its blocks belong")
