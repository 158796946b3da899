"""The byte layouts of BEP 15 and BEP 41, and answers that are not as they should be."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.protocol import udp_tracker_messages as messages
from bittorrent_threads.protocol.announce import (
    COMPLETED,
    MAX_PEERS,
    PAUSED,
    REGULAR,
    STARTED,
    STOPPED,
    AnnounceReply,
    AnnounceRequest,
)
from bittorrent_threads.protocol.scrape import SwarmCounts
from bittorrent_threads.protocol.tracker_reply import MAX_TEXT
from bittorrent_threads.protocol.udp_tracker_messages import MAX_URL_DATA

CONNECTION = bytes(range(8))
TRANSACTION = 0x01020304
REQUEST = AnnounceRequest(
    infohash=b"i" * 20,
    peerid=b"p" * 20,
    port=6881,
    uploaded=3,
    downloaded=1,
    left=2,
    event=STARTED,
    numwant=50,
    key="DEADBEEF",
)


def announced(url: str = "udp://t:1", **changes: Any) -> bytes:
    request = REQUEST._replace(**changes)
    return messages.announce_request(request, messages.url_data_of(url), CONNECTION, TRANSACTION)


def test_a_connect_request() -> None:
    assert messages.connect_request(TRANSACTION) == bytes.fromhex("00000417 27101980 00000000 01020304")


def test_an_announce_request() -> None:
    packed = announced()
    assert len(packed) == 98
    assert packed == (
        CONNECTION
        + bytes.fromhex("00000001 01020304")
        + b"i" * 20
        + b"p" * 20
        + bytes.fromhex("0000000000000001 0000000000000002 0000000000000003")
        + bytes.fromhex("00000002 00000000 deadbeef 00000032 1ae1")
    )


@pytest.mark.parametrize(("event", "number"), [(REGULAR, 0), (COMPLETED, 1), (STARTED, 2), (STOPPED, 3), (PAUSED, 0)])
def test_the_number_of_each_event(event: str, number: int) -> None:
    assert struct.unpack_from(">I", announced(event=event), 80) == (number,)


@pytest.mark.parametrize(
    ("ip", "packed"), [("", bytes(4)), ("1.2.3.4", bytes([1, 2, 3, 4])), ("2001:db8::1", bytes(4))]
)
def test_an_address_of_ours_is_told_if_the_field_has_room_for_it(ip: str, packed: bytes) -> None:
    assert announced(ip=ip)[84:88] == packed


def test_numbers_that_the_fields_cannot_hold_are_cut() -> None:
    packed = announced(uploaded=2**70, downloaded=2**70, left=2**70, numwant=2**40, key="")
    assert struct.unpack_from(">QQQ", packed, 56) == (2**63 - 1,) * 3
    assert struct.unpack_from(">Ii", packed, 88) == (0, 2**31 - 1)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("udp://tracker.example.com:80/dir?a=b&c=d", b"\x02\x0c/dir?a=b&c=d"),
        ("udp://tracker.example.com:80", b""),
        ("udp://tracker.example.com:80?a=b#f", b"\x02\x04?a=b"),
        ("udp://t:1/" + "x" * 254, b"\x02\xff/" + b"x" * 254),
        ("udp://t:1/" + "x" * 255, b"\x02\xff/" + b"x" * 254 + b"\x02\x01x"),
    ],
)
def test_path_and_query_follow_as_options(url: str, options: bytes) -> None:
    assert announced(url)[98:] == options


def test_the_longest_announce_fits_into_the_least_packet_of_ipv6() -> None:
    assert len(announced("udp://t:1/" + "x" * (MAX_URL_DATA - 1))) + 48 <= 1280


def test_a_scrape_request() -> None:
    assert messages.scrape_request(b"i" * 20, CONNECTION, TRANSACTION) == (
        CONNECTION + bytes.fromhex("00000002 01020304") + b"i" * 20
    )


# -- answers -----------------------------------------------------------------------------------------------------------


def test_a_connect_answer() -> None:
    answer = bytes.fromhex("00000000 01020304") + CONNECTION
    assert messages.parse_header(answer) == (messages.CONNECT, TRANSACTION)
    assert messages.parse_connect(answer) == CONNECTION
    assert messages.parse_connect(answer + b"more") == CONNECTION
    assert messages.parse_connect(answer[:-1]) is None


FIXED = bytes.fromhex("00000001 01020304 00000708 00000007 00000009")


def test_an_announce_answer_over_ipv4() -> None:
    peers = bytes.fromhex("01020304 1ae1 05060708 0000 01020304 1ae1 090a0b0c 0001")
    assert messages.parse_announce(FIXED + peers + b"\1\2\3", "192.0.2.1") == AnnounceReply(
        peers=(("1.2.3.4", 6881), ("9.10.11.12", 1)), interval=1800, complete=9, incomplete=7, host="192.0.2.1"
    )


def test_an_announce_answer_over_ipv6() -> None:
    peers = bytes.fromhex("20010db8000000000000000000000001 1ae1")
    assert messages.parse_announce(FIXED + peers + bytes(17), "2001:db8::9") == AnnounceReply(
        peers=(("2001:db8::1", 6881),), interval=1800, complete=9, incomplete=7, host="2001:db8::9"
    )


def test_an_announce_answer_without_peers_and_one_that_is_too_short() -> None:
    assert messages.parse_announce(FIXED, "192.0.2.1") == AnnounceReply(
        interval=1800, complete=9, incomplete=7, host="192.0.2.1"
    )
    assert messages.parse_announce(FIXED[:-1], "192.0.2.1") is None


def test_negative_numbers_are_unknown() -> None:
    reply = messages.parse_announce(FIXED[:8] + b"\xff" * 12, "192.0.2.1")
    assert reply is not None
    assert (reply.interval, reply.complete, reply.incomplete) == (None, None, None)


def test_the_peers_of_the_largest_datagram_are_cut() -> None:
    packed = b"".join(struct.pack(">IH", 0x01000000 + number, 1) for number in range(10_000))
    reply = messages.parse_announce(memoryview(FIXED + packed), "192.0.2.1")
    assert reply is not None
    assert len(reply.peers) == MAX_PEERS


def test_a_scrape_answer() -> None:
    answer = bytes.fromhex("00000002 01020304 00000009 0000000b 00000007")
    assert messages.parse_scrape(answer) == SwarmCounts(complete=9, incomplete=7, downloaded=11)
    assert messages.parse_scrape(answer + bytes(12)) == SwarmCounts(complete=9, incomplete=7, downloaded=11)
    assert messages.parse_scrape(answer[:-1]) is None
    assert messages.parse_scrape(answer[:8]) == SwarmCounts()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"not today\0", "not today"),
        (b"two\r\nlines", "two lines"),
        (b"", "failed without a reason"),
        (b"x" * 60_000, "x" * MAX_TEXT),
        (b"\xff\xfe", "��"),
    ],
)
def test_the_reason_of_an_error(text: bytes, reason: str) -> None:
    assert messages.parse_error(bytes.fromhex("00000003 01020304") + text) == reason


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (bytes.fromhex("00000000 01020304"), True),
        (bytes.fromhex("00000003 01020304"), True),
        (bytes.fromhex("00000004 01020304"), False),
        (bytes.fromhex("00000000 010203"), False),
        (b"d1:ad2:id20:", False),
        (bytes.fromhex("01000000 01020304"), False),
        (b"\0", False),
    ],
)
def test_answers_are_told_from_other_protocols(datagram: bytes, expected: bool) -> None:
    assert messages.is_answer(memoryview(datagram)) is expected


def test_a_header_that_is_too_short() -> None:
    assert messages.parse_header(bytes(7)) is None


@given(st.binary(max_size=200), st.sampled_from(["192.0.2.1", "2001:db8::9"]))
def test_no_datagram_raises(datagram: bytes, host: str) -> None:
    reply = messages.parse_announce(datagram, host)
    assert reply is None or len(reply.peers) <= len(datagram) // 6
    messages.parse_connect(datagram)
    messages.parse_scrape(datagram)
    assert len(messages.parse_error(datagram)) <= MAX_TEXT
