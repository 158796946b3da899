"""``SimTorrent``: a torrent of computed content, with a real Metainfo and the right hashes."""

from __future__ import annotations

import hashlib
from typing import Dict, NamedTuple, Sequence, Tuple, Union

from ...metainfo import bencode
from ...metainfo.metainfo import Metainfo
from .content import Content


class SimTorrent(NamedTuple):
    """The properties of a torrent that a simulated disk uses."""

    metainfo: Metainfo
    content: Content


def make_torrent(
    *,
    seed: int = 1,
    size: int = 4 * 1024 * 1024,
    piece_length: int = 65536,
    files: Sequence[Tuple[str, int]] = (),
    trackers: Sequence[Union[str, Sequence[str]]] = (),
    name: str = "simulated",
    private: bool = False,
    nodes: Sequence[Tuple[str, int]] = (),
) -> SimTorrent:
    """Hash computed content once; ``files`` are names and lengths in bytes, and their sum goes before ``size``.

    ``trackers`` are URLs, each a tier of its own, or tiers; ``nodes`` are nodes of the DHT.
    """
    if files:
        size = sum(length for _, length in files)
    content = Content(seed, size)
    hashes = [hashlib.sha1(content.read(at, piece_length)).digest() for at in range(0, size, piece_length)]
    info: Dict[str, object] = {"name": name, "piece length": piece_length, "pieces": b"".join(hashes)}
    if files:
        info["files"] = [{"length": length, "path": [path]} for path, length in files]
    else:
        info["length"] = size
    if private:
        info["private"] = 1
    document: Dict[str, object] = {"info": info}
    if trackers:
        document["announce-list"] = [[tier] if isinstance(tier, str) else tier for tier in trackers]
    if nodes:
        document["nodes"] = [list(node) for node in nodes]
    return SimTorrent(Metainfo.parse(bencode.encode(document)), content)
