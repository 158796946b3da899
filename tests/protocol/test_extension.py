"""The extension handshake: what is kept of it, and what is not worth an error."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.protocol import addresses
from bittorrent_threads.protocol.extension import MAX_MESSAGES, ExtensionHandshake
from bittorrent_threads.testing.bencode import bencode


def test_the_example_of_the_bep() -> None:
    said = ExtensionHandshake.parse(b"d1:md11:LT_metadatai1e6:ut_pexi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e")
    assert said == ExtensionHandshake(
        messages={"LT_metadata": 1, "ut_pex": 2}, port=6881, client="µTorrent 1.2", upload_only=None
    )


def test_what_we_say_is_what_is_understood() -> None:
    said = ExtensionHandshake(
        messages={"ut_pex": 1},
        client="bittorrent_threads 0.1.0",
        port=6881,
        reqq=2000,
        yourip="1.2.3.4",
        ipv4="5.6.7.8",
        ipv6="2001:db8::1",
        upload_only=False,
    )
    assert ExtensionHandshake.parse(said.encode()) == said
    assert ExtensionHandshake().encode() == b"d1:mdee"


@pytest.mark.parametrize(("value", "meaning"), [(1, True), (0, False), (3, True), ("1", None)])
def test_upload_only(value: object, meaning: object) -> None:
    assert ExtensionHandshake.parse(bencode({"upload_only": value})).upload_only is meaning


@pytest.mark.parametrize(
    "said",
    [
        {"m": [], "v": 7, "p": "x", "reqq": [], "yourip": 5, "ipv4": {}, "ipv6": 1, "upload_only": []},
        {"m": {"ut_pex": "1", "x": -1, "y": 256, "": 1}, "p": 65536, "reqq": -1, "yourip": "12345", "ipv4": "x" * 16},
        {"p": 0, "reqq": 2**62, "ipv6": "1234"},
        {"p": -5},
        {},
    ],
)
def test_what_is_not_as_it_should_be_is_absent(said: object) -> None:
    assert ExtensionHandshake.parse(bencode(said)) == ExtensionHandshake()


def test_a_yourip_of_each_family() -> None:
    assert ExtensionHandshake.parse(bencode({"yourip": b"\1\2\3\4"})).yourip == "1.2.3.4"
    assert ExtensionHandshake.parse(bencode({"yourip": bytes(15) + b"\1"})).yourip == "::1"


def test_keys_of_extensions_are_kept_as_they_are() -> None:
    said = ExtensionHandshake.parse(bencode({"metadata_size": 31235, "x": {"a": [1]}, "m": {}, "p": "?", "v": 5}))
    assert said == ExtensionHandshake(extra={b"metadata_size": 31235, b"x": {b"a": [1]}})
    assert ExtensionHandshake.parse(said.encode()) == said


def test_names_are_made_fit_for_display() -> None:
    said = ExtensionHandshake.parse(bencode({"v": b"evil\x1b[2J\n" + b"x" * 1000, "m": {"a\nb": 1}}))
    assert said.client == "evil [2J " + "x" * 55
    assert said.messages == {"a b": 1}


def test_a_flood_of_messages_is_cut() -> None:
    said = ExtensionHandshake.parse(bencode({"m": {f"m{number:04}": number % 256 for number in range(1000)}}))
    assert len(said.messages) == MAX_MESSAGES


def test_unsorted_keys_and_a_tail_are_taken() -> None:
    said = ExtensionHandshake.parse(b"d4:reqqi5e1:mdeegarbage")
    assert (said.reqq, said.failed) == (5, "")


@pytest.mark.parametrize(
    "payload",
    [b"", b"i5e", b"le", b"d1:m", b"nonsense", b"d" + b"1:al" * 11 + b"e" * 12, b"d1:al" + b"i0e" * 6000 + b"ee"],
)
def test_what_is_no_dictionary_fails_with_a_reason(payload: bytes) -> None:
    said = ExtensionHandshake.parse(payload)
    assert said.failed.startswith("extension handshake: ")
    assert said.messages == {}


def test_noise_never_raises() -> None:
    chance = random.Random(0)
    good = bencode({"m": {"ut_pex": 1}, "p": 6881, "reqq": 250, "v": "libtorrent", "yourip": "1234"})
    for _ in range(2000):
        payload = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            payload[chance.randrange(len(payload))] = chance.randrange(256)
        said = ExtensionHandshake.parse(bytes(payload))
        assert 0 <= said.port < 65536
        assert said.client.isprintable()


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
HANDSHAKES = st.builds(
    ExtensionHandshake,
    messages=st.dictionaries(WORDS, st.integers(0, 255), max_size=5),
    client=st.just("") | WORDS,
    port=st.integers(0, 65535),
    reqq=st.integers(0, 2**31),
    yourip=st.just("") | st.ip_addresses(v=4).map(str),
    ipv4=st.just("") | st.ip_addresses(v=4).map(str),
    ipv6=st.just("") | st.ip_addresses(v=6).map(str).map(addresses.numeric_host).filter(lambda host: ":" in host),
    upload_only=st.none() | st.booleans(),
    extra=st.dictionaries(st.sampled_from([b"metadata_size", b"x"]), st.integers(0, 9) | st.binary(max_size=3)),
)


@given(HANDSHAKES, st.binary(max_size=5))
def test_any_handshake_there_and_back(said: ExtensionHandshake, rest: bytes) -> None:
    assert ExtensionHandshake.parse(said.encode() + rest) == said
