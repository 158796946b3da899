"""Resume data, from a file or as ``piece_cache``: accepted, or refused with a printable reason.

Accepted data fits the torrent, does not change when it is stored and loaded, and trusts only pieces of unchanged files;
its file names stay below the folder.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, List

from bittorrent_threads.disk import resume_file as module
from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.results import CheckedFiles
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_file import ResumeFile
from bittorrent_threads.disk.resume_trust import compare
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.metainfo.safe_paths import NATIVE, in_the_way, native_name

from ..choices import Choices
from ..shapes import SHAPES, metainfo_of
from ..target import Target, require, require_shown

CACHE, SEALED, RAW = range(3)
PARTS = (".hidden", "t.resume")
MAX_REASON = 400


def check(data: bytes) -> None:
    """Two bytes select the torrent, and whether the rest is a piece cache, data to be checksummed, or a file."""
    choices = Choices(data)
    metainfo = metainfo_of(choices.below(len(SHAPES)))
    way = choices.pick((CACHE, CACHE, CACHE, SEALED, RAW))
    body = choices.rest()
    if way == CACHE:
        _cached(body, metainfo)
    else:
        _stored(module._sealed(body) if way == SEALED else body, metainfo)


def _cached(body: bytes, metainfo: Metainfo) -> None:
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        return
    try:
        used = Resume.of(plain, metainfo)
    except ValueError as error:
        require(len(str(error)) <= MAX_REASON + 10 * len(body), f"a reason of {len(str(error))} characters")
        return
    _used(used, metainfo)
    require(Resume.of(json.loads(json.dumps(used.plain())), metainfo) == used, "stored and read, it is another")


def _stored(content: bytes, metainfo: Metainfo) -> None:
    with tempfile.TemporaryDirectory() as root:
        path = Path(root).joinpath(*PARTS)
        path.parent.mkdir()
        path.write_bytes(content)
        file = ResumeFile(Folder(root), PARTS)
        used, reasons = file.load(metainfo)
        require((used is None) == bool(reasons), "neither used nor a reason")
        for reason in reasons:
            require(reason.startswith(f"{path}: "), "a reason that names no file")
            require_shown(reason[len(str(path)) :], MAX_REASON, "the reason")
        if used is not None:
            _used(used, metainfo)
            file.store(used)
            require(file.load(metainfo) == (used, ()), "stored and read, it is another")


def _used(used: Resume, metainfo: Metainfo) -> None:
    count = metainfo.piece_count
    have = Bitfield(count, used.have)
    require(used.infohash == metainfo.infohash and len(used.files) == len(metainfo.files), "of another torrent")
    for index, blocks in used.unfinished:
        require(0 <= index < count, f"unfinished piece {index}")
        Bitfield(metainfo.layout.block_count(index), blocks)
    names = dict(used.names)
    paths = [names.get(index, file.path) for index, file in enumerate(metainfo.files)]
    require(all(native_name(name) == name for path in names.values() for name in path), "an unsafe name")
    require(in_the_way(paths, names, names=NATIVE) is None, "a name in the way of another")
    require(len(used.plain()["have"]) == 2 * len(bytes(have)), "pieces that there are not")
    everything = tuple(range(count))
    same = CheckedFiles(everything, None, used.files, used.part_file)
    gone = CheckedFiles((), None, (None,) * len(used.files))
    changed = CheckedFiles(everything, None, tuple(FileStat(1, 2, 3) for _ in used.files), unseen=(0,))
    for checked_files in (same, gone, changed, CheckedFiles((), None)):
        trust = compare(used, checked_files, metainfo)
        require(not trust.have.without(have).count, "more pieces than were claimed")
        require(set(trust.unfinished) <= set(used.unfinished), "more blocks than were claimed")
        require(set(trust.suspects) <= set(checked_files.present), "suspects that are not there")
        require(all(0 <= index < len(used.files) for index in trust.missing), "files that there are not")


def plain(shape: int) -> Any:
    """Return resume data in which no field is empty."""
    metainfo = metainfo_of(shape)
    count = metainfo.piece_count
    stats = tuple(FileStat(file.length, 10**18, 7 + place) for place, file in enumerate(metainfo.files))
    unfinished = ((0, bytes(Bitfield.filled(metainfo.layout.block_count(0)))),) if count else ()
    names = ((0, ("t", "other")),)
    have = bytes(Bitfield.filled(count))
    return Resume(metainfo.infohash, have, stats, stats[0], unfinished, True, names, bytes(Bitfield(count))).plain()


def seeds() -> List[bytes]:
    """Return resume data of each torrent, in each form."""
    found = []
    for shape in range(len(SHAPES)):
        body = json.dumps(plain(shape), separators=(",", ":")).encode()
        found += [bytes([shape, way]) + body for way in (0, 3)]
        found.append(bytes([shape, 4]) + module._sealed(body))
    return found


TOKENS = (
    *(b"null", b"true", b"{}", b"[]", b"[null]", b'""', b'"ff"', b'"0g"', b"-1", b"1e999", b"NaN", b"9" * 400),
    b'"\\ud800"',
    *(b'"names":[[0,["..","x"]]],', b'[0,["t","b"]],', b'["/"]', b'"clean":true,', b'"version":1,'),
    *(b'"doubtful":"",', b","),
    *(b'"unfinished":[[0,"80"]],', b'"have":"', b'"files":[[1,2,3]],', b"[" * 500, b'{"a":' * 100),
    b'"' + b"z" * 500 + b'"',
)
TARGET = Target(check, seeds, TOKENS, longest=1024)
