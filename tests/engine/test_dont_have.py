"""Pieces that are taken back (BEP 54): what a peer says of its own, and what it is told of ours."""

from __future__ import annotations

import struct
from typing import Any, List

import pytest
from support.bench import COUNT, Bench, Guest, availability, blocks_of, extension
from support.magnet import Magnet

from bittorrent_threads.engine.dont_have import DontHave
from bittorrent_threads.engine.peer import MAX_SEED_BEFORE
from bittorrent_threads.protocol.dont_have import dont_haves
from bittorrent_threads.swarm import have_log
from bittorrent_threads.testing.peer_messages import (
    CHOKE,
    EXTENDED,
    HAVE,
    INTERESTED,
    NOT_INTERESTED,
    PIECE,
    REJECT,
    REQUEST,
    UNCHOKE,
    message,
)

OURS, THEIRS = 7, 9
"""The id of the message in our extension handshake, and in that of a guest."""
CUT_OFF = "we lost pieces that the peer was told of"


def back(*indexes: int) -> bytes:
    """The messages of a peer that takes pieces back."""
    return dont_haves(OURS, indexes)


def taking(bench: Bench, pieces: Any = (), *, fast: bool = True) -> Guest:
    """A guest that takes the message, and was told what there is to be told."""
    guest = bench.guest(pieces, extended=True, fast=fast)
    guest.say(extension(m={"lt_donthave": THEIRS}))
    return guest


def heard(guest: Guest) -> List[int]:
    """The pieces that were taken back since the last look; other messages are dropped."""
    return [struct.unpack(">xI", payload)[0] for _, payload in guest.heard(EXTENDED) if payload[0] == THEIRS]


def lose(bench: Bench, *indexes: int) -> None:
    """Lose pieces, as a hash check finds them."""
    bench.files.pieces.difference_update(indexes)
    bench.act(bench.payload.pieces.lose, indexes)
    bench.act(bench.payload.pieces.retract)
    bench.act(bench.payload.pieces.changed)
    bench.run(0.2)


# -- what a peer takes back --------------------------------------------------------------------------------------------


def test_the_piece_counts_no_more_and_interest_ends_with_the_last_one() -> None:
    bench = Bench()
    guest = bench.guest([3, 4], extended=True)
    guest.heard()
    guest.say(back(3))
    assert [bench.payload.picker.availability(index) for index in (3, 4)] == [0, 1]
    bench.run(2)
    assert guest.heard(NOT_INTERESTED) == []
    assert bench.status.peers[0].pieces == 1
    guest.say(back(4))
    bench.run(2)
    assert guest.heard(NOT_INTERESTED) == [(NOT_INTERESTED,)]
    guest.say(message(HAVE, 3))
    assert guest.heard(INTERESTED) == [(INTERESTED,)]
    assert bench.payload.picker.availability(3) == 1
    guest.say(message(UNCHOKE))
    assert guest.serve() == blocks_of(3)
    assert not guest.closed


@pytest.mark.parametrize("fast", [True, False])
def test_requests_are_rejected_by_a_fast_peer_and_forgotten_by_another(fast: bool) -> None:
    bench = Bench()
    guest = bench.guest([3], extended=True, fast=fast)
    guest.say(message(UNCHOKE))
    assert guest.requests() == blocks_of(3)
    guest.say(back(3))
    other = bench.guest([3])
    other.say(message(UNCHOKE))
    assert other.requests() == ([] if fast else blocks_of(3))
    if fast:
        guest.say(*[message(REJECT, *block) for block in blocks_of(3)], seconds=1.2)
        assert other.requests() == blocks_of(3)
    bench.run(60)
    assert guest.requests() == []


def test_a_piece_that_was_never_announced_changes_nothing() -> None:
    bench = Bench()
    guest = bench.guest([3], extended=True)
    guest.say(back(5, 5), availability([3, 5]))
    assert not guest.closed
    assert [bench.payload.picker.availability(index) for index in (3, 5)] == [1, 1]


def test_a_peer_that_took_pieces_back_does_not_describe_itself_again() -> None:
    bench = Bench()
    guest = bench.guest(range(COUNT), extended=True)
    guest.say(back(5), availability(range(COUNT)))
    assert guest.closed
    assert bench.reasons == ["said a second time what it has, and nothing new"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (struct.pack(">I", COUNT), f"lt_donthave of piece {COUNT}, there are {COUNT}"),
        (struct.pack(">I", 2**32 - 1), f"lt_donthave of piece {2**32 - 1}, there are {COUNT}"),
        (b"\0\0\0", "lt_donthave message of 3 bytes instead of 4"),
    ],
)
def test_what_is_wrong_ends_the_connection(payload: bytes, reason: str) -> None:
    bench = Bench()
    guest = bench.guest([3], extended=True)
    guest.say(message(EXTENDED, payload=bytes([OURS]) + payload))
    assert guest.closed
    assert bench.reasons == [reason]


