from __future__ import annotations

import enum
import functools
import random
from typing import Any, Dict, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import BencodeError, MetainfoError
from bittorrent_threads.metainfo.bencode import decode, decode_document, decode_prefix, encode
from bittorrent_threads.testing import bencode as independent

VALID = {
    b"i0e": 0,
    b"i42e": 42,
    b"i-3e": -3,
    b"i9223372036854775807e": 2**63 - 1,
    b"i-9223372036854775808e": -(2**63),
    b"0:": b"",
    b"4:spam": b"spam",
    b"12:\x00\xff:ei0eld10:": b"\x00\xff:ei0eld10:",
    b"100:" + b"x" * 100: b"x" * 100,
    b"le": [],
    b"l4:spam4:eggse": [b"spam", b"eggs"],
    b"lllelee1:ai-1ee": [[[], []], b"a", -1],
    b"de": {},
    b"d3:cow3:moo4:spam4:eggse": {b"cow": b"moo", b"spam": b"eggs"},
    b"d0:i1e1:ad1:bl0:i0eeee": {b"": 1, b"a": {b"b": [b"", 0]}},
}

MALFORMED = {
    "nothing at all": b"",
    "a web page": b"<html></html>",
    "leading zero": b"i03e",
    "minus zero": b"i-0e",
    "minus leading zero": b"i-03e",
    "plus": b"i+1e",
    "space in an integer": b"i 1e",
    "underscore in an integer": b"i1_0e",
    "no digits": b"ie",
    "minus alone": b"i-e",
    "fraction": b"i1.5e",
    "integer without an end": b"i12",
    "integer beyond int64": b"i9223372036854775808e",
    "integer below int64": b"i-9223372036854775809e",
    "integer of a thousand digits": b"i" + b"9" * 1000 + b"e",
    "other digits": "i\u0661e".encode(),
    "length with a leading zero": b"06:foobar",
    "length zero twice": b"00:",
    "length of eleven digits": b"10000000000:x",
    "length without a colon": b"4spam",
    "length alone": b"4",
    "negative length": b"-1:a",
    "short string": b"5:spam",
    "short string in a list": b"l5:spame",
    "string of a gigabyte": b"l9999999999:spame",
    "list without an end": b"l4:spam",
    "integer without an end in a list": b"li12",
    "one digit at the end of a list": b"l1",
    "two digits at the end of a list": b"l12",
    "dictionary without an end": b"d1:a",
    "key without a value": b"d1:ae",
    "key is an integer": b"di1e1:ae",
    "key is a list": b"dle1:ae",
    "keys out of order": b"d1:bi0e1:ai0ee",
    "key twice": b"d1:ai0e1:ai0ee",
    "empty key twice": b"d0:i0e0:i0ee",
    "key twice but not in a row": b"d1:bi0e1:ai0e1:bi0ee",
    "unknown beginning": b"x",
    "unknown beginning inside": b"lxe",
    "end without a beginning": b"e",
    "one end too many": b"lee",
    "trailing newline": b"le\n",
    "trailing value": b"i1ei2e",
}


@pytest.mark.parametrize("data", VALID, ids=repr)
def test_valid(data: bytes) -> None:
    assert decode(data) == VALID[data]
    assert decode(memoryview(data)) == decode(bytearray(data)) == VALID[data]
    assert decode(b"l" + data + b"lee") == [VALID[data], []]


@pytest.mark.parametrize("defect", MALFORMED)
def test_malformed(defect: str) -> None:
    with pytest.raises(BencodeError) as caught:
        decode(MALFORMED[defect])
    assert isinstance(caught.value, MetainfoError)
    assert 0 <= caught.value.offset <= len(MALFORMED[defect])
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"d1:ai03ee", 4, "not a canonical integer of 64 bits: 'i03ee'"),
        (b"l1:a5:spame", 11, "the data ends inside a value"),
        (b"l1:a9:spame", 11, "4 bytes of a string are missing"),
        (b"d1:bi0e1:ai0ee", 7, "dictionary key 'a' is out of order"),
        (b"d1:ai0e1:ai0ee", 7, "dictionary key 'a' occurs twice"),
        (b"d1:ai0e1:be", 10, "dictionary key 'b' has no value"),
        (b"d1:ai0ei1ei1ee", 7, "a dictionary key must be a string"),
        (b"li1e?e", 4, "no value begins with '?'"),
        (b"i1e??", 3, "2 bytes follow the value"),
    ],
)
def test_errors_name_the_place(data: bytes, offset: int, reason: str) -> None:
    with pytest.raises(BencodeError) as caught:
        decode(data)
    assert (caught.value.offset, caught.value.reason) == (offset, reason)


