"""Peer ids: ours, and the names behind theirs."""

from __future__ import annotations

import random
import re

import pytest

from bittorrent_threads.protocol.peer_id import client_name, make_peerid
from bittorrent_threads.version import __version__


def test_ours() -> None:
    first, second = make_peerid(random.Random(1)), make_peerid(random.Random(2))
    assert re.fullmatch(rb"-TH[0-9A-Za-z]{4}-[0-9A-Za-z]{12}", first)
    assert first != second
    assert make_peerid(random.Random(1)) == first
    assert client_name(first) == f"bittorrent_threads {__version__}"


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("-LT2110-", "libtorrent 2.1.1"),
        ("-LT20A0-", "libtorrent 2.0.10"),
        ("-lt0D80-", "libTorrent 0.13.8"),
        ("-TR4000-", "Transmission 4.0.0"),
        ("-TR4060-", "Transmission 4.0.6"),
        ("-TR2940-", "Transmission 2.94"),
        ("-TR3000-", "Transmission 3.00"),
        ("-qB4500-", "qBittorrent 4.5.0"),
        ("-DE13F0-", "Deluge 1.3.15"),
        ("-DE211s-", "Deluge 2.1.1"),
        ("-UT355W-", "µTorrent 3.5.5"),
        ("-AZ5760-", "Vuze 5.7.6"),
        ("-AZ2501-", "Vuze 2.5.0.1"),
        ("-WW0109-", "WebTorrent 1.9"),
        ("-AB102S-", "AnyEvent::BitTorrent 1.0.2"),
        ("-zz1234-", "zz 1.2.3.4"),
        ("A2-1-36-0-", "aria2 1.36.0"),
        ("A2-1-37-0-", "aria2 1.37.0"),
        ("M7-10-5--", "BitTorrent 7.10.5"),
        ("-XX12", ""),
        ("", ""),
    ],
)
def test_client_name(prefix: str, name: str) -> None:
    assert client_name(prefix.encode().ljust(20, b"\xf0")) == name


def test_any_20_bytes_have_a_printable_name_or_none() -> None:
    chance = random.Random(0)
    for _ in range(2000):
        tail = chance.randbytes(20)
        for peerid in (tail, b"-" + tail[1:], b"-WW" + tail[3:7] + b"-" + tail[8:], b"A2-" + tail[3:]):
            assert client_name(peerid).isprintable()
