"""URLs, hosts and compact addresses: an accepted value is valid, all others are refused without an exception.

Cleaning a clean URL does not change it, and its request has one line; all spellings of a host have one canonical form,
which the address policy can classify; unpacking a packed address returns the address.
"""

from __future__ import annotations

import ipaddress
from typing import List
from urllib.parse import urljoin

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.metainfo.urls import MAX_URL, TRACKER_SCHEMES, clean_url, tracker_tiers, web_seeds
from bittorrent_threads.net import resolver
from bittorrent_threads.net.http import parse_url
from bittorrent_threads.protocol import addresses
from bittorrent_threads.protocol.announce import AnnounceRequest, url_objection
from bittorrent_threads.protocol.scrape import scrape_url

from ..target import Target, require, require_shown

REQUEST = AnnounceRequest(b"\xff" * 20, b"-TH0100-abcdefghijkl", 6881, 0, 0, 1, trackerid=b"\r\n&\xff")
MAX_GROWN = 3 * MAX_URL + 300
"""Most characters of a percent-encoded URL with the query of an announce."""


def check(data: bytes) -> None:
    """The input has a URL, a second URL after a space, a host, and compact addresses."""
    text = data.decode("utf-8", "replace")
    for raw in (data, text):
        url = clean_url(raw, TRACKER_SCHEMES)
        if url is not None:
            _clean(url)
    base, _, location = text.partition(" ")
    if _parsed(base):
        _redirect(base, location)
    for url in (url for tier in tracker_tiers(data, [data.split(), data, 1, [2, [data]]]) for url in tier):
        require(clean_url(url, TRACKER_SCHEMES) == url, "an unclean tracker")
    require(len(web_seeds(data.split())) <= len(data), "more web seeds than bytes")
    _host(text)
    _compact(data)


def _clean(url: str) -> None:
    require(clean_url(url, TRACKER_SCHEMES) == url, "cleaned again it is another")
    require(url.isascii() and url.isprintable() and " " not in url, f"unclean {url!r:.80}")
    require_shown(url_objection(url), 200, "the objection")
    asked = [REQUEST.url(url), scrape_url(url, [b"\xff" * 20] * 2) or ""]
    for each in asked:
        require(each.isascii() and each.isprintable() and " " not in each, f"not one line: {each!r:.80}")
        require(len(each) < MAX_GROWN, "a long URL")
    if url.startswith("http"):
        _parsed(asked[0])


def _parsed(url: str) -> bool:
    try:
        target = parse_url(url)
    except TrackerError as error:
        require_shown(error.reason, 300, "the reason")
        return False
    require(target.path.startswith("/") or target.path.startswith("?"), f"path {target.path!r:.60}")
    line = f"{target.path}{target.authority}"
    require(line.isascii() and line.isprintable() and " " not in line, f"not one line: {line!r:.80}")
    require(0 < target.port < 65536 and target.host, "no host and port")
    return True


def _redirect(base: str, location: str) -> None:
    try:
        _parsed(urljoin(base, location))
    except ValueError:
        return


def _host(text: str) -> None:
    public = resolver.is_public(text)
    numeric = addresses.numeric_host(text)
    require(isinstance(public, bool), "neither public nor not")
    if not numeric:
        return
    require(addresses.numeric_host(numeric) == numeric, "canonical again it is another")
    require(addresses.unpack_host(addresses.pack_host(numeric)) == numeric, "packed and unpacked it is another")
    require(resolver.is_public(numeric) == public, "public in one form and not in the other")
    inner = ipaddress.ip_address(numeric)
    # Versions of Python differ in the private IPv6 networks: since 3.13 all of 6to4 is private.
    private = inner.is_private if inner.version == 4 else inner in ipaddress.IPv6Network("fc00::/7")
    require(not public or not (inner.is_loopback or private or inner.is_link_local), "public, and local")


def _compact(data: bytes) -> None:
    four = addresses.unpack_ipv4(data[: len(data) // 6 * 6])
    six = addresses.unpack_ipv6(data[: len(data) // 18 * 18])
    require(len(four) <= len(data) // 6 and len(six) <= len(data) // 18, "more addresses than bytes")
    packed, packed6 = addresses.pack([*four, *six])
    again = [*addresses.unpack_ipv4(packed), *addresses.unpack_ipv6(packed6)]
    require(sorted(again) == sorted([*four, *six]), "packed and unpacked they are others")
    require(addresses.unpack_host(data) == "" or len(data) in (4, 16), "a host of another length")


def seeds() -> List[bytes]:
    """Return valid and invalid URLs and hosts."""
    texts = (
        "http://tracker.example/announce http://other.example/x",
        "https://user:p%40w@[2001:db8::1]:443/a/announce.php?x=1#y //evil@host/",
        "udp://t.example:80/announce ../../x",
        "http://t.example/announce?info_hash=x ?q",
        "HTTP://T.example:080/\u00e4 \\x",
        "http://t.example:99999/ http://[::1",
        "http://127.0.0.1/announce http://[::ffff:127.0.0.1]/",
        *("127.0.0.1", "::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "::7f00:1"),
        "fec0::1",
        *("fe80::1%eth0", "192.88.99.1", "1.2.3.4", "2001:4860:4860::8888", "2001:0:1::f5ff:fffe", "01.2.3.4"),
        "0x7f.1",
    )
    return [*(text.encode() for text in texts), b"\1\2\3\4\x1a\xe1" * 3, bytes(15) + b"\1\x1a\xe1", bytes(4), bytes(16)]


TOKENS = (
    *(b"http://", b"https://", b"udp://", b"://", b"//", b"/announce", b"?", b"#", b"@", b":", b":0", b":80"),
    *(b"[", b"]"),
    *(b"%", b"%00", b"%0d%0a", b" ", b"\\", b"\r\n", b"::", b"::ffff:", b"64:ff9b::", b"2002:", b"127.0.0.1", b"\xff"),
    *("\u2100".encode(), "\uff0f".encode(), "\u00e4".encode(), b"info_hash=", b";", b"%25eth0", b"."),
)
TARGET = Target(check, seeds, TOKENS, longest=400)