def test_every_beginning_of_a_message_is_malformed() -> None:
    data = independent.bencode({"a": [1, -20, "x" * 9, "y" * 10, "z" * 100, {}], "b": {"c": {"d": [[], 0]}}})
    decode(data)
    for end in range(len(data)):
        with pytest.raises(BencodeError):
            decode(data[:end])


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 19, 20, 99, 100, 101, 999, 1000, 70_000])
def test_strings_of_every_size_of_length(length: int) -> None:
    text = b"e" * length
    coded = b"%d:%s" % (length, text)
    assert decode(coded) == text
    assert decode(b"l" + coded + b"e") == [text]
    assert decode(b"d" + coded + coded + b"e") == {text: text}


def test_depth_has_a_limit() -> None:
    assert decode(b"l" * 100 + b"e" * 100)
    for opening in (b"l", b"d1:a"):
        with pytest.raises(BencodeError, match="more than 100 levels deep"):
            decode(opening * 101)
        with pytest.raises(BencodeError, match="levels deep"):
            decode(opening * 1_000_000)
    assert decode(b"l" * 10 + b"e" * 10, max_depth=10)
    with pytest.raises(BencodeError, match="more than 10 levels deep"):
        decode(b"l" * 11 + b"e" * 11, max_depth=10)


def test_tokens_have_a_limit() -> None:
    assert len(decode(b"l" + b"0:" * 99 + b"e", max_tokens=100)) == 99
    with pytest.raises(BencodeError, match="more than 100 tokens"):
        decode(b"l" + b"0:" * 100 + b"e", max_tokens=100)


