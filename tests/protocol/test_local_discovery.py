"""Local service discovery (BEP 14): the datagram of the BEP, those of other clients, and bad ones."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.protocol import local_discovery
from bittorrent_threads.protocol.local_discovery import GROUPS, MAX_DATAGRAM, MAX_INFOHASHES, LocalAnnounce, parse

INFOHASH = bytes(range(20))
HEX = INFOHASH.hex()


def datagram(*lines: str) -> bytes:
    return "\r\n".join(["BT-SEARCH * HTTP/1.1", *lines, "", ""]).encode()


def test_the_datagram_of_the_bep() -> None:
    assert local_discovery.encode(GROUPS[4], 6881, [INFOHASH], "secret") == (
        b"BT-SEARCH * HTTP/1.1\r\n"
        b"Host: 239.192.152.143:6771\r\n"
        b"Port: 6881\r\n"
        b"Infohash: " + HEX.encode() + b"\r\n"
        b"cookie: secret\r\n"
        b"\r\n"
        b"\r\n"
    )
    assert b"\r\nHost: [ff15::efc0:988f]:6771\r\n" in local_discovery.encode(GROUPS[6], 1, [INFOHASH], "")


@pytest.mark.parametrize("group", GROUPS.values())
@given(
    st.integers(1, 65535),
    st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=MAX_INFOHASHES, unique=True),
    st.text("0123456789abcdef", max_size=40),
)
def test_what_is_encoded_comes_back(group: Tuple[str, int], port: int, infohashes: List[bytes], cookie: str) -> None:
    data = local_discovery.encode(group, port, infohashes, cookie)
    assert len(data) <= MAX_DATAGRAM
    assert parse(data) == LocalAnnounce(port, tuple(infohashes), cookie)


@given(st.binary(max_size=1500))
def test_nothing_is_raised(data: bytes) -> None:
    parse(data)
    parse(datagram("Port: 5") + data)


def test_headers_in_any_case_and_order_and_with_others() -> None:
    for data in (
        datagram("Host: x", "Port: 5", f"Infohash: {HEX}", "cookie: c"),
        datagram(f"INFOHASH:{HEX.upper()}", "X-New: 1", "port:  5 ", "Cookie:c"),
        datagram("Port: 5", f"Infohash: {HEX}", f"Infohash: {HEX}", "cookie: c").replace(b"\r\n", b"\n"),
    ):
        assert parse(data) == LocalAnnounce(5, (INFOHASH,), "c")


def test_several_torrents_in_a_datagram() -> None:
    other = bytes(20)
    said = parse(datagram("Port: 5", f"Infohash: {HEX}", "Infohash: 1234", f"Infohash: {other.hex()}"))
    assert said == LocalAnnounce(5, (INFOHASH, other), "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        datagram("Port: 5"),
        datagram(f"Infohash: {HEX}"),
        datagram("Port: 5", f"Infohash: {HEX}0"),
        datagram("Port: 5", f"Infohash: {HEX[:-1]}g"),
        *[datagram(f"Port: {port}", f"Infohash: {HEX}") for port in ("0", "65536", "-1", "1e3", "", "٣", "9" * 5000)],
        datagram("Port: 5", f"Infohash: {HEX}").replace(b"BT-SEARCH", b"M-SEARCH"),
        datagram("Port: 5", f"Infohash: {HEX}").ljust(MAX_DATAGRAM + 1),
    ],
)
def test_what_is_no_announce_is_ignored(data: bytes) -> None:
    assert parse(data) is None
