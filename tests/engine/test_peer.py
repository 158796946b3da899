"""One peer: what it is told at the start, how its messages are answered, and when silence ends it."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from support.bench import BLOCK, COUNT, MOMENT, Bench, blocks_of, packed

from bittorrent_threads import events
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol.fast import allowed_fast_set
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import (
    ALLOWED_FAST,
    BITFIELD,
    CHOKE,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    INTERESTED,
    NOT_INTERESTED,
    PIECE,
    REJECT,
    REQUEST,
    SUGGEST,
    UNCHOKE,
    message,
)

SOME = (0, 3, 11)


def extension(**said: object) -> bytes:
    """An extension handshake."""
    return message(EXTENDED, payload=b"\0" + bencode.encode({"m": {}, **said}))


# -- the start ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("have", "fast", "told"),
    [
        (range(COUNT), True, [(HAVE_ALL,)]),
        ((), True, [(HAVE_NONE,)]),
        (SOME, True, [(BITFIELD, packed(SOME))]),
        (range(COUNT), False, [(BITFIELD, b"\xff\xf0")]),
        ((), False, []),
        (SOME, False, [(BITFIELD, b"\x90\x10")]),
    ],
)
def test_the_first_message_says_what_we_have(have: range, fast: bool, told: list[object]) -> None:
    assert Bench(have=have).guest(fast=fast).heard() == told


def test_the_extension_handshake_follows_what_we_have() -> None:
    guest = Bench().guest(extended=True)
    assert [kind for kind, *_ in guest.heard()] == [HAVE_NONE, EXTENDED]


def test_a_seed_says_that_it_only_uploads() -> None:
    assert Bench(have=range(COUNT)).guest(extended=True).extension_handshake()[b"upload_only"] == 1


def test_no_more_is_asked_for_than_the_peer_queues() -> None:
    bench = Bench()
    guest = bench.guest(range(COUNT), extended=True)
    guest.say(extension(reqq=3))
    guest.say(message(UNCHOKE))
    asked = guest.requests()
    assert len(asked) == 3
    guest.give(*asked)
    guest.serve()
    assert bench.payload.have.full


def test_a_choked_peer_that_has_little_may_ask_for_a_few_pieces() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest([1], host=bench.host("80.4.4.200"))
    chosen = allowed_fast_set(bench.content.metainfo.infohash, "80.4.4.200", COUNT)
    granted = [index for index in sorted(chosen) if index < 6 and index != 1]
    assert len(granted) >= 3
    assert guest.heard(ALLOWED_FAST) == [(ALLOWED_FAST, index) for index in granted]
    guest.say(message(REQUEST, granted[0], 0, BLOCK))
    assert guest.heard(PIECE, REJECT)[0][:3] == (PIECE, granted[0], 0)


@pytest.mark.parametrize(("pieces", "fast"), [(range(10), True), ([], False)], ids=["has enough", "without BEP 6"])
def test_nothing_is_granted(pieces: range, fast: bool) -> None:
    guest = Bench(have=range(COUNT)).guest(pieces, fast=fast)
    assert guest.heard(ALLOWED_FAST) == []


# -- interest ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [True, False])
def test_interest_is_told_once(fast: bool) -> None:
    guest = Bench(have=[0]).guest([0], fast=fast)
    assert guest.heard(INTERESTED, NOT_INTERESTED) == []
    guest.say(message(HAVE, 1))
    assert guest.heard(INTERESTED, NOT_INTERESTED) == [(INTERESTED,)]
    guest.say(message(HAVE, 2), message(HAVE, 3), seconds=5)
    assert guest.heard(INTERESTED, NOT_INTERESTED) == []


def test_interest_ends_when_the_peer_has_nothing_more() -> None:
    bench = Bench()
    guest = bench.guest([4])
    assert guest.heard(INTERESTED) == [(INTERESTED,)]
    guest.say(message(UNCHOKE))
    guest.serve()
    bench.run(2)
    assert guest.heard(INTERESTED, NOT_INTERESTED) == [(NOT_INTERESTED,)]
    guest.say(message(HAVE, 5))
    assert guest.heard(INTERESTED, NOT_INTERESTED) == [(INTERESTED,)]


def test_interest_ends_at_once_when_the_torrent_is_complete() -> None:
    bench = Bench(have=range(1, COUNT))
    one, other = bench.guest([0, 1]), bench.guest([0, 2])
    one.say(message(UNCHOKE))
    other.heard()
    one.give(*one.requests())
    assert bench.payload.have.full
    assert other.heard(INTERESTED, NOT_INTERESTED) == [(NOT_INTERESTED,)]


# -- asking ------------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_for_while_we_are_choked() -> None:
    bench = Bench()
    guest = bench.guest(range(COUNT))
    bench.run(3)
    assert guest.requests() == []
    guest.say(message(UNCHOKE))
    assert sorted(guest.requests()) == blocks_of(*range(COUNT))


def test_allowed_pieces_are_asked_for_while_we_are_choked() -> None:
    guest = Bench().guest(range(COUNT))
    guest.say(message(ALLOWED_FAST, 7))
    assert sorted(guest.requests()) == blocks_of(7)


def test_a_suggested_piece_is_asked_for_first() -> None:
    bench = Bench(settings=Settings(min_requests=2))
    guest = bench.guest(range(COUNT))
    guest.say(message(SUGGEST, 9), message(UNCHOKE))
    assert sorted(guest.requests()) == blocks_of(9)


def test_a_choke_takes_back_all_requests_without_bep_6() -> None:
    bench = Bench()
    one = bench.seed(fast=False)
    assert len(one.requests()) == 2 * COUNT
    one.say(message(CHOKE))
    other = bench.guest(range(COUNT))
    other.say(message(UNCHOKE))
    assert sorted(other.requests()) == blocks_of(*range(COUNT))


def test_with_bep_6_each_request_waits_for_its_reject() -> None:
    bench = Bench(settings=Settings(request_timeout=100.0))
    one = bench.seed()
    one.say(message(CHOKE))
    (peer,) = bench.payload.exchange
    assert len(peer.pipeline.outstanding) == 2 * COUNT
    for index, begin, length in one.requests()[:-2]:
        one.say(message(REJECT, index, begin, length), seconds=0)
    bench.run(MOMENT)
    assert len(peer.pipeline.outstanding) == 2
    one.say(message(UNCHOKE))
    assert len(one.requests()) == 2 * COUNT - 2


def test_a_peer_that_holds_requests_is_snubbed_and_others_are_asked() -> None:
    bench = Bench(settings=Settings(request_timeout=5.0))
    bench.seed()
    bench.run(7)
    (row,) = bench.torrent.peers.rows
    assert row.snubbed
    other = bench.seed()
    other.serve()
    assert bench.payload.have.full


# -- the end -----------------------------------------------------------------------------------------------------------


def test_two_seeds_part() -> None:
    bench = Bench(have=range(COUNT))
    assert bench.guest(range(COUNT)).closed
    late = bench.guest(range(COUNT - 1))
    assert not late.closed
    late.say(message(HAVE, COUNT - 1))
    assert late.closed
    assert bench.reasons == ["both are seeds"] * 2


def test_seeds_part_when_we_become_one() -> None:
    bench = Bench(have=range(1, COUNT))
    leech, seed = bench.guest([1]), bench.seed()
    seed.serve()
    assert bench.payload.have.full
    assert seed.closed
    assert not leech.closed
    assert bench.reasons == ["both are seeds"]


@pytest.mark.parametrize("limits", [{"max_connections_per_torrent": 2}, {"max_connections": 2}])
def test_who_wants_nothing_and_has_nothing_makes_room_in_the_end(limits: Dict[str, Any]) -> None:
    bench = Bench(have=[0], settings=Settings(idle_timeout=10_000.0, **limits))
    idle = bench.guest([])
    bench.run(700)
    assert not idle.closed  # as long as there is room
    eager = bench.guest([])
    eager.say(message(INTERESTED))
    eager.say(message(REQUEST, 0, 0, BLOCK), seconds=2)
    assert not idle.closed  # as long as no other peer connects
    newcomer = bench.guest([])
    assert idle.closed
    assert not eager.closed
    assert not newcomer.closed
    assert bench.reasons == ["gave way to another that found no room"]


@pytest.mark.parametrize("first", [b"", bytes(4)], ids=["the first message", "a later message"])
def test_the_time_of_a_message_starts_with_its_first_byte(first: bytes) -> None:
    bench = Bench(settings=Settings(progress_timeout=10.0))
    guest = bench.guest()
    guest.say(first, seconds=50)
    whole = message(HAVE, 3)
    guest.say(whole[:7], seconds=5)
    guest.say(whole[7:])
    assert not guest.closed
    assert [peer.bits.count for peer in bench.payload.exchange] == [1]


def test_wrong_bytes_end_the_connection_with_the_reason() -> None:
    bench = Bench()
    guest = bench.guest([])
    guest.say(message(HAVE, COUNT))
    assert guest.closed
    (closed,) = bench.seen(events.PeerClosed)
    assert closed.reason == "have of piece 12, there are 12"
    assert closed.address[0] == "10.1.0.1"


def test_what_the_user_sees_of_a_peer() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest(range(4, COUNT), extended=True)
    guest.say(extension(v="Guest"), message(UNCHOKE), message(INTERESTED))
    guest.give((7, 0, BLOCK))
    guest.say(message(REQUEST, 0, 0, BLOCK), seconds=2)
    (row,) = bench.status.peers
    assert (row.client, row.incoming, row.pieces, row.seed) == ("Guest", True, 8, False)
    assert (row.downloaded, row.uploaded) == (BLOCK, BLOCK)
    assert (row.interested, row.choked, row.remote_interested, row.remote_choked) == (True, False, True, False)
    assert row.requests == 11
    assert row.remote_requests == 0
    assert 0 < row.download_rate <= BLOCK
    assert row.upload_rate > 0
