"""The log from which peers are told what we have."""

from __future__ import annotations

from typing import List, Sequence

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.protocol import messages
from bittorrent_threads.swarm.have_log import MAX_TOLD, HaveLog


def log_of(*pieces: int, size: int = 10_000) -> HaveLog:
    have = Bitfield(size)
    have.add(pieces)
    log = HaveLog(have, messages.haves)
    log.add(pieces)
    return log


def test_each_peer_is_told_from_its_own_position() -> None:
    log = log_of(5, 3, 9)
    assert log.end == 3
    assert log.told(0) == (3, messages.haves([5, 3, 9]))
    assert log.told(2) == (3, messages.haves([9]))
    assert log.told(3) == (3, b"")


def test_what_was_added_since_is_told_and_not_the_answer_of_before() -> None:
    log = log_of(5)
    assert log.told(0) == (1, messages.haves([5]))
    log._have.set(6)
    log.add([6])
    assert log.told(0) == (2, messages.haves([5, 6]))
    assert log.told(1) == (2, messages.haves([6]))


def test_a_piece_that_was_lost_meanwhile_is_not_told() -> None:
    log = log_of(1, 2, 3)
    log._have.clear(2)
    assert log.told(0) == (3, messages.haves([1, 3]))
    log._have.clear(1)
    log.lost()
    assert log.told(0) == (3, messages.haves([3])), "the last answer is not repeated"


def test_one_message_is_bounded() -> None:
    log = log_of(*range(MAX_TOLD + 10))
    position, message = log.told(0)
    assert position == MAX_TOLD
    assert len(message) == 9 * MAX_TOLD
    assert log.told(position) == (MAX_TOLD + 10, messages.haves(range(MAX_TOLD, MAX_TOLD + 10)))


def test_what_every_peer_has_heard_is_forgotten_and_positions_stay() -> None:
    log = log_of(1, 2, 3, 4)
    log.forget(3)
    assert log.end == 4
    assert log.told(3) == (4, messages.haves([4]))
    log.forget(2)
    log.forget(4)
    assert log.end == 4
    assert log.told(4) == (4, b"")
    assert len(log._pieces) == 0


def test_the_message_for_many_peers_is_made_once() -> None:
    made: List[List[int]] = []

    def encode(indexes: Sequence[int]) -> bytes:
        made.append(list(indexes))
        return bytes(indexes)

    log = HaveLog(Bitfield.filled(10), encode)
    log.add([5, 6])
    assert [log.told(0) for _ in range(3)] == [(2, b"\x05\x06")] * 3
    assert made == [[5, 6]]
