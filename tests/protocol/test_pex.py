"""Peer exchange messages (BEP 11): every bad payload is an answer and no exception, and what is encoded comes back."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.address_scope import is_unicast
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import pex
from bittorrent_threads.protocol.addresses import unpack_host
from bittorrent_threads.protocol.pex import MAX_CONTACTS, PexMessage

HOSTS = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))
ADDRESSES = st.tuples(HOSTS.map(unpack_host).filter(is_unicast), st.integers(1, 65535))


def parsed(said: Dict[bytes, Any]) -> PexMessage:
    return PexMessage.parse(bencode.encode(said))


def entries(count: int) -> bytes:
    """Return different IPv4 contacts."""
    return b"".join(bytes([9, 1, at >> 8, at & 255, 0, 7]) for at in range(count))


def test_the_fields_of_a_message() -> None:
    said = {
        b"added": bytes([1, 2, 3, 4, 0x1A, 0xE1, 5, 6, 7, 8, 0, 80]),
        b"added.f": bytes([pex.SEED | pex.OUTGOING]),
        b"added6": bytes.fromhex("2a00" + "00" * 13 + "01") + b"\1\0",
        b"added6.f": bytes([pex.UTP]),
        b"dropped": bytes([9, 9, 9, 9, 0, 9]),
        b"dropped6": bytes.fromhex("2a00" + "00" * 13 + "02") + b"\0\1",
    }
    message = parsed(said)
    assert message.added == {("1.2.3.4", 6881): 0x12, ("5.6.7.8", 80): 0, ("2a00::1", 256): 4}
    assert message.dropped == (("9.9.9.9", 9), ("2a00::2", 1))
    assert not message.failed


@given(st.dictionaries(ADDRESSES, st.integers(0, 255), max_size=20), st.lists(ADDRESSES, unique=True, max_size=20))
def test_what_is_encoded_comes_back(added: Dict[Any, int], dropped: List[Any]) -> None:
    message = PexMessage.parse(PexMessage(added, tuple(dropped)).encode())
    assert message.added == added
    assert set(message.dropped) == set(dropped)


@given(st.binary(max_size=300))
def test_nothing_is_raised(payload: bytes) -> None:
    PexMessage.parse(payload)


@pytest.mark.parametrize("payload", [b"", b"le", b"i1e", b"d5:added", b"d" * 100, b"d5:addedle5:addedlee"])
def test_what_is_no_message_has_a_reason(payload: bytes) -> None:
    message = PexMessage.parse(payload)
    assert message == PexMessage(failed=message.failed)
    assert message.failed.startswith("peer exchange: ")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {b"added": 5, b"added6": [], b"dropped": {}, b"added.f": b"\1"},
        {b"added": b"\1\2\3\4\0"},
        {b"added": b"\1\2\3\4\0\0"},
        {b"added": b"\0\2\3\4\0\1"},
        {b"added": b"\xe0\2\3\4\0\1"},
        {b"added6": bytes(16) + b"\0\1"},
        {b"unknown": [{}], b"added": b""},
    ],
)
def test_what_no_peer_can_have_is_left_out(said: Dict[bytes, Any]) -> None:
    assert parsed(said) == PexMessage()


def test_a_part_of_an_entry_at_the_end_is_left_out() -> None:
    assert list(parsed({b"added": b"\1\2\3\4\0\1\5\6", b"added.f": 7}).added.items()) == [(("1.2.3.4", 1), 0)]


def test_an_address_counts_once() -> None:
    twice = b"\1\2\3\4\0\1" * 2
    mapped = bytes(10) + b"\xff\xff\1\2\3\4\0\1"
    message = parsed({b"added": twice, b"added.f": b"\1\2", b"added6": mapped, b"dropped": twice, b"dropped6": mapped})
    assert message.added == {("1.2.3.4", 1): 1}
    assert message.dropped == (("1.2.3.4", 1),)


def test_no_more_than_the_limit_is_decoded() -> None:
    payload = bencode.encode({b"added": entries(2000), b"dropped": entries(2000)})
    assert len(payload) > pex.MAX_PAYLOAD
    message = PexMessage.parse(payload)
    assert len(message.added) == len(message.dropped) == MAX_CONTACTS
    assert len(PexMessage.parse(payload, limit=3).added) == 3


def test_empty_fields_are_not_sent() -> None:
    assert PexMessage({("1.2.3.4", 5): 2}).encode() == b"d5:added6:\1\2\3\4\0\0057:added.f1:\2e"
    assert PexMessage({}, (("::1", 5),)).encode() == b"d8:dropped618:" + bytes(15) + b"\1\0\5e"
