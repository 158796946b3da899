"""A super-seed (BEP 16): what its peers hear, what they may ask for, and when it begins and ends."""

from __future__ import annotations

import errno
from typing import Any, List, Set

import pytest
from support.bench import COUNT, Bench, Guest, availability, blocks_of

from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import (
    ALLOWED_FAST,
    BITFIELD,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    PIECE,
    REJECT,
    REQUEST,
    UNCHOKE,
    message,
)

FEW = 2
"""Open offers of a peer."""


def super_seed(**options: Any) -> Bench:
    """A bench that has everything and super-seeds."""
    return Bench(have=range(COUNT), super_seeding=True, **options)


def offered(guest: Guest) -> List[int]:
    """The pieces that a guest heard of since the last look."""
    return [index for _, index in guest.heard(HAVE)]


def ask(guest: Guest, *pieces: int) -> None:
    """Request every block of these pieces."""
    guest.say(*[message(REQUEST, *block) for block in blocks_of(*pieces)], seconds=2)


@pytest.fixture(autouse=True)
def _few_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with pieces of a megabyte."""
    monkeypatch.setattr("bittorrent_threads.swarm.super_seeding.OPEN_BYTES", 0)


@pytest.mark.parametrize("fast", [True, False])
def test_a_peer_is_told_of_a_few_pieces_and_gets_no_others(fast: bool) -> None:
    bench = super_seed()
    assert bench.status.super_seeding
    guest, _ = bench.leech(fast=fast), bench.leech()
    bench.run(1.5)
    heard = guest.heard()
    kinds = [kind for kind, *_ in heard if kind in (HAVE_ALL, HAVE_NONE, BITFIELD, ALLOWED_FAST)]
    assert kinds == ([HAVE_NONE] if fast else [])
    pieces = [each[1] for each in heard if each[0] == HAVE]
    assert len(pieces) == FEW
    assert (UNCHOKE,) in heard
    other = next(index for index in range(COUNT) if index not in pieces)
    ask(guest, pieces[0], other)
    answers = guest.heard(PIECE, REJECT)
    assert {each[1] for each in answers if each[0] == PIECE} == {pieces[0]}
    assert {each[1] for each in answers if each[0] == REJECT} == ({other} if fast else set())
    assert not guest.closed


def test_a_peer_that_asks_for_what_it_was_not_offered_again_and_again_is_closed() -> None:
    bench = super_seed()
    guest = bench.leech()
    pieces = offered(guest)
    other = next(index for index in range(COUNT) if index not in pieces)
    for _ in range(151):
        ask(guest, other)
    assert guest.closed
    assert "requests that were refused" in bench.reasons[-1]


def test_the_next_piece_is_offered_when_another_peer_has_the_first() -> None:
    bench = super_seed()
    one, other = bench.leech(), bench.leech()
    pieces = offered(one)
    assert not set(pieces) & set(offered(other))
    one.say(message(HAVE, pieces[0]), seconds=3)
    assert offered(one) == []
    other.say(message(HAVE, pieces[0]))
    assert len(offered(one)) == 1
    assert offered(other) == [], "it was offered others, which it does not have yet"


def test_a_bitfield_in_place_of_many_haves_counts_as_these() -> None:
    bench = super_seed()
    one, other = bench.leech(), bench.leech()
    pieces = offered(one)
    one.say(*[message(HAVE, index) for index in pieces])
    other.say(availability(pieces, fast=False))
    assert len(offered(one)) == FEW


def test_a_lone_peer_gets_everything() -> None:
    bench = super_seed()
    guest = bench.leech()
    got: List[int] = []
    while len(got) < COUNT:
        pieces = offered(guest)
        assert pieces
        for index in pieces:
            ask(guest, index)
            guest.say(message(HAVE, index), seconds=0)
        got += pieces
        bench.run(0.5)
    assert sorted(got) == list(range(COUNT))
    bench.run(1)
    assert bench.reasons == ["both are seeds"]


def test_a_super_seed_does_not_say_that_it_wants_nothing() -> None:
    """Libtorrent closes the connection to a peer that only uploads and has nothing that it wants."""
    bench = super_seed()
    guest = bench.guest([], extended=True)
    ((_, payload),) = guest.heard(EXTENDED)
    assert not bencode.decode(payload[1:]).get(b"upload_only")
    guest.say(message(EXTENDED, payload=b"\0" + bencode.encode({"m": {"upload_only": 9}})))
    bench.act(bench.payload.seed_mode.ask, False)
    bench.run(1)
    assert guest.heard(EXTENDED) == [(EXTENDED, bytes([9, 1]))]


def test_when_it_ends_every_peer_is_told_of_everything() -> None:
    bench = super_seed()
    fast, plain = bench.leech(), bench.leech(fast=False)
    bench.run(2)
    bench.act(bench.payload.seed_mode.ask, False)
    bench.run(1)
    for guest in (fast, plain):
        assert set(offered(guest)) == set(range(COUNT))
        ask(guest, 3, 7)
        assert {each[1] for each in guest.heard(PIECE)} == {3, 7}
    assert not bench.status.super_seeding
    assert bench.reasons == []
    bench.run(3)
    assert offered(fast) == []
    assert bench.guest([]).heard(HAVE_ALL)


def test_it_ends_for_good_when_a_peer_has_everything() -> None:
    bench = super_seed()
    guest = bench.leech()
    offered(guest)
    bench.seed()
    bench.run(1)
    assert set(offered(guest)) == set(range(COUNT))
    assert not bench.torrent.super_seeding
    assert not bench.status.super_seeding


def test_the_seed_that_ends_it_may_have_come_piece_by_piece() -> None:
    bench = super_seed()
    one, other = bench.leech(), bench.leech()
    for index in range(COUNT):
        other.say(message(HAVE, index), seconds=0.05)
    assert not bench.status.super_seeding
    bench.run(2)
    assert set(offered(one)) == set(range(COUNT))


def test_it_begins_with_new_connections() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    assert guest.heard(HAVE_ALL)
    bench.act(bench.payload.seed_mode.ask, True)
    bench.run(1)
    assert guest.closed
    assert bench.reasons == ["super-seeding begins, and the peer knows what we have"]
    again = bench.leech()
    assert again.heard(HAVE_NONE, HAVE_ALL) == [(HAVE_NONE,)]


def test_a_download_super_seeds_when_it_is_complete_unless_another_seed_is_there() -> None:
    bench = Bench(super_seeding=True)
    assert bench.torrent.super_seeding
    assert not bench.status.super_seeding
    half, rest = bench.guest(range(6)), bench.guest(range(6, COUNT))
    for guest in (half, rest):
        guest.say(message(UNCHOKE))
        guest.serve()
    bench.run(1)
    assert bench.status.seed
    assert bench.status.super_seeding
    assert half.closed
    assert rest.closed

    bench = Bench(super_seeding=True)
    bench.seed().serve()
    bench.run(1)
    assert bench.status.seed
    assert bench.leech().heard(HAVE_ALL)


def test_a_lost_piece_ends_it_until_the_piece_is_there_again() -> None:
    bench = super_seed()
    guest, _ = bench.leech(), bench.leech()
    guest.heard()
    bench.act(bench.payload.pieces.lose, [4])
    bench.act(bench.payload.pieces.changed)
    bench.run(2)
    assert not bench.status.super_seeding
    assert bench.torrent.super_seeding
    assert set(offered(guest)) | {4} == set(range(COUNT))


def test_an_offered_piece_that_could_not_be_read_is_told_again_when_it_can() -> None:
    bench = super_seed()
    guest, other = bench.leech(), bench.leech()
    index, _ = offered(guest)
    offered(other)
    bench.act(bench.payload.pieces.load_failed, index, StorageError("a cable", "x", errno.EIO))
    bench.run(2)
    assert offered(guest) == [index]
    assert offered(other) == []
    ask(guest, index)
    assert guest.heard(PIECE)


def test_a_peer_that_wants_nothing_is_offered_nothing() -> None:
    bench = super_seed()
    partial = bench.guest(None, extended=True)
    partial.say(message(EXTENDED, payload=b"\0" + bencode.encode({"m": {}, "upload_only": 1})))
    bench.run(3)
    assert offered(partial) == []


def test_peers_that_say_nothing_or_lie_stop_nobody_and_cost_no_memory() -> None:
    """Twenty that ask for nothing, and two that say at once that they have what they were offered, but for a piece."""
    bench = super_seed(settings=Settings(upload_slots=4))
    silent = [bench.leech() for _ in range(20)]
    liars = [bench.leech() for _ in range(2)]
    honest = [bench.leech() for _ in range(2)]
    policy: Any = bench.payload.seed_mode._policy
    got: List[Set[int]] = [set(), set()]
    told: List[Set[int]] = [set(), set()]
    asked: List[Set[int]] = [set(), set()]
    while len(got[0] | got[1]) < COUNT:
        for guest in (*silent, *honest):
            guest.say(bytes(4), seconds=0)
        for liar, its in zip(liars, told):
            its.update(offered(liar))
            for index in sorted(its)[:10]:
                liar.say(message(HAVE, index), seconds=0)
        for guest, mine, its in zip(honest, got, asked):
            heard = guest.heard()
            its.update([each[1] for each in heard if each[0] == HAVE])
            mine.update([each[1] for each in heard if each[0] == PIECE])
            if (UNCHOKE,) in heard:
                guest.say(*[message(REQUEST, *block) for index in its - mine for block in blocks_of(index)], seconds=0)
            for each in honest:
                each.say(*[message(HAVE, index) for index in mine], seconds=0)
        bench.run(1)
        assert len(policy._pieces) <= 24 * FEW
        assert sum(len(offers.had_since) for offers in policy._peers.values()) <= 24 * FEW
        assert bench.world.now < 600, "the turns of all of them"
    assert set(bench.reasons) <= {"both are seeds"}
