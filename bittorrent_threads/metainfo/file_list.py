"""The files of a torrent as the info dictionary lists them: lengths, safe paths, padding (BEP 3, BEP 47)."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import MetainfoError
from .fields import integer, kind_of, required
from .spelling import Spelling, is_utf8

MAX_PATH_DEPTH = 100
"""Components of a path; libtorrent takes as many."""
MAX_TOTAL_SIZE = 2**63 - 1
"""Bytes of all files together: what a file offset can be."""

_ONLY_BYTES = {bytes}
_ENTRY_TOKENS = 10  # of an entry with a length and a path, besides the components of the path


class TorrentFile(NamedTuple):
    """One file of a torrent."""

    path: Tuple[str, ...]
    """Safe components below the base folder; in a torrent of many files the first is the name of the torrent."""
    length: int
    """Bytes; 0 for a symbolic link (BEP 47)."""
    pad: bool = False
    """Padding (BEP 47): all zero and not on disk.  Its path may equal that of another file."""


def read_files(info: Dict[bytes, Any], codec: Optional[str]) -> Tuple[Tuple[TorrentFile, ...], Optional[Spelling]]:
    """The files of a torrent.

    Args:
        info: A decoded info dictionary; its list of files is used up.
        codec: The codec of names that are not UTF-8; see :func:`spelling.decoder`.

    Returns:
        Every file in the order of its bytes, and how the torrent spells their names if portable names differ from it.

    Raises:
        MetainfoError: A key that describes the files is missing or wrong.
    """
    raw_name: bytes = required(info, b"name", bytes, "info.")
    preferred = info.get(b"name.utf-8")
    name = preferred if isinstance(preferred, bytes) and is_utf8(preferred) else raw_name
    if b"files" not in info:
        length = integer(info, b"length", 0, MAX_TOTAL_SIZE, "info.")
        spelling = Spelling.of((), [[name]], (), [[raw_name]], [False], codec)
        portable = spelling.portable()
        return (TorrentFile(portable[0], length),), spelling if spelling.differs(portable) else None
    if b"length" in info:
        raise MetainfoError("stands beside files, and only one of the two may be there", "info.length")
    lengths: List[int] = []
    padding: List[bool] = []
    paths: List[List[bytes]] = []
    raw_paths: List[List[bytes]] = []
    entries: List[Any] = required(info, b"files", list, "info.")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise MetainfoError(f"must be a dictionary, not {kind_of(entry)}", f"info.files[{index}]")
        try:
            length, pad, path = _file(entry)
        except MetainfoError as error:
            raise MetainfoError(error.reason, f"info.files[{index}].{error.key}") from None
        lengths.append(length)
        padding.append(pad)
        paths.append(path)
        entries[index] = None  # a million files do not take their memory twice
        raw_paths.append(entry[b"path"] if b"path.utf-8" in entry and _is_path(entry.get(b"path")) else path)
    if not paths:
        raise MetainfoError("is empty", "info.files")
    if sum(lengths) > MAX_TOTAL_SIZE:
        raise MetainfoError(f"{sum(lengths)} bytes, where a torrent may have {MAX_TOTAL_SIZE}", "info.files")
    spelling = Spelling.of((name,), paths, (raw_name,), raw_paths, padding, codec)
    safe = spelling.portable()
    return tuple(map(TorrentFile, safe, lengths, padding)), spelling if spelling.differs(safe) else None


def encoded_files(files: Iterable[Tuple[int, Sequence[bytes]]]) -> bytes:
    """The bencoding of a list of files, written without the encoder, which takes ten times as long and 1 KB a file.

    Args:
        files: The length and the path of each.
    """
    entries = (
        b"d6:lengthi%de4:pathl%see" % (length, b"".join([b"%d:%s" % (len(part), part) for part in path]))
        for length, path in files
    )
    return b"l%se" % b"".join(entries)


def file_tokens(depths: Iterable[int]) -> int:
    """The tokens of a list of files, as the decoder counts them.

    Args:
        depths: The number of components of each path.
    """
    return 1 + sum(_ENTRY_TOKENS + depth for depth in depths)


def _file(entry: Dict[bytes, Any]) -> Tuple[int, bool, List[bytes]]:
    length: Any = entry.get(b"length")
    path: Any = entry.get(b"path")
    pad = False
    if path is None or len(entry) > 2:
        length, path, pad = _special_file(entry, length, path)
    if not isinstance(length, int) or length < 0:
        length = integer(entry, b"length", 0, MAX_TOTAL_SIZE)  # raises the error with the reason
    if not _is_path(path):
        if not pad:
            raise MetainfoError("is missing" if path is None else "must be a list of strings, at least one", "path")
        path = [b".pad", b"%d" % length]  # BEP 47: padding needs no path, and this one is recommended
    if len(path) > MAX_PATH_DEPTH:
        raise MetainfoError(f"{len(path)} components, where a path may have {MAX_PATH_DEPTH}", "path")
    return length, pad, path


def _special_file(entry: Dict[bytes, Any], length: object, path: object) -> Tuple[Any, Any, bool]:
    # An entry with more keys than length and path: its length, its path, and whether it is padding.
    pad = False
    attributes = entry.get(b"attr")
    if isinstance(attributes, bytes):
        pad = b"p" in attributes
        # Links are never made, as they could lead out of the folder: each is a file of length 0, as BEP 47 has it.
        length = 0 if b"l" in attributes else length
    preferred: Any = entry.get(b"path.utf-8")
    return length, preferred if _is_path(preferred) and is_utf8(*preferred) else path, pad


def _is_path(value: object) -> bool:
    return isinstance(value, list) and set(map(type, value)) == _ONLY_BYTES
