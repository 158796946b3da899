"""The digests of the blocks of a piece."""

from __future__ import annotations

import random

import pytest

from bittorrent_threads.metainfo.fingerprint import DIGEST_SIZE, fingerprint


@pytest.mark.parametrize(("size", "blocks"), [(0, 0), (1, 1), (16384, 1), (16385, 2), (50000, 4)])
def test_one_digest_a_block(size: int, blocks: int) -> None:
    content = random.Random(size).randbytes(size)
    expected = fingerprint(content)
    assert len(expected) == blocks * DIGEST_SIZE
    for kind in (bytes, bytearray, memoryview):
        assert fingerprint(kind(content)) == expected


def test_a_changed_byte_changes_the_digest_of_its_block_alone() -> None:
    content = bytearray(50_000)
    before = fingerprint(content)
    content[16384] ^= 1
    after = fingerprint(content)
    same = [before[at : at + DIGEST_SIZE] == after[at : at + DIGEST_SIZE] for at in range(0, len(before), DIGEST_SIZE)]
    assert same == [True, False, True, True]
    assert fingerprint(content[:32768]) == after[: 2 * DIGEST_SIZE]
