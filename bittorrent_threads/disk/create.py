"""``create``: make the .torrent of a file or folder (BEP 3, 12, 19, 27).

Errors of the arguments, of the names of files, and of the output path are raised before the first byte is hashed.  The
torrent is made first with zeros in place of the hashes, which checks all of it; the hashes are put in at the end.
"""

from __future__ import annotations

import dataclasses
import os
import time
import warnings
from typing import Any, Callable, Dict, Iterable, List, Optional, Union

from ..errors import MetainfoError, SettingsError, StorageError
from ..metainfo.bencode import document_tokens, encode
from ..metainfo.fields import given_int, given_text
from ..metainfo.file_list import encoded_files, file_tokens
from ..metainfo.hashes import DIGEST_SIZE
from ..metainfo.layout import Layout
from ..metainfo.metainfo import MAX_PIECES, MAX_SIZE, Metainfo
from ..metainfo.piece_length import check_piece_length, chosen_piece_length
from ..metainfo.urls import Trackers, given_tiers, given_web_seeds
from ..progress_bar import reporting_amounts
from ..threads.latch import Cancel, check_cancel
from ..version import __version__
from .piece_hashing import PieceHashing, Progress, check_threads, processors
from .source_files import Exclusion, Found, Source
from .torrent_output import TorrentOutput

CREATED_BY = f"bittorrent_threads {__version__}"

MIB = 1024 * 1024

_OTHER_TOKENS = 20_000  # at least those of everything but the list of files
_OTHER_BYTES = 16 * MIB  # at least those of everything but the info dictionary


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
    hidden: bool = True,
    output: Union[str, os.PathLike[str], None] = None,
    max_size: int = MAX_SIZE,
    threads: Optional[int] = None,
    progress: Union[bool, Progress, None] = None,
    on_warning: Optional[Callable[[str], object]] = None,
    cancel: Optional[Cancel] = None,
) -> Metainfo:
    """Make the torrent of a file, or of all files in a folder, in the order of their names.

    Not included are the folder ``.bittorrent_threads`` of this library, empty folders, and,
    with a warning, links to nothing, sockets, pipes and devices.  Names that are not valid on every system cause a
    warning, too.

    Args:
        path: The file or folder.
        trackers: A URL, a list of URLs (each a tier of its own), or a list of tiers (BEP 12).
        piece_length: Bytes, a power of two from 16 KiB to 512 MiB; by default the shortest from 16 KiB to 16 MiB that
            makes at most 2,000 pieces.
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
        hidden: Include files and folders whose name begins with a dot.
        output: The path to save the torrent to; a file that exists there is not included.
        max_size: Bytes of the .torrent at most.  More than about 150,000 files need more than the default; so do those
            who read the torrent.
        threads: Threads that hash, from 1 to 64; by default one a processor.
        progress: True draws a bar while the call hashes, or writes lines, as for :func:`download`; a function is called
            in this thread with the number of bytes that are hashed, and of all bytes.
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
    check_cancel(cancel)
    outer = {
        "trackers": given_tiers(trackers),
        "web_seeds": given_web_seeds(web_seeds),
        "comment": comment,
        "created_by": created_by,
        "creation_date": int(time.time()) if creation_date is None else given_int("creation_date", creation_date),
    }
    given_int("max_size", max_size)
    check_threads(threads)
    check_piece_length(piece_length)
    for setting, text in (("comment", comment), ("created_by", created_by), ("source", source), ("name", name)):
        if text is not None:
            given_text(setting, text)
    _check_place("path", path)
    _check_place("output", output)
    given = os.path.abspath(path)
    target = None if output is None else TorrentOutput(output, given).path
    patterns = [exclude] if isinstance(exclude, str) else exclude
    found = Found(given, Exclusion(patterns, target, hidden=hidden))
    sources = found.files
    if name is None:
        name = os.path.basename(given)
    found.check_names(name)
    layout = _layout(sources, piece_length, given)
    keys = {"private": 1 if private else None, "source": source}
    blank = _blank(_info(name, layout, sources, keys), outer, sources, max_size, given)
    for warning in found.warnings(name, (file.path for file in blank.files)):
        (on_warning or _warn)(warning)
    with reporting_amounts(progress, name) as show:
        pieces = PieceHashing(sources, layout).run(threads or processors(), show, cancel)
    metainfo = dataclasses.replace(blank.with_pieces(pieces), trackers_trusted=True)
    if target is not None:
        metainfo.save(target)
    return metainfo


def _layout(sources: List[Source], piece_length: Optional[int], given: str) -> Layout:
    total = sum(source.size for source in sources)
    if not total:
        raise StorageError("is empty", given)
    layout = Layout([source.size for source in sources], piece_length or chosen_piece_length(total))
    if layout.piece_count > MAX_PIECES:
        raise SettingsError("piece_length", f"makes {layout.piece_count} pieces, and a torrent may have {MAX_PIECES}")
    return layout


def _info(name: str, layout: Layout, sources: List[Source], keys: Dict[str, Any]) -> bytes:
    # The info dictionary with zeros in place of the hashes; ``path`` may be one file.
    info: Dict[str, Any] = {
        "name": name,
        "piece length": layout.piece_length,
        "pieces": bytes(layout.piece_count * DIGEST_SIZE),
        **{key: value for key, value in keys.items() if value is not None},
    }
    if not sources[0].name:
        return encode({**info, "length": layout.total_size})
    files = encoded_files((source.size, list(map(str.encode, source.parts))) for source in sources)
    return b"".join((b"d5:files", files, encode(info)[1:]))  # the other keys follow it in the order of the alphabet


def _blank(info: bytes, outer: Dict[str, Any], sources: List[Source], max_size: int, given: str) -> Metainfo:
    # The torrent with zeros in place of the hashes.
    tokens = file_tokens(len(source.parts) for source in sources) + _OTHER_TOKENS
    if tokens > document_tokens(len(info), max_size - MAX_SIZE):
        least = -(-(MAX_SIZE + 2 * tokens) // MIB)
        reason = f"must be at least {least * MIB} ({least} MiB) for {len(sources)} files, by those who read it too"
        raise SettingsError("max_size", reason)
    try:
        blank = Metainfo.from_info(info, **outer, max_size=max(max_size, len(info) + _OTHER_BYTES))
    except MetainfoError as error:
        raise StorageError(f"cannot be one torrent: {error}", given) from error
    size = len(blank.to_bytes())
    if size > max_size:
        reason = f"makes a .torrent of {size} bytes, where it may have {max_size}"
        raise SettingsError("piece_length", f"{reason}: longer pieces make it shorter, or a larger max_size allows it")
    return blank


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)  # the caller of ``create``


def _check_place(setting: str, place: Union[str, os.PathLike[str], None]) -> None:
    given: object = "." if place is None else os.fspath(place)
    if not isinstance(given, str):
        raise SettingsError(setting, f"must be a path of str, not of {type(given).__name__}; os.fsdecode() makes one")
    if not given:
        raise SettingsError(setting, "is empty")
