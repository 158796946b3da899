"""``Metainfo``: a .torrent file, version 1 or the version 1 side of a hybrid (BEP 3, 12, 19, 27, 47, 52).

All of it is checked in :meth:`Metainfo.parse`; wrong keys that a download needs are errors that name them, wrong
optional ones are as if they were not there.  The infohash is that of the bytes of ``info`` as they are in the file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

from ..errors import BencodeError, MetainfoError, StorageError
from .bencode import decode_document
from .hashes import DIGEST_SIZE, PieceHashes
from .layout import Layout
from .safe_paths import CONTROL, DIRECTION
from .spelling import Spelling, decoder, is_utf8, transcoded
from .urls import tracker_tiers, web_seeds

MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a .torrent file that is read or made; the largest public ones have 15 MB."""
MAX_PIECES = 2_097_152
"""Pieces of a torrent (limits)."""
MAX_PIECE_LENGTH = 512 * 1024 * 1024
"""Bytes of a piece (limits: 512 MiB)."""
MAX_PATH_DEPTH = 100
"""Components of a path (limits)."""
MAX_TEXT = 65_536
"""Bytes of a comment that are kept."""
MAX_TOTAL_SIZE = 2**63 - 1
"""Bytes of all files together: what a file offset can be."""

_YEAR_10000 = 253_402_300_800  # no date of the standard library goes beyond it
_UNPRINTABLE = dict.fromkeys((CONTROL | DIRECTION) - {*map(ord, "\t\n")})

Buffer = Union[bytes, bytearray, memoryview]


