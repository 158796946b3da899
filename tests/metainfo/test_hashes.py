from __future__ import annotations

import hashlib
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo.hashes import PieceHasher, PieceHashes, Verdict, digests

RIGHT, WRONG = Verdict.RIGHT, Verdict.WRONG
PIECES = [b"one", b"two", b"x" * 100_000]
HASHES = PieceHashes(b"".join(hashlib.sha1(piece).digest() for piece in PIECES))


def test_many_pieces() -> None:
    assert len(HASHES) == 3
    assert HASHES.verdicts([], []) == {}
    assert HASHES.verdicts(range(3), PIECES) == {}
    assert HASHES.verdicts([2, 0], [memoryview(bytearray(PIECES[2])), PIECES[0]]) == {}
    assert HASHES.verdicts([2, 1, 0], PIECES) == {2: WRONG, 0: WRONG}
    assert HASHES.verdicts([0, 1], [b"one ", b"two"]) == {0: WRONG}
    assert HASHES.verdicts([-1, 3], [PIECES[2], PIECES[0]]) == {-1: WRONG, 3: WRONG}, "what does not exist is not right"
    assert HASHES.verdicts(range(3), PIECES[:1]) == {}, "pieces without a part are left out"
    assert digests(PIECES[:2]) == [hashlib.sha1(b"one").digest(), hashlib.sha1(b"two").digest()]


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=10), st.integers(1, 7))
def test_whole_pieces_and_parts_of_them_have_the_same_verdict(pieces: List[Tuple[bytes, bool]], step: int) -> None:
    hashes = PieceHashes(b"".join(digests([data if right else data + b"?" for data, right in pieces])))
    wrong = {index: WRONG for index, (_, right) in enumerate(pieces) if not right}
    assert hashes.verdicts(range(len(pieces)), [data for data, _ in pieces]) == wrong
    for index, (data, _) in enumerate(pieces):
        hasher = hashes.hasher(index)
        for at in range(0, len(data), step):
            hasher.update(data[at : at + step])
        assert hasher.verdict() is wrong.get(index, RIGHT)


def test_part_by_part() -> None:
    for index, piece in enumerate(PIECES):
        hasher = HASHES.hasher(index)
        assert hasher.verdict() is WRONG
        for at in range(0, len(piece), 777):
            hasher.update(memoryview(piece)[at : at + 777])
        assert hasher.verdict() is RIGHT
        hasher.update(b" ")
        assert hasher.verdict() is WRONG


def test_without_an_expected_hash_nothing_is_known() -> None:
    hasher = PieceHasher()
    hasher.update(b"one")
    assert hasher.verdict() is Verdict.UNKNOWN
    assert hasher.digest() == hashlib.sha1(b"one").digest()


def test_zeros_are_hashed_once_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (3_000_000, 5)
    found = PieceHashes(b"".join(hashlib.sha1(bytes(size)).digest() for size in (*sizes, sizes[0])) + bytes(20))
    hashed: List[int] = []
    update = PieceHasher.update

    def updated(self: PieceHasher, data: bytes) -> None:
        hashed.append(len(data))
        update(self, data)

    monkeypatch.setattr(PieceHasher, "update", updated)
    for _ in range(3):
        verdicts = [[found.zeros(index, size) for size in sizes] for index in range(4)]
        assert verdicts == [[RIGHT, WRONG], [WRONG, RIGHT], [RIGHT, WRONG], [WRONG, WRONG]]
    assert sum(hashed) == sum(sizes)
    assert max(hashed) < 2_000_000


@pytest.mark.parametrize("index", [-1, 3])
def test_no_such_piece(index: int) -> None:
    with pytest.raises(IndexError, match=f"piece {index} of 3"):
        HASHES.hasher(index)


def test_half_a_hash() -> None:
    with pytest.raises(ValueError, match="30 bytes of hashes are no multiple of 20"):
        PieceHashes(bytes(30))