FILE = {"length": 12_345, "path": ["dir", "a name of two digits", ""]}
FILES = {
    "as nearly all are": FILE,
    "no length": {"length": 0, "path": []},
    "a length of 64 bits": {"length": 2**63 - 1, "path": ["a"]},
    "a length below 0": {"length": -1, "path": ["a"]},
    "a long name": {"length": 1, "path": ["x" * 300]},
    "numbers in the path": {"length": 1, "path": ["a", 1]},
    "a list in the path": {"length": 1, "path": ["a", ["b"]]},
    "a dictionary in the path": {"length": 1, "path": ["a", FILE]},
    "one more key": {**FILE, "path.utf-8": ["a"]},
    "one key more before": {"attr": "p", **FILE},
    "a text for a length": {"length": "1", "path": ["a"]},
    "a text for a path": {"length": 1, "path": "a"},
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_a_torrent_is_read_like_everything_else(kind: str) -> None:
    # In a list it may be read at once, behind a key it is read token by token.
    data = independent.bencode(FILES[kind])
    assert decode(b"l" + data + b"e") == [decode(b"d1:k" + data + b"e")[b"k"]]
    assert independent.bencode(FILES[kind]) == encode(decode(b"l" + data + b"i5ee")[0])
    for end in range(len(data)):
        errors = []
        for before in (b"l", b"d1:k"):
            with pytest.raises(BencodeError) as caught:
                decode(before + data[:end])
            errors.append((caught.value.reason, caught.value.offset - len(before)))
        assert errors[0] == errors[1]


def test_the_limits_hold_for_files_of_a_torrent() -> None:
    data = independent.bencode([FILE] * 3)
    for count in range(1, 43):
        try:
            decode(data, max_tokens=count)
        except BencodeError as error:
            assert f"more than {count} tokens" in str(error)
            assert count < 40
        else:
            assert count >= 40  # 13 of each, and the end
    assert decode(b"l" * 7 + data + b"e" * 7, max_depth=10)
    with pytest.raises(BencodeError, match="more than 10 levels deep"):
        decode(b"l" * 8 + data + b"e" * 8, max_depth=10)


def test_unsorted_keys_can_be_taken_but_not_twice() -> None:
    assert decode(b"d1:bi0e1:ai1e1:ci2ee", sorted_keys=False) == {b"b": 0, b"a": 1, b"c": 2}
    with pytest.raises(BencodeError, match="occurs twice"):
        decode(b"d1:bi0e1:ai1e1:bi2ee", sorted_keys=False)


def test_prefix() -> None:
    payload = b"d8:msg_typei1e5:piecei0ee"
    assert decode_prefix(payload + b"e\x00:1") == ({b"msg_type": 1, b"piece": 0}, len(payload))
    assert decode_prefix(b"i5e4:tail") == (5, 3)
    assert decode_prefix(b"3:abcdef") == (b"abc", 5)
    assert decode_prefix(b"d1:bi0e1:ai1eetail", sorted_keys=False)[1] == 14
    with pytest.raises(BencodeError):
        decode_prefix(b"tail")


def test_document_tells_where_values_lie() -> None:
    data = b"d4:infod4:infod1:xi1eee8:intervali5e5:nodeslee"
    document = decode_document(data, b"info")
    assert document.value == {b"info": {b"info": {b"x": 1}}, b"interval": 5, b"nodes": []}
    assert data[slice(*document.span)] == b"d4:infod1:xi1eee"
    assert data[slice(*decode_document(data, b"nodes").span)] == b"le"
    assert decode_document(data, b"x").span == (0, 0)


def test_document_takes_what_files_out_there_have() -> None:
    assert decode_document(b"d1:bi0e1:ai1ee \r\n\t\n", b"x").value == {b"b": 0, b"a": 1}
    with pytest.raises(BencodeError, match="2 bytes follow"):
        decode_document(b"de\n\x00", b"x")
    assert decode_document(b"le", b"x") == ([], (0, 0))


def test_a_key_may_stand_twice_where_nothing_is_hashed() -> None:
    data = b"d1:ai0e1:bd1:xi1e1:xi2ee1:ai3ee"
    assert decode_document(data, b"c").value == {b"a": 3, b"b": {b"x": 2}}
    with pytest.raises(BencodeError) as caught:
        decode_document(data, b"b")
    assert (caught.value.reason, caught.value.offset, caught.value.key) == ("dictionary key 'x' occurs twice", 17, "b")
    with pytest.raises(BencodeError) as caught:
        decode_document(data, b"a")
    assert (caught.value.reason, caught.value.offset, caught.value.key) == ("dictionary key 'a' occurs twice", 24, "a")
    with pytest.raises(BencodeError, match="'y' occurs twice"):
        decode_document(b"d1:bld1:yi0e1:yi0eeee", b"b")


def random_value(chance: random.Random, depth: int = 4) -> Any:
    kind = chance.randrange(6 if depth else 3)
    if kind < 2:
        return chance.randbytes(chance.choice([0, 1, 5, 9, 10, 99, 100, 300]))
    if kind == 2:
        return chance.choice([0, 1, -1, 10, 2**31, 2**63 - 1, -(2**63), chance.randrange(-(10**9), 10**9)])
    if kind == 3:
        return [random_value(chance, depth - 1) for _ in range(chance.randrange(5))]
    return {
        chance.randbytes(chance.choice([0, 1, 2, 12, 120])): random_value(chance, depth - 1)
        for _ in range(chance.randrange(5))
    }


def test_what_bencoder_writes_is_read() -> None:
    bencoder = pytest.importorskip("bencoder")
    for seed in range(500):
        value = random_value(random.Random(seed))
        data = encode(value)
        assert data == bencoder.encode(value)
        assert decode(data) == value
        assert decode_document(data, b"").value == value


def test_damaged_bytes_end_in_a_value_or_a_bencode_error() -> None:
    chance = random.Random(0)
    for _ in range(3000):
        data = bytearray(independent.bencode({"a": [1, "bc", {"d": -5}], "info": {"name": "x" * 12, "n": [[]]}}))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice(b"0123456789:delix-\x00\xff")
        for read in (decode, decode_prefix, functools.partial(decode_document, hashed=b"info")):
            try:
                read(bytes(data))
            except BencodeError as error:
                assert 0 <= error.offset <= len(data)


class Port(enum.IntEnum):
    DEFAULT = 6881


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, b"i1e"),
        (False, b"i0e"),
        (Port.DEFAULT, b"i6881e"),
        ("naïve", b"6:na\xc3\xafve"),
        ((1, (2,)), b"li1eli2eee"),
        (bytearray(b"ab"), b"2:ab"),
        (memoryview(b"abc")[1:], b"2:bc"),
        ({"b": 1, b"a": [True]}, b"d1:ali1ee1:bi1ee"),
    ],
    ids=["true", "false", "enum", "str", "tuple", "bytearray", "memoryview", "unsorted"],
)
def test_encoding_of_what_bencoder_writes_wrongly(value: Any, expected: bytes) -> None:
    pytest.importorskip("bencoder")
    assert encode(value) == expected
    assert encode({"x": [value]}) == b"d1:xl" + expected + b"ee"


