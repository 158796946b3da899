"""Blame: a liar is named by proof, and an honest peer never."""

from __future__ import annotations

import random
from typing import FrozenSet, List, Set

import pytest

from bittorrent_threads.swarm.blame import MAX_BLOCKS, MAX_COPIES, Blame, block_digests


def digests(text: str) -> List[bytes]:
    """One made-up digest a letter."""
    return [letter.encode() * 8 for letter in text]


def failed(blame: Blame, index: int, senders: str, blocks: str) -> str:
    """Report a failed copy, a sender and a block a letter; returns ``guilty`` names, and ``+`` to fetch alone."""
    verdict = blame.failed(index, list(zip(senders, digests(blocks))))
    return names(verdict.guilty) + "+" * verdict.exclusive


def names(guilty: FrozenSet[object]) -> str:
    return "".join(sorted(str(name) for name in guilty))


def test_only_sender_is_guilty_at_once() -> None:
    blame = Blame()
    assert failed(blame, 3, "AAAA", "abXd") == "A"
    assert not blame.suspected(3)


def test_several_senders_wait_for_a_good_copy() -> None:
    blame = Blame()
    assert failed(blame, 3, "AABC", "abXd") == "+"
    assert blame.suspected(3)
    assert not blame.suspected(4)
    assert names(blame.passed(3, digests("abcd"))) == "B"
    assert not blame.suspected(3)
    assert names(blame.passed(3, digests("abcd"))) == ""


def test_lone_copy_that_fails_convicts_its_sender_and_keeps_the_rest_suspected() -> None:
    blame = Blame()
    assert failed(blame, 3, "ABBC", "aXcd") == "+"
    assert failed(blame, 3, "DDDD", "abcY") == "D+"
    assert names(blame.passed(3, digests("abcd"))) == "B"


def test_all_failed_copies_are_remembered() -> None:
    blame = Blame()
    failed(blame, 3, "ABCD", "Xbcd")
    failed(blame, 3, "ABCD", "abcX")
    failed(blame, 3, "DCBA", "aYcd")
    assert names(blame.passed(3, digests("abcd"))) == "ACD"


def test_pieces_are_judged_apart() -> None:
    blame = Blame()
    failed(blame, 3, "AB", "aX")
    failed(blame, 4, "BA", "aX")
    assert names(blame.passed(4, digests("ab"))) == "A"
    assert names(blame.passed(3, digests("ab"))) == "B"


def test_only_the_latest_copies_of_a_piece_are_kept() -> None:
    blame = Blame()
    failed(blame, 3, "AZ", "Xb")
    for _ in range(MAX_COPIES):
        failed(blame, 3, "BZ", "Xb")
    assert names(blame.passed(3, digests("ab"))) == "B"


def test_only_so_many_pieces_are_kept() -> None:
    blame = Blame(limit=2)
    for index in (1, 2, 3):
        failed(blame, index, "AB", "aX")
    assert [blame.suspected(index) for index in (1, 2, 3)] == [False, True, True]


def test_only_so_many_blocks_are_kept() -> None:
    blame = Blame()
    blocks = [(number & 1, b"12345678") for number in range(MAX_BLOCKS // 4)]
    for index in range(6):
        blame.failed(index, blocks)
    assert [blame.suspected(index) for index in range(6)] == [False, False, True, True, True, True]
    # A copy that was replaced by a later one, and a piece that was judged, make room.
    for _ in range(2 * MAX_COPIES):
        blame.failed(9, blocks[:100])
    blame.passed(9, [b"12345678"] * 100)
    assert all(blame.suspected(index) for index in range(3, 6))
    for index in range(2, 6):
        blame.passed(index, [b"12345678"] * len(blocks))
    for index in range(4):
        blame.failed(index, blocks)
    assert all(blame.suspected(index) for index in range(4))


@pytest.mark.parametrize("size, blocks", [(1, 1), (16384, 1), (16385, 2), (50000, 4)])
def test_block_digests_cover_the_piece_and_nothing_behind_it(size: int, blocks: int) -> None:
    content = random.Random(size).randbytes(size)
    expected = block_digests(content, size)
    assert len(expected) == blocks
    assert len({len(digest) for digest in expected}) == 1
    for kind in (bytes, bytearray, memoryview):
        assert block_digests(kind(content + b"old bytes of a longer piece"), size) == expected
    changed = bytearray(content)
    changed[-1] ^= 1
    assert [a == b for a, b in zip(expected, block_digests(changed, size))] == [True] * (blocks - 1) + [False]


BLOCKS = 16
BLOCK_BYTES = 32


class Swarm:
    """Peers 0 to ``liars`` - 1 spoil each block with probability ``lie``; all send pieces until everything is there."""

    def __init__(self, *, liars: int, honest: int, lie: float) -> None:
        self.chance = random.Random(f"{liars} {honest} {lie}")
        self.blame = Blame()
        self.liars = set(range(liars))
        self.lie = lie
        self.peers = set(range(liars + honest))
        self.banned: Set[object] = set()
        self.alone: Set[int] = set()

    def run(self, pieces: int) -> None:
        missing = list(range(pieces))
        while missing:
            index = self.chance.choice(missing[:20])
            if self.fetch(index):
                missing.remove(index)

    def fetch(self, index: int) -> bool:
        most = 1 if index in self.alone else 4
        some = self.chance.sample(sorted(self.peers), min(most, len(self.peers)))
        senders = [self.chance.choice(some) for _ in range(BLOCKS)]
        piece = b"".join([self.block(index, number, sender) for number, sender in enumerate(senders)])
        digests = block_digests(piece, len(piece), block=BLOCK_BYTES)
        if b"lie" in piece:
            verdict = self.blame.failed(index, list(zip(senders, digests)))
            if verdict.exclusive:
                self.alone.add(index)
            self.ban(verdict.guilty)
            return False
        if self.blame.suspected(index):
            self.ban(self.blame.passed(index, digests))
        self.alone.discard(index)
        return True

    def block(self, index: int, number: int, sender: int) -> bytes:
        lying = sender in self.liars and self.chance.random() < self.lie
        return (f"lie {self.chance.random()}" if lying else f"block {index} {number}").encode().ljust(BLOCK_BYTES)

    def ban(self, guilty: FrozenSet[object]) -> None:
        self.banned |= guilty
        self.peers -= guilty


@pytest.mark.parametrize("lie", [1.0, 0.3, 0.02])
@pytest.mark.parametrize("liars, honest", [(1, 1), (1, 30), (5, 5), (20, 3)])
def test_swarm_bans_every_liar_and_no_one_else(lie: float, liars: int, honest: int) -> None:
    swarm = Swarm(liars=liars, honest=honest, lie=lie)
    swarm.run(pieces=1500)
    assert swarm.banned == swarm.liars
