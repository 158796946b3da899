from __future__ import annotations

import hashlib
from typing import List

import pytest

from bittorrent_threads.metainfo.hashes import PieceHasher, PieceHashes, digests

PIECES = [b"one", b"two", b"x" * 100_000]
HASHES = PieceHashes(b"".join(hashlib.sha1(piece).digest() for piece in PIECES))


def test_many_pieces() -> None:
    assert len(HASHES) == 3
    assert HASHES.wrong([], []) == []
    assert HASHES.wrong(range(3), PIECES) == []
    assert HASHES.wrong([2, 0], [memoryview(bytearray(PIECES[2])), PIECES[0]]) == []
    assert HASHES.wrong([2, 1, 0], PIECES) == [2, 0]
    assert HASHES.wrong([0, 0, 1], [b"one ", b"", b"two"]) == [0, 0]
    assert HASHES.wrong([-1, 3], [PIECES[2], PIECES[0]]) == [-1, 3], "what does not exist is never right"
    assert digests(PIECES[:2]) == [hashlib.sha1(b"one").digest(), hashlib.sha1(b"two").digest()]


def test_part_by_part() -> None:
    for index, piece in enumerate(PIECES):
        hasher = HASHES.hasher(index)
        assert not hasher.matches()
        for at in range(0, len(piece), 777):
            hasher.update(memoryview(piece)[at : at + 777])
        assert hasher.matches()
        hasher.update(b" ")
        assert not hasher.matches()


def test_zeros_are_hashed_once_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (3_000_000, 5)
    found = PieceHashes(b"".join(hashlib.sha1(bytes(size)).digest() for size in (*sizes, sizes[0])) + bytes(20))
    hashed: List[int] = []
    update = PieceHasher.update

    def counted(hasher: PieceHasher, data: memoryview) -> None:
        hashed.append(len(data))
        update(hasher, data)

    monkeypatch.setattr(PieceHasher, "update", counted)
    for _ in range(3):
        right = [[found.zeros(index, size) for size in sizes] for index in range(4)]
        assert right == [[True, False], [False, True], [True, False], [False, False]]
    assert sum(hashed) == sum(sizes) and max(hashed) < 2_000_000


@pytest.mark.parametrize("index", [-1, 3])
def test_no_such_piece(index: int) -> None:
    with pytest.raises(IndexError, match=f"piece {index} of 3"):
        HASHES.hasher(index)


def test_half_a_hash() -> None:
    with pytest.raises(ValueError, match="30 bytes of hashes are no multiple of 20"):
        PieceHashes(bytes(30))
