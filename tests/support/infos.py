"""Info dictionaries for tests: of one file, of several, and what the library makes of them."""

from __future__ import annotations

from typing import Any, Dict, Optional

from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.testing.bencode import bencode

Info = Dict[str, Any]


def single(**changes: Any) -> Info:
    info: Info = {"name": "file.bin", "length": 100_000, "piece length": 65536, "pieces": b"h" * 40}
    return {**info, **{key.replace("_", " "): value for key, value in changes.items()}}


def multi(*files: Any, **changes: Any) -> Info:
    entries = files or (
        {"length": 65536, "path": ["a"]},
        {"length": 0, "path": ["b", "c"]},
        {"length": 9, "path": ["d"]},
    )
    size = sum(file.get("length", 0) for file in entries if isinstance(file, dict))
    pieces = b"h" * 20 * -(-size // 65536) if isinstance(size, int) and 0 <= size < 2**40 else b""
    info: Info = {"name": "folder", "files": list(entries), "piece length": 65536, "pieces": pieces}
    return {**info, **{key.replace("_", " "): value for key, value in changes.items()}}


def without(info: Info, key: str) -> Info:
    return {name: value for name, value in info.items() if name != key}


def parse(info: Info, outer: Optional[Info] = None) -> Metainfo:
    return Metainfo.parse(bencode({"info": info, **(outer or {})}))
