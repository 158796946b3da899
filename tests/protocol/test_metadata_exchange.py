"""Messages of the metadata exchange: the examples of BEP 9, and what is wrong told without an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import metadata_exchange as mx
from bittorrent_threads.protocol.metadata_exchange import DATA, PIECE_SIZE, REJECT, REQUEST, MetadataMessage, parse


def test_the_examples_of_bep_9() -> None:
    assert mx.request(0) == b"d8:msg_typei0e5:piecei0ee"
    assert mx.reject(0) == b"d8:msg_typei2e5:piecei0ee"
    assert mx.data(0, 34256, b"xxxx") == b"d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxx"
    assert parse(mx.request(0)) == MetadataMessage(REQUEST, 0)
    assert parse(mx.reject(7)) == MetadataMessage(REJECT, 7)
    assert parse(mx.data(3, 34256, b"xxxx")) == MetadataMessage(DATA, 3, 34256, b"xxxx")


@pytest.mark.parametrize(
    "payload", [b"d8:msg_typei3ee", b"d8:msg_typei-1e5:piece1:xe", b"d8:msg_typei99e5:piecei0eexyz"]
)
def test_a_message_of_another_type_is_to_be_ignored(payload: bytes) -> None:
    assert parse(payload) == MetadataMessage(mx.UNKNOWN)


def test_keys_may_be_in_any_order_and_bytes_may_follow_a_request() -> None:
    assert parse(b"d5:piecei1e8:msg_typei0e1:xlee") == MetadataMessage(REQUEST, 1)
    assert parse(mx.request(1) + b"tail") == MetadataMessage(REQUEST, 1)
    assert parse(b"d8:msg_typei1e5:piecei2ee" + b"x") == MetadataMessage(DATA, 2, 0, b"x"), "some do not tell the size"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "no data"),
        (b"le", "not a dictionary"),
        (b"d8:msg_typei0e5:piecei0e", "ends inside"),
        (b"de", "without a type"),
        (b"d8:msg_type1:0e", "without a type"),
        (b"d8:msg_typei0ee", "index of a piece"),
        (b"d8:msg_typei0e5:piecei-1ee", "index of a piece"),
        (b"d8:msg_typei2e5:piecei2147483648ee", "index of a piece"),
        (mx.data(0, 1, b""), "piece of 0 bytes"),
        (mx.data(0, 1, bytes(PIECE_SIZE + 1)), "piece of 16385 bytes"),
        (b"d8:msg_typei1e5:piecei0e10:total_sizei-1eex", "piece of 1 bytes of -1"),
        (b"d8:msg_typei1e5:piecei0e10:total_size1:9eex", "of -1"),
        (b"d1:a" + bencode.encode(bytes(1024)) + b"8:msg_typei0e5:piecei0ee", "more than 1024"),
        (b"d1:a" + b"l" * 10 + b"e" * 10 + b"8:msg_typei0e5:piecei0ee", "5 levels deep"),
        (b"d1:al" + b"0:" * 60 + b"e8:msg_typei0e5:piecei0ee", "50 tokens"),
    ],
)
def test_what_is_wrong_is_told(payload: bytes, words: str) -> None:
    found = parse(payload)
    assert words in found.failed
    assert found == MetadataMessage(failed=found.failed)


@pytest.mark.parametrize(
    ("value", "size"), [(31235, 31235), (0, 0), (-1, 0), (2**31, 0), (2**63 - 1, 0), (b"9", 0), (None, 0), ([], 0)]
)
def test_the_size_that_a_handshake_tells(value: Any, size: int) -> None:
    assert mx.claimed_size({mx.SIZE_KEY: value}) == size
    assert mx.claimed_size({}) == 0


def test_pieces_of_a_size() -> None:
    assert [mx.piece_count(size) for size in (1, PIECE_SIZE, PIECE_SIZE + 1)] == [1, 1, 2]
    assert [mx.piece_size(piece, PIECE_SIZE + 1) for piece in range(3)] == [PIECE_SIZE, 1, 1 - PIECE_SIZE]


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_a_reason(payload: bytes) -> None:
    found = parse(payload)
    assert found.failed.isprintable()
    assert found.failed or found.kind in (mx.UNKNOWN, REQUEST, DATA, REJECT)
    assert 0 <= found.piece <= mx.MAX_NUMBER
