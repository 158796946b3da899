"""The smart ban: a liar is named by proof, and an honest peer never.

A copy is written as its senders and its blocks, a letter each; ``-`` stands for a block that was on disk.
"""

from __future__ import annotations

from typing import Iterable

import pytest

from bittorrent_threads.metainfo.fingerprint import DIGEST_SIZE
from bittorrent_threads.swarm.smart_ban import MAX_COPIES, SmartBan


def digests(blocks: str) -> bytes:
    return b"".join([letter.encode() * DIGEST_SIZE for letter in blocks])


def names(keys: Iterable[object]) -> str:
    return "".join(sorted(str(key) for key in keys))


def failed(ban: SmartBan[str], index: int, senders: str, blocks: str) -> str:
    keys = [None if sender == "-" else sender for sender in senders]
    return names(ban.failed(index, keys, digests(blocks)))


def passed(ban: SmartBan[str], index: int, blocks: str) -> str:
    return names(ban.passed(index, digests(blocks)))


def test_the_only_sender_is_guilty_at_once() -> None:
    ban: SmartBan[str] = SmartBan()
    assert failed(ban, 3, "AAAA", "abXd") == "A"
    assert not ban.pieces
    assert failed(ban, 3, "A", "") == "A", "whether or not its blocks are known"


def test_of_several_the_right_copy_tells() -> None:
    ban: SmartBan[str] = SmartBan()
    assert failed(ban, 3, "AABC", "abXd") == ""
    assert list(ban.pieces) == [3]
    assert passed(ban, 4, "abcd") == ""
    assert passed(ban, 3, "abcd") == "B"
    assert not ban.pieces
    assert passed(ban, 3, "abcd") == ""


def test_all_failed_copies_are_compared() -> None:
    ban: SmartBan[str] = SmartBan()
    failed(ban, 3, "ABCD", "Xbcd")
    failed(ban, 3, "ABCE", "XbcY")
    failed(ban, 3, "BBCA", "bZcd")
    assert passed(ban, 3, "bbcd") == "ABE"


def test_an_only_sender_that_is_guilty_leaves_the_copies_before_to_be_compared() -> None:
    ban: SmartBan[str] = SmartBan()
    assert failed(ban, 3, "ABBC", "aXcd") == ""
    assert failed(ban, 3, "DDDD", "abcY") == "D"
    assert passed(ban, 3, "abcd") == "B"


def test_two_versions_of_a_block_convict_their_sender_at_once() -> None:
    ban: SmartBan[str] = SmartBan()
    assert failed(ban, 3, "AABB", "aXcd") == ""
    assert failed(ban, 3, "BABA", "abcY") == "A"
    assert failed(ban, 3, "BBBA", "abcY") == "", "the same lie again is no proof yet"
    assert passed(ban, 3, "abcd") == "A"


def test_what_was_on_disk_accuses_nobody_and_is_no_sole_sender() -> None:
    ban: SmartBan[str] = SmartBan()
    assert failed(ban, 3, "----", "Xbcd") == ""
    assert failed(ban, 3, "-AAA", "XbcY") == ""
    assert failed(ban, 3, "-BBB", "Zbcd") == ""
    assert passed(ban, 3, "abcd") == "A"


def test_without_fingerprints_nobody_is_accused() -> None:
    ban: SmartBan[str] = SmartBan()
    assert failed(ban, 3, "AB", "") == ""
    assert not ban.pieces
    assert failed(ban, 3, "AB", "aX") == ""
    assert passed(ban, 3, "") == ""
    assert not ban.pieces


def test_only_the_latest_copies_of_a_piece_are_kept() -> None:
    ban: SmartBan[str] = SmartBan()
    failed(ban, 3, "AZ", "Xb")
    for _ in range(MAX_COPIES):
        failed(ban, 3, "BZ", "Xb")
    assert passed(ban, 3, "ab") == "B"


def test_only_the_latest_pieces_are_kept() -> None:
    ban: SmartBan[str] = SmartBan(max_pieces=2)
    for index in (1, 2, 3):
        failed(ban, index, "AB", "aX")
    assert list(ban.pieces) == [2, 3]
    failed(ban, 2, "AB", "aX")
    failed(ban, 4, "AB", "aX")
    assert list(ban.pieces) == [2, 4]


def test_only_so_many_blocks_are_kept() -> None:
    ban: SmartBan[str] = SmartBan(max_blocks=10)
    for index in (1, 2, 3):
        failed(ban, index, "ABAB", "abcX")
    assert list(ban.pieces) == [2, 3]
    passed(ban, 2, "abcd")
    ban.forget(3)
    for index in (4, 5):
        failed(ban, index, "ABAB", "abcX")
    assert list(ban.pieces) == [4, 5], "what was forgotten makes room"
    failed(ban, 6, "AB" * 20, "abcX" * 10)
    assert list(ban.pieces) == [6], "one piece is kept however large it is"


@pytest.mark.parametrize("good", ["abcd", "abcX"])
def test_a_forgotten_piece_accuses_nobody(good: str) -> None:
    ban: SmartBan[str] = SmartBan()
    failed(ban, 3, "ABAB", "abcX")
    ban.forget(3)
    ban.forget(3)
    assert passed(ban, 3, good) == ""
