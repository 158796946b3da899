""".torrent files: only ``MetainfoError`` is raised, and an accepted ``Metainfo`` is valid.

Lengths add up, there is a hash for each piece, no two files have one path, no file is the folder of another, names are
safe, URLs are clean, and the infohash is the hash of bytes of the file.  The text of an error is printable.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import Any, Dict, Iterator, List

from bittorrent_threads.errors import BencodeError, MetainfoError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.metainfo.safe_paths import CONTROL, DIRECTION, MAX_NAME, in_the_way, safe_name
from bittorrent_threads.metainfo.urls import TRACKER_SCHEMES, WEB_SEED_SCHEMES, clean_url

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require, require_shown

KEYS = (
    *(b"info", b"name", b"piece length", b"pieces", b"length", b"files", b"path", b"attr", b"private", b"announce"),
    *(b"announce-list", b"url-list", b"comment", b"created by", b"creation date", b"encoding", b"meta version"),
    *(b"file tree", b"piece layers", b"name.utf-8", b"path.utf-8", b"symlink path", b"md5sum", b"source", b"nodes"),
)
VALUES = (
    *(b"", b".", b"..", b"a", b"A", b"a/b", b"con", b".pad", b"p", b"l", b"x", b".bittorrent_threads", b"\xe4\xff"),
    *(b"GBK", b"shift_jis", b"latin-1", b"utf-8", b"cp1251", b"utf-7", b"punycode", "\u6f22".encode("gbk"), b"\x83\\"),
    *("e\u0301".encode(), "\u00e9".encode(), "\u202e".encode(), b"http://t.example/announce", b"udp://t.example:1"),
    *(b"HTTP://user:pw@[::1]:80/a?b", b"ftp://x", b"\x1b[2J", bytes(20), bytes(40), b"z" * 300),
)
WORDS = (*KEYS, *VALUES)
FORBIDDEN = frozenset(map(chr, (CONTROL | DIRECTION) - {*b"\t\n"}))
"""Control characters that change how a terminal shows text; a comment may have line ends and tabs."""


def check(data: bytes) -> None:
    """The first byte selects bencoding or the encoding of ``loose``."""
    choices = Choices(data)
    text = written(choices, WORDS) if choices.below(2) else choices.rest()
    try:
        metainfo = Metainfo.parse(text)
    except MetainfoError as error:
        require_shown(str(error), 400, "the error")
        return
    require(metainfo.to_bytes() == text, "other bytes")
    require(Metainfo.parse(bytearray(text)) == metainfo, "another torrent at the second time")
    _arithmetic(metainfo)
    _paths(metainfo)
    _spelling(metainfo)
    _texts(metainfo)
    require(metainfo.infohash in set(_infohashes(text)), "the infohash is of other bytes")


def _infohashes(text: bytes) -> Iterator[bytes]:
    # The hash of each value that follows a key ``info``.
    for match in re.finditer(b"4:info", text):
        with contextlib.suppress(BencodeError):
            rest = text[match.end() :]
            _, end = bencode.decode_prefix(rest, sorted_keys=False)
            yield hashlib.sha1(rest[:end]).digest()


def _arithmetic(metainfo: Metainfo) -> None:
    layout = metainfo.layout
    require(metainfo.total_size == sum(file.length for file in metainfo.files), "the lengths do not add up")
    require(len(metainfo.hashes) == layout.piece_count == len(metainfo.pieces) // 20, "hashes of other pieces")
    if layout.piece_count:
        last = layout.piece_count - 1
        require(0 < layout.piece_size(last) <= layout.piece_length, "size of the last piece")
        spans = layout.piece_spans(last)
        require(sum(span.length for span in spans) == layout.piece_size(last), "spans of the last piece")
        require(layout.block_size(last, layout.block_count(last) - 1) > 0, "size of the last block")


def _paths(metainfo: Metainfo) -> None:
    require(metainfo.files[0].path[0] == metainfo.name, "the name is not the folder's")
    for file in metainfo.files:
        for name in file.path:
            require(name and safe_name(name.encode()) == name, f"unsafe name {name!r:.80}")
            require(len(name.encode()) <= MAX_NAME, "long name")
    paths = [file.path for file in metainfo.files if not file.pad]
    require(in_the_way(paths, range(len(paths))) is None, "a path is in the way of another")
    require(len({*paths}) == len(paths), "two files of one path")


def _spelling(metainfo: Metainfo) -> None:
    spelling = metainfo.spelling
    if spelling is None:
        return
    require(list(spelling.portable()) == [file.path for file in metainfo.files], "other portable paths")
    for paths in (spelling.native(), *spelling.others()):
        require(len(paths) == len(metainfo.files), "another number of paths")
        for path in paths:
            require(all(name not in ("", ".", "..") and not {"/", "\0"} & set(name) for name in path), f"{path!r:.80}")


def _texts(metainfo: Metainfo) -> None:
    for url in (url for tier in metainfo.trackers for url in tier):
        require(clean_url(url, TRACKER_SCHEMES) == url, f"unclean tracker {url!r:.80}")
    for url in metainfo.web_seeds:
        require(clean_url(url, WEB_SEED_SCHEMES) == url, f"unclean web seed {url!r:.80}")
    for text in (metainfo.comment or "", metainfo.created_by or ""):
        require(not FORBIDDEN & set(text), f"free text controls a terminal: {text!r:.80}")
    require_shown(repr(metainfo), 600, "the torrent")


def documents() -> List[Dict[bytes, Any]]:
    """Return torrents: empty, one piece, a short last piece, many files, padding, links, both versions."""
    one: Dict[bytes, Any] = {b"name": b"a", b"piece length": 16384, b"pieces": bytes(20), b"length": 100}
    many = {
        **{b"name": b"a", b"piece length": 20, b"pieces": bytes(60)},
        b"files": [
            {b"length": 30, b"path": [b"a", b"A"]},
            {b"length": 0, b"path": [b"a", b"a"], b"attr": b"l", b"symlink path": [b"..", b"x"]},
            {b"length": 10, b"path": [b".pad", b"x"], b"attr": b"p"},
            {b"length": 3, b"path": [b"con"], b"path.utf-8": ["\u00e9".encode()]},
        ],
    }
    outer = {
        b"announce": b"http://t.example/announce",
        b"announce-list": [[b"http://t.example/announce", b"udp://t.example:1"], [b"ftp://x"]],
        b"url-list": [b"HTTP://user:pw@[::1]:80/a?b"],
        **{b"comment": b"\x1b[2J", b"created by": b"a", b"creation date": 1_700_000_000, b"encoding": b"x"},
    }
    return [
        {b"info": one, **outer},
        {b"info": {**one, b"length": 0, b"pieces": b""}},
        {b"info": {**one, b"length": 16384, b"private": 1}, b"announce": b"udp://t.example:1"},
        {b"info": {**one, b"length": 16385, b"pieces": bytes(40)}},
        {b"info": many, **outer},
        {b"info": {**many, b"meta version": 2, b"file tree": {}}, b"piece layers": {}},
        {b"info": {b"name": b"a", b"piece length": 16384, b"meta version": 2, b"file tree": {}}},
        {b"info": {**one, b"piece length": 1, b"length": 2, b"pieces": bytes(40)}},
    ]


def seeds() -> List[bytes]:
    """Return torrents in both encodings."""
    found = documents()
    return [b"\0" + bencode.encode(each) for each in found] + [b"\1" + recipe(each, WORDS) for each in found]


TARGET = Target(check, seeds, tuple(b"%d:%s" % (len(word), word) for word in WORDS), longest=1024)
