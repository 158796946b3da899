"""Magnet links: any text is a magnet within its bounds or one error that names a part, and a magnet is read again."""

from __future__ import annotations

from typing import List

from bittorrent_threads.errors import MetainfoError
from bittorrent_threads.metainfo.magnet import MAX_INDEX, MAX_NAME, MAX_PEERS, MAX_RANGES, Magnet
from bittorrent_threads.metainfo.urls import MAX_URLS

from ..target import Target, require, require_shown

TOPIC = "xt=urn:btih:00112233445566778899aabbccddeeff00112233"
PARTS = ("", "xt", "xl", "x.pe", "so")
"""What an error may name."""


def check(data: bytes) -> None:
    """The input is the URI; if it does not begin as one, the parts behind a right infohash."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        found = Magnet.parse(text if text[:7].lower() == "magnet:" else f"magnet:?{TOPIC}&{text}")
    except MetainfoError as error:
        require(error.key in PARTS, f"an error of the part {error.key!r:.80}")
        require_shown(str(error), 300, "the error")
        return
    require_shown(found.name, MAX_NAME, "the name")
    require(len(found.peers) <= MAX_PEERS and len(found.trackers) <= MAX_URLS, "too many peers or trackers")
    require(all(0 < port < 65536 for _, port in found.peers), "no port")
    ranges = found.select_only
    require(len(ranges) <= MAX_RANGES and all(ranges), "too many ranges, or an empty one")
    require(all(one.stop < other.start for one, other in zip(ranges, ranges[1:])), "ranges that touch")
    require(not ranges or ranges[-1].stop <= MAX_INDEX + 1, "an index that is too large")
    require(Magnet.parse(str(found)) == found, f"it is another when read again: {str(found)!r:.200}")


def seeds() -> List[bytes]:
    """Return links with every part, whole and without their beginning."""
    parts = [
        "dn=a+name%20%C3%A4&xl=123&tr=http%3A%2F%2Ft%2Fannounce&tr.1=udp://t:1&ws=http://w/",
        "x.pe=10.0.0.1:6881&x.pe=[::1]:6882&x.pe=peer.example:1&so=0,2,4,6-8",
        "xt=urn:btmh:1220" + "ab" * 32,
        "xt=urn:btih:" + "A" * 32,
    ]
    return [part.encode() for part in parts] + [f"magnet:?{TOPIC}&{part}".encode() for part in parts]


TOKENS = (
    *(b"&", b"=", b"%", b"%2", b"%00", b"+", b".1", b"magnet:?", b"xt=urn:btih:", b"urn:btmh:1220", b"x.pe=", b"so="),
    *(b"[", b"]:", b"0-", b"4294967295", b",", b"tr=", b"dn=", b"xl=", b"\xff", "\u202e".encode()),
)
TARGET = Target(check, seeds, TOKENS, longest=400)
