from __future__ import annotations

import dataclasses
import hashlib
import pickle

import pytest

from bittorrent_threads.metainfo.infohash import InfoHash

INFO = b"d4:name1:xe"
SHA1, SHA256 = hashlib.sha1(INFO).digest(), hashlib.sha256(INFO).digest()


def test_version_1() -> None:
    infohash = InfoHash.of(INFO)
    assert infohash == InfoHash(v1=SHA1)
    assert (infohash.primary, infohash.short, str(infohash)) == (SHA1, (SHA1,), SHA1.hex())


def test_version_2_is_cut_to_20_bytes_where_there_is_no_room_for_more() -> None:
    infohash = InfoHash.of(INFO, v1=False, v2=True)
    assert infohash == InfoHash(v2=SHA256)
    assert (infohash.primary, infohash.short, str(infohash)) == (SHA256[:20], (SHA256[:20],), SHA256.hex())


def test_a_hybrid_has_two_names_and_prefers_version_1() -> None:
    infohash = InfoHash.of(INFO, v2=True)
    assert infohash == InfoHash(SHA1, SHA256)
    assert infohash.primary == SHA1
    assert infohash.short == (SHA1, SHA256[:20])
    assert str(infohash) == f"{SHA1.hex()} {SHA256.hex()}"


@pytest.mark.parametrize("known", [InfoHash(SHA1), InfoHash(v2=SHA256), InfoHash(SHA1, SHA256)])
def test_bytes_match_if_every_known_side_is_their_hash(known: InfoHash) -> None:
    assert known.matches(INFO)
    assert not known.matches(INFO + b" ")
    assert not known.matches(b"")


def test_one_right_side_is_not_enough() -> None:
    assert not InfoHash(SHA1, bytes(32)).matches(INFO)
    assert not InfoHash(bytes(20), SHA256).matches(INFO)


@pytest.mark.parametrize(
    ("v1", "v2", "reason"),
    [
        (None, None, "needs a version 1 or a version 2 side"),
        (bytes(19), None, "version 1 infohash has 20 bytes, not 19"),
        (SHA1, bytes(20), "version 2 infohash has 32 bytes, not 20"),
        (b"", SHA256, "version 1 infohash has 20 bytes, not 0"),
    ],
)
def test_what_is_no_infohash(v1: bytes, v2: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        InfoHash(v1, v2)


def test_it_is_a_value() -> None:
    infohash = InfoHash(SHA1, SHA256)
    assert {infohash: 1}[InfoHash(SHA1, SHA256)] == 1
    assert pickle.loads(pickle.dumps(infohash)) == infohash
    assert infohash != InfoHash(SHA1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        infohash.v1 = None  # type: ignore[misc]