class TorrentFile(NamedTuple):
    """One file of a torrent."""

    path: Tuple[str, ...]
    """Safe components below the base folder; in a torrent of many files the first is the name of the torrent."""
    length: int
    """Bytes; symbolic links (BEP 47) are files without any."""
    pad: bool = False
    """Padding (BEP 47): all zero and not on disk; only paths of other files are told apart from each other."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Metainfo:
    """What one .torrent file says; made by :meth:`parse` and :meth:`load`, equal when the infohash is."""

    infohash: bytes
    """SHA-1 of the bytes of ``info``, 20 bytes."""
    name: str
    """The safe name of the file or folder; the first component of every path."""
    multi_file: bool
    """Whether the files are in a folder named ``name``, even if there is only one."""
    files: Tuple[TorrentFile, ...]
    """Every file in the order of its bytes, padding included."""
    layout: Layout
    """Where pieces lie in ``files``."""
    pieces: bytes
    """The SHA-1 of each piece, 20 bytes each."""
    hashes: PieceHashes
    """Tells whether a piece is right."""
    trackers: Tuple[Tuple[str, ...], ...]
    """Tiers of usable URLs (BEP 12), as in the file: not shuffled."""
    web_seeds: Tuple[str, ...]
    """Usable URLs of ``url-list`` (BEP 19)."""
    private: bool
    """Peers come from the trackers only (BEP 27)."""
    comment: Optional[str]
    """Free text, of which only line ends and tabs can control a terminal; no mark turns its direction."""
    created_by: Optional[str]
    """The program that made the file, as free text."""
    creation_date: Optional[int]
    """Seconds since 1970."""
    source: Optional[str]
    """The tracker that the torrent was made for, as free text; part of ``info``, so that it changes the infohash."""
    spelling: Optional[Spelling]
    """How the torrent spells its names; None if every client stores its files under the paths in ``files``."""
    _data: bytes
    trackers_trusted: bool = False
    """The program itself named the trackers (:func:`create`), not a file."""

    @classmethod
    def parse(cls, data: Buffer, *, max_size: int = MAX_SIZE) -> Metainfo:
        """The torrent in the bytes of a .torrent file, at most ``max_size`` of them.

        Raises :class:`MetainfoError` with the dotted key that is wrong, and :class:`BencodeError` with the offset.
        """
        if len(data) > max_size:
            raise MetainfoError(f"{len(data)} bytes, where a .torrent file may have {max_size}")
        data = bytes(data)
        document = decode_document(data, b"info")
        outer = document.value
        if not isinstance(outer, dict):
            raise MetainfoError(f"a .torrent file is a dictionary, this is {_kind(outer)}")
        info = _value(outer, b"info", dict)
        begin, end = document.span
        _check_version(info)
        codec = decoder(outer.get(b"encoding"))
        files, spelling = _files(info, codec)
        piece_length = _integer(info, b"piece length", 1, MAX_PIECE_LENGTH, "info.")
        layout = Layout([file.length for file in files], piece_length)
        pieces = _pieces(info, layout.piece_count)
        return cls(
            infohash=hashlib.sha1(data[begin:end], usedforsecurity=False).digest(),
            name=files[0].path[0],
            multi_file=b"files" in info,
            files=files,
            layout=layout,
            pieces=pieces,
            hashes=PieceHashes(pieces),
            trackers=tracker_tiers(outer.get(b"announce"), outer.get(b"announce-list")),
            web_seeds=web_seeds(outer.get(b"url-list")),
            private=isinstance(info.get(b"private"), int) and info[b"private"] != 0,
            comment=_text(outer, b"comment", codec),
            created_by=_text(outer, b"created by", codec),
            creation_date=_optional_integer(outer, b"creation date", _YEAR_10000 - 1),
            source=_text(info, b"source", codec),
            spelling=spelling,
            _data=data,
        )

    @classmethod
    def load(cls, path: Union[str, Path], *, max_size: int = MAX_SIZE) -> Metainfo:
        """The torrent in a file; raises :class:`MetainfoError` with ``source`` set, also for what the system says."""
        try:
            with open(path, "rb") as file:
                data = file.read(max_size + 1)
        except IsADirectoryError as error:
            raise MetainfoError("is a folder, where a .torrent file is wanted", source=str(path)) from error
        except OSError as error:
            raise MetainfoError(error.strerror or str(error), source=str(path) or "''") from error
        except ValueError as error:  # a NUL or a lone surrogate in the path
            raise MetainfoError(str(error), source=repr(path)) from error
        if len(data) > max_size:
            raise MetainfoError(f"more than the {max_size} bytes a .torrent file may have", source=str(path))
        if data[:1] != b"d":
            reason = "is no .torrent file, which would begin with 'd'" if data else "is empty"
            raise BencodeError(reason, 0, source=str(path))
        try:
            return cls.parse(data, max_size=max_size)
        except MetainfoError as error:
            error.source = str(path)
            raise

    @property
    def piece_length(self) -> int:
        """Bytes of every piece but the last."""
        return self.layout.piece_length

    @property
    def piece_count(self) -> int:
        """Number of pieces; 0 for a torrent without a byte."""
        return self.layout.piece_count

    @property
    def total_size(self) -> int:
        """Bytes of all files, padding included."""
        return self.layout.total_size

    def to_bytes(self) -> bytes:
        """The .torrent file, byte for byte as it was parsed."""
        return self._data

    def save(self, path: Union[str, Path]) -> None:
        """Write the .torrent file whole or not at all, over the file that was at ``path``.

        A link is followed, and a pipe or device is written to.  Raises :class:`StorageError`.
        """
        try:
            target = Path(path).resolve()
            if target.exists() and not target.is_file() and not target.is_dir():
                with target.open("wb") as stream:
                    stream.write(self._data)
                return
            draft = target.with_name(f".{self.infohash.hex()[:16]}.new")
            draft.unlink(missing_ok=True)
            try:
                with draft.open("xb") as file:
                    file.write(self._data)
                draft.replace(target)
            except BaseException:
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that lead to each other
            raise StorageError.wrap(error, str(path)) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metainfo):
            return NotImplemented
        return self.infohash == other.infohash

    def __hash__(self) -> int:
        return hash(self.infohash)

    def __repr__(self) -> str:
        return (
            f"<Metainfo {self.name!r} {self.infohash.hex()}: {self.total_size} bytes in {len(self.files)} files, "
            f"{self.piece_count} pieces of {self.piece_length}>"
        )


def padding_pieces(metainfo: Metainfo) -> List[range]:
    """Pieces that are nothing but padding (BEP 47), ascending."""
    length = metainfo.piece_length
    found: List[range] = []
    begin = end = 0
    # Padding may lie behind padding, and behind files without a byte.
    for entry in (*metainfo.files, None):
        if entry is not None and (entry.pad or not entry.length):
            end += entry.length
            continue
        inside = range(-(-begin // length), metainfo.piece_count if end == metainfo.total_size else end // length)
        if inside:
            found.append(inside)
        begin = end = end + (entry.length if entry is not None else 0)
    return found


def _check_version(info: Dict[bytes, Any]) -> None:
    # BEP 52: first of all, as a newer version may have changed anything else.
    version = info.get(b"meta version")
    if isinstance(version, int) and version > 2:
        raise MetainfoError(f"version {version} is newer than this library", "info.meta version")
    if b"pieces" not in info and (version == 2 or b"file tree" in info):
        raise MetainfoError("a torrent of version 2 only, without its version 1 side (BEP 52)", "info.meta version")


def _pieces(info: Dict[bytes, Any], count: int) -> bytes:
    pieces: bytes = _value(info, b"pieces", bytes, "info.")
    if len(pieces) % DIGEST_SIZE:
        raise MetainfoError(f"{len(pieces)} bytes are no multiple of {DIGEST_SIZE}", "info.pieces")
    if count > MAX_PIECES:
        raise MetainfoError(f"{count} pieces, where a torrent may have {MAX_PIECES}", "info.pieces")
    if len(pieces) != count * DIGEST_SIZE:
        raise MetainfoError(f"{len(pieces) // DIGEST_SIZE} hashes for {count} pieces", "info.pieces")
    return pieces


def _files(info: Dict[bytes, Any], codec: Optional[str]) -> Tuple[Tuple[TorrentFile, ...], Optional[Spelling]]:
    raw_name: bytes = _value(info, b"name", bytes, "info.")
    preferred = info.get(b"name.utf-8")
    name = preferred if isinstance(preferred, bytes) and is_utf8(preferred) else raw_name
    if b"files" not in info:
        length = _integer(info, b"length", 0, MAX_TOTAL_SIZE, "info.")
        spelling = Spelling.of((), [[name]], (), [[raw_name]], [False], codec)
        portable = spelling.portable()
        return (TorrentFile(portable[0], length),), spelling if spelling.differs(portable) else None
    if b"length" in info:
        raise MetainfoError("there is files too, and only one of the two may be", "info.length")
    lengths: List[int] = []
    padding: List[bool] = []
    paths: List[List[bytes]] = []
    raw_paths: List[List[bytes]] = []
    for index, entry in enumerate(_value(info, b"files", list, "info.")):
        if not isinstance(entry, dict):
            raise MetainfoError(f"must be a dictionary, not {_kind(entry)}", f"info.files[{index}]")
        try:
            length, pad, path = _file(entry)
        except MetainfoError as error:
            raise MetainfoError(error.reason, f"info.files[{index}].{error.key}") from None
        lengths.append(length)
        padding.append(pad)
        paths.append(path)
        raw_paths.append(entry[b"path"] if b"path.utf-8" in entry and _is_path(entry.get(b"path")) else path)
    if not paths:
        raise MetainfoError("is empty", "info.files")
    if sum(lengths) > MAX_TOTAL_SIZE:
        raise MetainfoError(f"{sum(lengths)} bytes, where a torrent may have {MAX_TOTAL_SIZE}", "info.files")
    spelling = Spelling.of((name,), paths, (raw_name,), raw_paths, padding, codec)
    safe = spelling.portable()
    return tuple(map(TorrentFile, safe, lengths, padding)), spelling if spelling.differs(safe) else None


def _file(entry: Dict[bytes, Any]) -> Tuple[int, bool, List[bytes]]:
    length: Any = entry.get(b"length")
    path: Any = entry.get(b"path")
    pad = False
    if path is None or len(entry) > 2:
        length, path, pad = _special_file(entry, length, path)
    if not isinstance(length, int) or length < 0:
        length = _integer(entry, b"length", 0, MAX_TOTAL_SIZE)  # says what is wrong with it
    if not _is_path(path):
        if not pad:
            raise MetainfoError("is missing" if path is None else "must be a list of strings, at least one", "path")
        path = [b".pad", b"%d" % length]  # BEP 47: padding needs no path, and this is the one recommended
    if len(path) > MAX_PATH_DEPTH:
        raise MetainfoError(f"{len(path)} components, where a path may have {MAX_PATH_DEPTH}", "path")
    return length, pad, path


def _special_file(entry: Dict[bytes, Any], length: Any, path: Any) -> Tuple[Any, Any, bool]:
    # What other keys than the two make of the length and the path, and whether they make it padding.
    pad = False
    attributes = entry.get(b"attr")
    if isinstance(attributes, bytes):
        pad = b"p" in attributes
        # The links of a stranger are never made: each is a file without a byte, the length BEP 47 gives it.
        length = 0 if b"l" in attributes else length
    preferred: Any = entry.get(b"path.utf-8")
    return length, preferred if _is_path(preferred) and is_utf8(*preferred) else path, pad


def _is_path(value: Any) -> bool:
    return isinstance(value, list) and set(map(type, value)) == _ONLY_BYTES


def _value(holder: Dict[bytes, Any], key: bytes, kind: type, where: str = "") -> Any:
    value = holder.get(key)
    if isinstance(value, kind):
        return value
    reason = "is missing" if value is None else f"must be {_KINDS[kind]}, not {_kind(value)}"
    raise MetainfoError(reason, where + key.decode())


def _integer(holder: Dict[bytes, Any], key: bytes, least: int, most: int, where: str = "") -> int:
    value = holder.get(key)
    if isinstance(value, int) and least <= value <= most:
        return value
    value = _value(holder, key, int, where)
    raise MetainfoError(f"must be from {least} to {most}, not {value}", where + key.decode())


def _optional_integer(holder: Dict[bytes, Any], key: bytes, most: int) -> Optional[int]:
    value = holder.get(key)
    return value if isinstance(value, int) and 0 <= value <= most else None


def _text(holder: Dict[bytes, Any], key: bytes, codec: Optional[str]) -> Optional[str]:
    value = holder.get(key)
    if not isinstance(value, bytes):
        return None
    value = value[:MAX_TEXT]
    return transcoded([value], codec).get(value, value).decode("utf-8", "replace").translate(_UNPRINTABLE)


_ONLY_BYTES = {bytes}
_KINDS = {int: "an integer", bytes: "a string", list: "a list", dict: "a dictionary"}


def _kind(value: Any) -> str:
    return _KINDS[type(value)]
