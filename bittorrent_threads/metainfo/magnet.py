"""``Magnet``: a magnet link, which names a torrent by its infohash and tells where to find it (BEP 9, BEP 53).

The parts that are read are ``xt``, ``dn``, ``tr``, ``ws``, ``xl``, ``x.pe`` and ``so``; ``tr.1`` and the like count as
``tr``, and other parts are ignored.  A part of which a program would make the wrong use (``xt``, ``xl``, ``x.pe``,
``so``) must be right, and the error names it.  URLs that cannot be used are left out, as those in a .torrent file are.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import ipaddress
import re
from typing import Dict, List, Optional, Tuple
from urllib.parse import quote, unquote, unquote_plus

from ..errors import MetainfoError
from ..text import printable
from .infohash import V2_SIZE, InfoHash
from .urls import TRACKER_SCHEMES, WEB_SEED_SCHEMES, clean_urls

SCHEME = "magnet:"
LINK = "magnet link"
"""The ``source`` in an error of a magnet link, as the link itself may be long."""
MAX_URI = 64 * 1024
"""Characters of a magnet link; one with two hundred trackers has about 16,000."""
MAX_PEERS = 100
"""Addresses of peers in a magnet link."""
MAX_RANGES = 1000
"""Ranges of file indexes in a magnet link (BEP 53)."""
MAX_INDEX = 2**31 - 1
"""Greatest file index in a magnet link."""
MAX_NAME = 240
"""Characters of the name in a magnet link that are kept."""

_BTIH, _BTMH = "urn:btih:", "urn:btmh:"
_SHA256 = "1220"
"""Begin of a SHA-256 of 32 bytes in multihash format."""

_match_key = re.compile(r"(.+?)(?:\.[0-9]{1,5})?").fullmatch
_match_hex = re.compile(r"[0-9A-Fa-f]{40}").fullmatch
_match_base32 = re.compile(r"[2-7A-Za-z]{32}").fullmatch
_match_multihash = re.compile(_SHA256 + r"([0-9A-Fa-f]{64})").fullmatch
_match_host = re.compile(r"[0-9A-Za-z_-]([0-9A-Za-z_.-]{0,251}[0-9A-Za-z_.-])?").fullmatch
_match_number = re.compile(r"[0-9]{1,19}").fullmatch
_match_range = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?").fullmatch


@dataclasses.dataclass(frozen=True)
class Magnet:
    """A magnet link; ``str()`` is its URI.

    Made by :meth:`parse`, and by :meth:`Metainfo.magnet`.
    """

    infohashes: InfoHash
    """The infohash; a hybrid torrent (BEP 52) may have both sides."""
    name: str = ""
    """The name to show until the metadata is known, printable and at most 240 characters; empty if there is none."""
    trackers: Tuple[str, ...] = ()
    """Usable URLs of trackers, each a tier of its own."""
    web_seeds: Tuple[str, ...] = ()
    """Usable URLs of web seeds (BEP 19)."""
    peers: Tuple[Tuple[str, int], ...] = ()
    """Host names or numeric addresses of peers, and their ports."""
    length: Optional[int] = None
    """Bytes of the torrent, as the link says; None if it does not."""
    select_only: Tuple[range, ...] = ()
    """Indexes of the files to download (BEP 53), in ranges that ascend and do not touch; empty for all files."""

    @classmethod
    def parse(cls, uri: str) -> Magnet:
        """Parse a magnet link.

        Args:
            uri: The URI; white space around it is ignored.

        Raises:
            MetainfoError: It cannot be used; ``key`` is the part that is wrong, such as ``"xt"``.
        """
        if len(uri) > MAX_URI:
            raise MetainfoError(f"{len(uri)} characters, where a magnet link may have {MAX_URI}", source=LINK)
        uri = uri.strip()
        if not uri.lower().startswith(f"{SCHEME}?"):
            raise MetainfoError("is not a magnet link, which begins with 'magnet:?'", source=printable(uri, 60))
        parts = _parts(uri[len(SCHEME) + 1 :])
        return cls(
            infohashes=_infohash(parts.get("xt", [])),
            name=printable(unquote_plus(parts.get("dn", [""])[0]), MAX_NAME),
            trackers=clean_urls([unquote(url) for url in parts.get("tr", [])], TRACKER_SCHEMES),
            web_seeds=clean_urls([unquote(url) for url in parts.get("ws", [])], WEB_SEED_SCHEMES),
            peers=_peers(parts.get("x.pe", [])),
            length=_length(parts.get("xl", [])),
            select_only=_select_only(parts.get("so", [])),
        )

    @property
    def infohash(self) -> bytes:
        """The 20 bytes that identify the torrent in handshakes and announces."""
        return self.infohashes.primary

    def __str__(self) -> str:
        hashes = self.infohashes
        parts = [] if hashes.v1 is None else [f"xt={_BTIH}{hashes.v1.hex()}"]
        parts += [] if hashes.v2 is None else [f"xt={_BTMH}{_SHA256}{hashes.v2.hex()}"]
        parts += [f"dn={quote(self.name, safe='')}"] if self.name else []
        parts += [] if self.length is None else [f"xl={self.length}"]
        parts += [f"tr={quote(url, safe='')}" for url in self.trackers]
        parts += [f"ws={quote(url, safe='')}" for url in self.web_seeds]
        parts += [f"x.pe={f'[{host}]' if ':' in host else host}:{port}" for host, port in self.peers]
        if self.select_only:
            parts.append("so=" + ",".join(map(_range_text, self.select_only)))
        return f"{SCHEME}?{'&'.join(parts)}"


def is_magnet(text: str) -> bool:
    """Whether a text is meant to be a magnet link, right or wrong."""
    return text.lstrip()[: len(SCHEME)].lower() == SCHEME


def host_and_port(text: str) -> Optional[Tuple[str, int]]:
    """Return the host and the port of ``HOST:PORT``; None if it is none.

    Args:
        text: A host name or a numeric address, an IPv6 address in brackets, and a port of 1 to 65535.
    """
    host, colon, number = text.rpartition(":")
    port = int(number) if colon and len(number) <= 5 and number.isascii() and number.isdecimal() else 0
    if not 0 < port < 65536:
        return None
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(host[1:-1])), port
        except ValueError:
            return None
    return (host, port) if _match_host(host) else None


def _parts(query: str) -> Dict[str, List[str]]:
    """The values of each part, still percent-encoded, in their order."""
    found: Dict[str, List[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        match = _match_key(unquote(name))
        if match is not None and value:
            found.setdefault(match[1].lower(), []).append(value)
    return found


def _infohash(topics: List[str]) -> InfoHash:
    sides: Dict[str, bytes] = {}
    for topic in map(unquote, topics):
        kind = topic[: len(_BTIH)].lower()
        if kind not in (_BTIH, _BTMH):
            continue  # the name of the content in another network
        digest = (_v1 if kind == _BTIH else _v2)(topic[len(kind) :])
        if sides.setdefault(kind, digest) != digest:
            raise MetainfoError("names two torrents", "xt", LINK)
    if not sides:
        reason = "names no torrent: 'urn:btih:' and an infohash are missing" if topics else "is missing"
        raise MetainfoError(reason, "xt", LINK)
    if _BTIH not in sides:
        raise MetainfoError("names a torrent of version 2 only (urn:btmh), which cannot be used yet", "xt", LINK)
    return InfoHash(v1=sides[_BTIH], v2=sides.get(_BTMH))


def _v1(text: str) -> bytes:
    if _match_hex(text):
        return binascii.unhexlify(text)
    if _match_base32(text):
        return base64.b32decode(text.upper())
    shown = printable(text, 60)
    raise MetainfoError(f"an infohash has 40 hexadecimal or 32 base32 characters, not {shown!r}", "xt", LINK)


def _v2(text: str) -> bytes:
    match = _match_multihash(text)
    if match is None:
        shown = printable(text, 100)
        raise MetainfoError(f"urn:btmh is '{_SHA256}' and {2 * V2_SIZE} digits, not {shown!r}", "xt", LINK)
    return binascii.unhexlify(match[1])


def _peers(values: List[str]) -> Tuple[Tuple[str, int], ...]:
    if len(values) > MAX_PEERS:
        raise MetainfoError(f"{len(values)} peers, where a magnet link may have {MAX_PEERS}", "x.pe", LINK)
    found = []
    for value in map(unquote, values):
        address = host_and_port(value)
        if address is None:
            raise MetainfoError(f"{printable(value, 60)!r} is not HOST:PORT, or [IPv6]:PORT", "x.pe", LINK)
        found.append(address)
    return tuple(dict.fromkeys(found))


def _length(values: List[str]) -> Optional[int]:
    if not values:
        return None
    if not _match_number(values[0]) or int(values[0]) >= 2**63:
        raise MetainfoError(f"{printable(values[0], 60)!r} is not a number of bytes", "xl", LINK)
    return int(values[0])


def _select_only(values: List[str]) -> Tuple[range, ...]:
    texts = [text for value in values for text in unquote(value).split(",")]
    if len(texts) > MAX_RANGES:
        raise MetainfoError(f"{len(texts)} ranges, where a magnet link may have {MAX_RANGES}", "so", LINK)
    merged: List[range] = []
    for found in sorted(map(_range, texts), key=lambda each: each.start):
        if merged and found.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, found.stop))
        else:
            merged.append(found)
    return tuple(merged)


def _range(text: str) -> range:
    match = _match_range(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match is not None else (0, -1)
    if not first <= last <= MAX_INDEX:
        shown = printable(text, 60)
        raise MetainfoError(f"{shown!r} is no index of a file, or range of indexes such as '2-5'", "so", LINK)
    return range(first, last + 1)


def _range_text(indexes: range) -> str:
    return str(indexes.start) if len(indexes) == 1 else f"{indexes.start}-{indexes.stop - 1}"