def test_a_seed_may_not_take_back_its_last_piece_again_and_again() -> None:
    bench = Bench()
    guest = bench.guest(range(COUNT), extended=True)
    for _ in range(MAX_SEED_BEFORE):
        guest.say(back(5), message(HAVE, 5), seconds=0.01)
    assert not guest.closed
    assert bench.payload.picker.availability(5) == 1
    guest.say(back(5))
    assert guest.closed
    assert bench.reasons == [f"was a seed and took a piece back {MAX_SEED_BEFORE + 1} times"]
    assert bench.payload.picker.availability(5) == 0


def test_before_the_metadata_and_after() -> None:
    bench = Magnet()
    guest = bench.guest(range(COUNT), extended=True)
    guest.say(back(3, 4))
    guest.say(message(HAVE, 4))
    bench.give_info()
    availability_of = bench.payload.picker.availability
    assert [availability_of(index) for index in (2, 3, 4)] == [1, 0, 1]
    guest.say(back(2))
    assert availability_of(2) == 0
    assert not guest.closed


def test_too_much_before_the_metadata_ends_the_connection() -> None:
    bench = Magnet()
    guest = bench.guest(range(COUNT), extended=True)
    guest.say(back(*range(1025)))
    assert guest.closed
    assert bench.reasons == ["took back 1025 pieces before the metadata was known"]


def test_the_handler_takes_four_bytes() -> None:
    taken: List[int] = []

    class Connection:
        def take_back(self, index: int) -> str:
            taken.append(index)
            return "a reason"

    handler = DontHave(Connection(), lambda payload: True)
    assert handler.receive(b"\0\0\1\0", 0.0) == "a reason"
    assert handler.receive(b"", 0.0) == "lt_donthave message of 0 bytes instead of 4"
    assert taken == [256]


# -- what we lose ------------------------------------------------------------------------------------------------------


def test_peers_that_take_the_message_stay_and_the_others_come_again() -> None:
    bench = Bench(have=range(6))
    staying, leaving = taking(bench, range(6, COUNT)), bench.guest(range(6, COUNT), extended=True)
    lose(bench, 1, 4)
    assert heard(staying) == [1, 4]
    assert not staying.closed
    assert leaving.closed
    assert bench.reasons == [CUT_OFF]
    staying.say(message(HAVE, 1), message(UNCHOKE))
    staying.give(*[block for block in staying.requests() if block[0] == 1])
    bench.run(1.2)
    assert (HAVE, 1) in staying.heard(), "it is there again"
    lose(bench, 1)
    assert heard(staying) == [1]


@pytest.mark.parametrize("fast", [True, False])
def test_requests_that_wait_are_dropped_and_late_ones_are_no_offence(fast: bool) -> None:
    bench = Bench(have=range(COUNT - 1))
    guest = taking(bench, fast=fast)
    guest.say(message(INTERESTED))
    bench.disk.seek_time = 1.0
    guest.say(*[message(REQUEST, *block) for block in blocks_of(*range(10))])
    (peer,) = bench.payload.exchange
    waiting = len(peer.uploader)
    lose(bench, 9)
    assert len(peer.uploader) == waiting - 2
    bench.run(20)
    assert {index for _, index, _, _ in guest.heard(PIECE)} == {*range(9)}
    guest.say(*[message(REQUEST, 9, 0, length) for length in range(1, 1001)])
    assert not guest.closed, "it may have sent them before it heard of the loss"
    bench.run(5)
    assert len(guest.heard(REJECT)) == (1000 if fast else 0)


def test_a_peer_that_does_not_read_and_a_large_loss_end_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bittorrent_threads.engine.exchange.MAX_TOLD", 3)
    bench = Bench(have=range(COUNT - 1))
    guest = taking(bench)
    lose(bench, 1, 2, 3)
    assert heard(guest) == [1, 2, 3]
    lose(bench, 4, 5, 6, 7)
    assert guest.closed
    guest = taking(bench)
    (peer,) = bench.payload.exchange
    monkeypatch.setattr(type(peer.flow), "stuffed", property(lambda flow: True))
    lose(bench, 8)
    assert guest.closed
    assert bench.reasons == [CUT_OFF] * 2


def test_a_have_that_was_not_told_yet_is_not_told_after_the_loss() -> None:
    bench = Bench()
    seed = taking(bench, range(COUNT))
    seed.say(message(UNCHOKE))
    seed.give(*[block for block in seed.requests() if block[0] == 5])
    assert seed.heard(HAVE) == [], "a seed is told within a second"
    lose(bench, 5)
    bench.run(2)
    assert (HAVE, 5) not in seed.heard()


def test_a_piece_that_comes_again_before_anybody_was_told_is_not_taken_back() -> None:
    bench = Bench(have=range(6))
    guest = taking(bench, [7])
    bench.act(bench.payload.pieces.lose, [1, 2])
    bench.act(bench.payload.pieces.trust, [1])
    bench.act(bench.payload.pieces.retract)
    bench.run(0.2)
    assert heard(guest) == [2]
    assert not bench.payload.pieces.misled(1)
    assert bench.payload.pieces.misled(2)


def test_a_choke_follows_its_own_way() -> None:
    bench = Bench(have=range(6))
    guest = taking(bench)
    guest.say(message(INTERESTED))
    guest.heard()
    lose(bench, 0)
    assert guest.heard(CHOKE) == []


def test_the_log_is_the_limit_of_what_is_told() -> None:
    assert have_log.MAX_TOLD == 4096
