"""Bencoding as trackers write it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import BencodeError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import lenient_bencode

VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=6), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES, st.binary(max_size=5))
def test_what_is_canonical_is_read_as_it_is(value: Any, rest: bytes) -> None:
    assert lenient_bencode.decode(bencode.encode(value) + rest) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"i01800e", 1800),
        (b"i+5e", 5),
        (b"i-0e", 0),
        (b"i-007e", -7),
        (b"003:abc", b"abc"),
        (b"d1:bi1e1:ai2ee", {b"b": 1, b"a": 2}),
        (b"d1:ai1e1:ai2ee", {b"a": 1}),
        (b"d1:a1:x1:ald0:i5eeee", {b"a": b"x"}),
        (b"de\0", {}),
        (b"lelele", []),
        (b"i1ei2e", 1),
    ],
)
def test_what_others_take(data: bytes, value: Any) -> None:
    assert lenient_bencode.decode(data) == value


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"e", b"x", b"i", b"ie", b"i-e", b"i1", b"i1x5e", b"i" + b"9" * 21 + b"e", b"3:ab", b"9999999999999:a"),
        *(b"l", b"li1e", b"d", b"d1:a", b"d1:ae", b"di1ei2ee", b"dlee", b"d1:ai1e", b"-1:a"),
        *(b"l" * 200 + b"e" * 200, b"l" + b"0:" * 60_000 + b"e"),
    ],
)
def test_what_cannot_be_understood(data: bytes) -> None:
    with pytest.raises(BencodeError):
        lenient_bencode.decode(data)


def test_noise_is_a_value_or_an_error() -> None:
    chance = random.Random(2)
    good = bencode.encode({"interval": 1800, "peers": [{"ip": "1.2.3.4", "port": 5}], "x": [1, [2, {"a": b"b"}]]})
    values = 0
    for _ in range(5000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice(b"dlie0123456789:-x")
        try:
            lenient_bencode.decode(bytes(data))
            values += 1
        except BencodeError as error:
            assert error.reason
    assert values > 100
