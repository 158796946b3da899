"""The handshake in both directions, whole and in pieces."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chunks import cuts

from bittorrent_threads.protocol.handshake import RESERVED, RESERVED_DHT, SIZE, Handshake

START = b"\x13BitTorrent protocol"
INFOHASH = bytes(range(100, 120))
OURS = b"-TH0100-abcdefghijkl"
THEIRS = b"-LT2110-abcdefghijkl"
ANSWER = START + RESERVED + INFOHASH + THEIRS


def test_the_bits_of_the_extensions() -> None:
    assert bytes.fromhex("0000000000100004") == RESERVED
    assert bytes.fromhex("0000000000100005") == RESERVED_DHT


@pytest.mark.parametrize("ours", [RESERVED, RESERVED_DHT])
@pytest.mark.parametrize("theirs", [RESERVED, RESERVED_DHT])
def test_the_dht_needs_both_ends(ours: bytes, theirs: bytes) -> None:
    both = ours == theirs == RESERVED_DHT
    dialled = Handshake(INFOHASH, OURS, reserved=ours)
    dialled.receive(START + theirs + INFOHASH + THEIRS)
    accepted = Handshake(None, OURS)
    accepted.receive(START + theirs + INFOHASH + THEIRS)
    accepted.accept(ours)
    assert dialled.data_to_send() == accepted.data_to_send() == START + ours + INFOHASH + OURS
    assert (dialled.dht, accepted.dht, accepted.fast) == (both, both, True)


def test_who_dials_speaks_first_and_only_once() -> None:
    handshake = Handshake(INFOHASH, OURS)
    assert handshake.data_to_send() == START + RESERVED + INFOHASH + OURS
    assert handshake.data_to_send() == b""


def test_the_answer_however_it_is_cut() -> None:
    for chunks in cuts(ANSWER + b"and the wire"):
        handshake = Handshake(INFOHASH, OURS)
        for chunk in chunks:
            assert not handshake.done
            handshake.receive(memoryview(chunk))
            if handshake.done:
                break
        rest = b"".join(chunks)[SIZE + len(handshake.leftover) :]
        assert handshake.failed == ""
        assert (handshake.infohash, handshake.peerid, handshake.reserved) == (INFOHASH, THEIRS, RESERVED)
        assert handshake.leftover + rest == b"and the wire"


def test_who_is_dialled_answers_once_the_infohash_is_known() -> None:
    for chunks in cuts(ANSWER + b"wire"):
        handshake = Handshake(None, OURS)
        received = 0
        for chunk in chunks:
            assert (handshake.infohash is None) == (received < 48)
            handshake.receive(chunk)
            received += len(chunk)
            if handshake.infohash is not None and received - len(chunk) < 48:
                assert handshake.data_to_send() == b""
                handshake.accept()
                assert handshake.data_to_send() == START + RESERVED + INFOHASH + OURS
            assert handshake.done == (received >= SIZE)
        assert (handshake.peerid, handshake.leftover) == (THEIRS, b"wire")


def test_nothing_is_done_before_the_answer() -> None:
    handshake = Handshake(None, OURS)
    with pytest.raises(ValueError, match="no handshake to answer"):
        handshake.accept()
    handshake.receive(ANSWER)
    assert (handshake.peerid, handshake.done) == (THEIRS, False)
    handshake.accept()
    assert handshake.done
    with pytest.raises(ValueError, match="no handshake to answer"):
        handshake.accept()


@pytest.mark.parametrize(
    ("ours", "theirs", "fast", "extended"),
    [
        ("0000000000100004", "0000000000100004", True, True),
        ("0000000000100004", "ffffffffffffffff", True, True),
        ("0000000000100004", "0000000000000004", True, False),
        ("0000000000100000", "0000000000100004", False, True),
        ("0000000000100004", "ffffffffffeffffb", False, False),
    ],
)
def test_extensions_need_both_ends(ours: str, theirs: str, fast: bool, extended: bool) -> None:
    handshake = Handshake(INFOHASH, OURS, reserved=bytes.fromhex(ours))
    assert (handshake.fast, handshake.extended) == (False, False)
    handshake.receive(START + bytes.fromhex(theirs) + INFOHASH + THEIRS)
    assert (handshake.fast, handshake.extended) == (fast, extended)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x13BitTorrent protocoL", b"\x14", b"\0" * 100])
def test_another_protocol_is_told_by_its_first_wrong_byte(first: bytes) -> None:
    for chunks in cuts(first):
        handshake = Handshake(None, OURS)
        for chunk in chunks:
            handshake.receive(chunk)
        assert handshake.failed == "not a BitTorrent handshake"
        handshake.receive(ANSWER)
        assert (handshake.done, handshake.infohash) == (False, None)


def test_another_torrent() -> None:
    for chunks in cuts(START + RESERVED + INFOHASH[::-1] + THEIRS):
        handshake = Handshake(INFOHASH, OURS)
        for chunk in chunks:
            handshake.receive(chunk)
        assert (handshake.failed, handshake.done) == ("wrong infohash", False)


@pytest.mark.parametrize("infohash", [INFOHASH, None])
def test_ourselves(infohash: bytes) -> None:
    handshake = Handshake(infohash, OURS)
    handshake.receive(START + RESERVED + INFOHASH + OURS)
    assert (handshake.failed, handshake.done) == ("the peer is ourselves", False)


def test_noise_never_raises() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        stream = bytearray(ANSWER)
        for _ in range(chance.randint(0, 3)):
            stream[chance.randrange(48)] ^= 1 << chance.randrange(8)
        outcomes = set()
        for chunks in ([bytes(stream)], [bytes([byte]) for byte in stream]):
            handshake = Handshake(INFOHASH, OURS)
            for chunk in chunks:
                handshake.receive(chunk)
            outcomes.add((handshake.failed, handshake.done))
        assert len(outcomes) == 1


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=20, max_size=20), st.binary(max_size=30), st.data())
def test_two_ends_agree_however_the_bytes_are_cut(
    reserved: bytes, infohash: bytes, wire: bytes, data: st.DataObject
) -> None:
    dialling, dialled = Handshake(infohash, OURS), Handshake(None, THEIRS, reserved=reserved)
    there = dialling.data_to_send()
    places = sorted(data.draw(st.lists(st.integers(0, SIZE), max_size=4), "cuts"))
    for begin, end in zip([0, *places], [*places, SIZE]):
        dialled.receive(there[begin:end])
        if dialled.infohash is not None and not dialled.done and end < SIZE:
            with contextlib.suppress(ValueError):  # it has answered
                dialled.accept()
    with contextlib.suppress(ValueError):
        dialled.accept()
    back = dialled.data_to_send() + wire
    places = sorted(data.draw(st.lists(st.integers(0, len(back)), max_size=4), "cuts back"))
    for begin, end in zip([0, *places], [*places, len(back)]):
        dialling.receive(back[begin:end])
    assert dialling.done
    assert dialled.done
    assert (dialling.peerid, dialled.peerid) == (THEIRS, OURS)
    assert (dialling.reserved, dialled.reserved, dialling.leftover) == (reserved, RESERVED, wire)
    assert (dialling.fast, dialling.extended) == (dialled.fast, dialled.extended)