@pytest.mark.parametrize(
    "value", [None, 1.5, {1, 2}, object, {"a": [None]}, {1: 2}, {None: 1}, [b"", {(): 1}]], ids=repr
)
def test_what_has_no_encoding_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match=r"bencode|dictionary key"):
        encode(value)


def test_the_type_error_names_the_value() -> None:
    with pytest.raises(TypeError, match=r"cannot bencode float: 1\.5"):
        encode({"interval": 1.5})


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, {"a": 1, b"a": 2}], ids=repr)
def test_what_would_not_be_read_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"64 bits|two dictionary keys are 'a'"):
        encode(value)


def test_a_list_in_itself_is_not_written() -> None:
    endless: List[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="levels deep"):
        encode(endless)


# -- properties ------------------------------------------------------------------------------------------------------

INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    INTEGERS | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=12), inner, max_size=5),
    max_leaves=20,
)
FRAGMENTS = st.sampled_from(
    [*(bytes([byte]) for byte in b"0123456789:delix- \xff"), b"i0e", b"1:a", b"1:b", b"12:" + b"x" * 12, b"de", b"le"]
)


class Refused(Exception):
    """The model takes no such bytes."""


def model(data: bytes) -> Tuple[Any, int]:
    """BEP 3 word for word: the value that ``data`` begins with, and its length."""
    if data[:1] == b"i":
        digits, end, _ = data[1:].partition(b"e")
        number = int(digits) if digits.lstrip(b"-").isdigit() and digits.isascii() else 0
        if not end or b"%d" % number != digits or not -(2**63) <= number < 2**63:
            raise Refused
        return number, len(digits) + 2
    if data[:1] in (b"l", b"d"):
        items: List[Any] = []
        at = 1
        while data[at : at + 1] != b"e":
            value, size = model(data[at:])
            items.append(value)
            at += size
        if data[:1] == b"l":
            return items, at + 1
        keys = items[::2]
        ascending = all(isinstance(key, bytes) for key in keys) and keys == sorted({*keys})
        if len(items) % 2 or not ascending:
            raise Refused
        return dict(zip(keys, items[1::2])), at + 1
    length, colon, rest = data.partition(b":")
    if not colon or not length.isdigit() or b"%d" % int(length) != length or int(length) > len(rest):
        raise Refused
    return rest[: int(length)], len(length) + 1 + int(length)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    data = encode(value)
    assert decode(data) == value
    assert model(data) == (value, len(data))


@given(st.one_of(st.lists(FRAGMENTS, max_size=14).map(b"".join), VALUES.map(encode)), st.data())
def test_what_a_simple_model_takes_is_taken_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    if data and draw.draw(st.booleans(), "damaged"):
        at = draw.draw(st.integers(0, len(data) - 1), "at")
        data = data[:at] + draw.draw(FRAGMENTS, "instead") + data[at + 1 :]
    try:
        expected = model(data)
    except Refused:
        with pytest.raises(BencodeError) as caught:
            decode_prefix(data)
        assert 0 <= caught.value.offset <= len(data)
        return
    assert decode_prefix(data) == expected
    value, end = expected
    assert encode(value) == data[:end], "each value has one encoding"
    if end == len(data):
        assert decode(data) == value
    else:
        with pytest.raises(BencodeError, match="bytes follow the value"):
            decode(data)


@given(st.dictionaries(st.binary(max_size=6), VALUES, max_size=4), VALUES, st.randoms(use_true_random=False))
def test_the_hashed_value_is_found_anywhere(others: Dict[bytes, Any], info: Any, chance: random.Random) -> None:
    pairs = [*({**others, b"info": info}).items()]
    chance.shuffle(pairs)
    data = b"d" + b"".join(encode(key) + encode(value) for key, value in pairs) + b"e\n"
    document = decode_document(data, b"info")
    assert document.value == {**others, b"info": info}
    begin, end = document.span
    assert data[begin:end] == (encode(info) if isinstance(info, (list, dict)) else b"")
