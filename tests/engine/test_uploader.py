"""What one peer is sent: which requests are filled, which rejected, and how much is read ahead."""

from __future__ import annotations

import errno
from typing import Any, Set

import pytest
from support.bench import BLOCK, COUNT, MOMENT, PIECE_LENGTH, Bench, blocks_of

from bittorrent_threads import events
from bittorrent_threads.disk.results import Loaded
from bittorrent_threads.engine import uploader
from bittorrent_threads.engine.uploader import LEAST_WATER
from bittorrent_threads.errors import StorageError
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm import message_quota
from bittorrent_threads.testing.peer_messages import (
    ALLOWED_FAST,
    CANCEL,
    CHOKE,
    HAVE,
    INTERESTED,
    NOT_INTERESTED,
    PIECE,
    REJECT,
    REQUEST,
    UNCHOKE,
    message,
)
from bittorrent_threads.testing.simulation.link import WINDOW


def ask(*blocks: tuple[int, int, int]) -> bytes:
    """Requests for these blocks."""
    return b"".join(message(REQUEST, *block) for block in blocks)


ENOUGH = range(10)
"""Pieces of a peer that is granted none while it is choked."""


def slow_bench() -> Bench:
    """A seed whose disk needs a second for each read."""
    bench = Bench(have=range(COUNT))
    bench.disk.seek_time = 1.0
    return bench


@pytest.mark.parametrize("fast", [True, False])
def test_what_is_asked_for_is_sent(fast: bool) -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech(fast=fast)
    asked = [(3, 0, BLOCK), (3, BLOCK, BLOCK), (11, BLOCK, 20_000 - BLOCK), (0, 100, 7)]
    guest.heard()
    guest.say(ask(*asked))
    content = bench.content.content
    # Two workers read: a short one may overtake a long one.
    assert sorted(guest.heard()) == [
        (PIECE, index, begin, content.read(index * PIECE_LENGTH + begin, length))
        for index, begin, length in sorted(asked)
    ]


class Away:
    """A disk that cannot read some pieces."""

    def __init__(self, bench: Bench) -> None:
        self.broken: Set[int] = set()
        storage: Any = bench.payload.storage
        self._load, storage.load = storage.load, self._loaded

    def _loaded(self, spans: Any, deliver: Any) -> None:
        error = StorageError("is broken", "simulated", errno.EIO)
        self._load(spans, lambda answers: deliver([self._broken(each, error) for each in answers]))

    def _broken(self, loaded: Loaded, error: StorageError) -> Loaded:
        return loaded._replace(data=b"", error=error) if loaded.index in self.broken else loaded


def test_the_network_does_not_rest_while_the_disk_reads_for_a_peer() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    before = bench.network.rests_skipped
    guest.say(ask((3, 0, BLOCK), (7, 0, BLOCK)))
    assert bench.network.rests_skipped == before + 1
    guest.say(ask((COUNT, 0, BLOCK)))
    assert bench.network.rests_skipped == before + 1


def test_neighbours_are_one_read_and_short_reads_one_job() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    jobs = bench.jobs("load")
    guest.say(ask(*blocks_of(1, 2)))
    assert jobs == [((1, 0, PIECE_LENGTH), (2, 0, PIECE_LENGTH))]
    assert bench.disk.loaded == 2 * PIECE_LENGTH
    assert bench.disk.most_busy_jobs == 1
    assert len(guest.heard(PIECE)) == 4


def test_a_job_is_no_longer_than_is_worth_the_hop_between_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploader, "LEAST_READ", PIECE_LENGTH + 1)
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    jobs = bench.jobs("load")
    guest.say(ask(*blocks_of(1, 3, 5, 7)))
    assert [[index for index, _, _ in job] for job in jobs] == [[1, 3], [5, 7]]
    assert len(guest.heard(PIECE)) == 8


def test_of_one_job_only_what_cannot_be_read_is_rejected() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    away = Away(bench)
    away.broken = {3}
    guest.say(ask((1, 0, BLOCK), (3, 0, BLOCK), (5, 0, BLOCK)))
    heard = guest.heard(PIECE, REJECT)
    assert [each[:2] for each in heard] == [(REJECT, 3), (PIECE, 1), (PIECE, 5)], "the blocks of a job leave together"


@pytest.mark.parametrize(("fast", "answer"), [(True, [(REJECT, 5, 0, BLOCK)]), (False, [])])
def test_what_we_do_not_have_is_rejected(fast: bool, answer: list[object]) -> None:
    guest = Bench(have=range(5)).leech([6], fast=fast)
    guest.say(ask((5, 0, BLOCK)))
    assert guest.heard(PIECE, REJECT) == answer
    assert not guest.closed


@pytest.mark.parametrize(("fast", "answer"), [(True, [(REJECT, 5, 0, BLOCK)]), (False, [])])
def test_who_is_choked_gets_nothing(fast: bool, answer: list[object]) -> None:
    guest = Bench(have=range(COUNT)).guest(ENOUGH, fast=fast)
    guest.say(ask((5, 0, BLOCK)))
    assert guest.heard(PIECE, REJECT) == answer
    assert not guest.closed


@pytest.mark.parametrize("fast", [True, False])
def test_a_choke_forgets_what_was_not_read_yet(fast: bool) -> None:
    bench = slow_bench()
    guest = bench.leech(ENOUGH, fast=fast)
    asked = blocks_of(*range(COUNT))
    guest.say(ask(*asked))
    guest.heard()
    (peer,) = bench.payload.exchange
    bench.act(peer.choke)
    bench.run(30)
    heard = guest.heard()
    sent = [(index, begin, len(data)) for kind, index, begin, data in (each for each in heard if each[0] == PIECE)]
    rejected = [each[1:] for each in heard if each[0] == REJECT]
    assert heard[0] == (CHOKE,)
    assert 0 < len(sent) * BLOCK <= LEAST_WATER
    assert sorted(sent + rejected) == (asked if fast else sorted(sent))


@pytest.mark.parametrize("fast", [True, False])
def test_a_request_taken_back_is_not_filled(fast: bool) -> None:
    bench = slow_bench()
    guest = bench.leech(fast=fast)
    asked = blocks_of(*range(6))
    guest.say(ask(*asked))
    last = asked[-1]
    guest.heard()
    guest.say(message(CANCEL, *last))
    assert guest.heard() == ([(REJECT, *last)] if fast else [])
    bench.run(20)
    sent = [each[1:3] for each in guest.heard(PIECE)]
    assert sorted(sent) == [block[:2] for block in asked[:-1]]


def test_what_comes_in_one_read_is_taken_in_its_order() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    guest.heard()
    guest.say(ask((0, 0, BLOCK), (1, 0, BLOCK)) + message(CANCEL, 0, 0, BLOCK) + ask((2, 0, BLOCK)))
    assert sorted(each[:3] for each in guest.heard()) == [(PIECE, 1, 0), (PIECE, 2, 0), (REJECT, 0, 0)]


@pytest.mark.parametrize("fast", [True, False])
def test_a_request_taken_back_while_the_disk_reads_is_not_filled(fast: bool) -> None:
    bench = slow_bench()
    guest = bench.leech(fast=fast)
    guest.heard()
    guest.say(ask(*blocks_of(4)))
    guest.say(message(CANCEL, 4, 0, BLOCK))
    guest.say(message(CANCEL, 4, 0, BLOCK))
    bench.run(2)
    heard = [each[:3] for each in guest.heard()]
    assert heard == ([(REJECT, 4, 0)] if fast else []) + [(PIECE, 4, BLOCK)]
    guest.say(ask((4, 0, BLOCK)), seconds=2)
    assert [each[:3] for each in guest.heard()] == [(PIECE, 4, 0)]


def test_of_a_job_whose_requests_were_all_taken_back_nothing_is_sent() -> None:
    bench = slow_bench()
    guest = bench.leech()
    guest.heard()
    bench.disk.read_errno = errno.EIO
    guest.say(ask((4, 0, BLOCK)), message(CANCEL, 4, 0, BLOCK), seconds=2)
    assert [each[:3] for each in guest.heard()] == [(REJECT, 4, 0)], "it is rejected once"


@pytest.mark.parametrize("fast", [True, False])
def test_a_block_that_waits_to_be_sent_is_taken_back(fast: bool) -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech(fast=fast)
    guest.heard()
    assert guest.stream is not None
    guest.stream.pause()
    asked = blocks_of(*range(COUNT))
    guest.say(ask(*asked), seconds=5)
    (peer,) = bench.payload.exchange
    backlog = peer.stream.backlog
    assert backlog > 3 * BLOCK
    *_, last = peer.uploader._sending
    bench.act(lambda: peer.uploader.cancel(*last))
    assert peer.stream.backlog == backlog - 13 - last[2] + (17 if fast else 0)
    bench.act(lambda: peer.uploader.cancel(*asked[0]))
    guest.stream.resume()
    bench.run(10)
    heard = guest.heard(PIECE, REJECT)
    assert [each[1:3] for each in heard if each[0] == REJECT] == ([last[:2]] if fast else []), "the first was sent"
    sent = sorted(each[1:3] for each in heard if each[0] == PIECE)
    assert sent == sorted(block[:2] for block in asked if block != last)
    assert bench.status.uploaded == sum(block[2] for block in asked if block != last)


def test_no_more_requests_wait_than_we_said() -> None:
    guest = Bench(have=range(COUNT), settings=Settings(reqq=3)).guest(extended=True)
    assert guest.extension_handshake()[b"reqq"] == 3
    guest.say(message(INTERESTED))
    guest.say(ask(*blocks_of(0, 1, 2)))
    heard = guest.heard(PIECE, REJECT)
    assert [each[1:] for each in heard if each[0] == REJECT] == blocks_of(0, 1, 2)[3:]
    assert sum(1 for each in heard if each[0] == PIECE) == 3


def test_no_more_is_read_than_the_peer_takes() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    assert guest.stream is not None
    guest.stream.pause()
    for _ in range(3):
        guest.say(ask(*blocks_of(*range(COUNT))), seconds=5)
    (peer,) = bench.payload.exchange
    assert peer.stream.backlog <= LEAST_WATER + 13 * 8
    assert len(peer.uploader) > 0
    loaded = bench.disk.loaded
    bench.run(30)
    assert bench.disk.loaded == loaded <= WINDOW + LEAST_WATER
    guest.stream.resume()
    bench.run(5)
    assert len(peer.uploader) == 0
    assert bench.disk.loaded > loaded


def test_for_who_takes_much_more_is_read_ahead_in_a_moment() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    assert guest.stream is not None
    (peer,) = bench.payload.exchange
    for _ in range(3):
        guest.say(ask(*blocks_of(*range(COUNT))), seconds=0.02)
    guest.stream.pause()
    for _ in range(3):
        guest.say(ask(*blocks_of(*range(COUNT))), seconds=0.02)
    assert 2 * LEAST_WATER < peer.stream.backlog <= bench.torrent.settings.send_high_water


def test_a_paused_torrent_fills_nothing_and_a_started_one_goes_on() -> None:
    bench = Bench(have=range(COUNT), state="paused")
    guest = bench.leech(ENOUGH)
    guest.say(ask((0, 0, BLOCK)))
    assert guest.heard(UNCHOKE, PIECE) == []
    bench.set_state("active")
    guest.say(ask((0, 0, BLOCK)))
    assert [each[0] for each in guest.heard(UNCHOKE, PIECE)] == [UNCHOKE, PIECE]


def test_not_even_what_was_granted_is_sent_during_a_pause() -> None:
    bench = Bench(have=range(COUNT), state="paused")
    guest = bench.guest([])
    (_, granted), *_ = guest.heard(ALLOWED_FAST)
    guest.say(ask((granted, 0, BLOCK)))
    assert guest.heard(PIECE, REJECT) == [(REJECT, granted, 0, BLOCK)]
    bench.set_state("active")
    guest.say(ask((granted, 0, BLOCK)), seconds=1)
    assert [each[:3] for each in guest.heard(PIECE, REJECT)] == [(PIECE, granted, 0)]


def test_who_left_is_sent_nothing() -> None:
    bench = slow_bench()
    guest = bench.leech()
    guest.say(ask((0, 0, BLOCK)))
    guest.hang_up()
    bench.run(5)
    assert bench.status.uploaded == 0


@pytest.mark.parametrize("fast", [True, False])
def test_what_cannot_be_read_is_rejected_checked_and_not_served_meanwhile(fast: bool) -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech(fast=fast)
    guest.heard()
    bench.disk.read_errno = errno.EIO
    bench.disk.seek_time = 1.0
    guest.say(ask(*blocks_of(2)), seconds=1.1)
    bench.disk.read_errno = 0
    (failed,) = bench.seen(events.StorageFailed)
    assert (failed.errno, failed.retry_in, failed.reason) == (errno.EIO, 0.0, "Input/output error")
    assert bench.status.checking == 1
    guest.say(ask((2, 0, BLOCK)))
    assert guest.heard() == ([(REJECT, *block) for block in [*blocks_of(2), (2, 0, BLOCK)]] if fast else [])
    bench.run(2)
    assert bench.payload.have.full
    assert [event.index for event in bench.seen(events.PiecePassed)][-1] == 2
    guest.say(ask((2, 0, BLOCK)), seconds=2)
    assert [each[:3] for each in guest.heard()] == [(HAVE, 2), (PIECE, 2, 0)], "told anew, since it was refused"


def test_a_piece_that_is_lost_is_fetched_again() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    bench.disk.read_errno = errno.EIO
    guest.say(ask((2, 0, BLOCK)))
    assert not bench.payload.have[2]
    assert "Input/output error" in bench.status.stall
    bench.disk.read_errno = 0
    bench.files.pieces.discard(2)
    seed = bench.seed()
    assert seed.requests() == []
    assert not bench.seen(events.PieceFailed), "it may be right"
    bench.run(11)
    seed.serve()
    assert [event.index for event in bench.seen(events.PieceFailed)] == [2]
    assert bench.payload.have.full
    assert bench.seen(events.StorageRecovered)


def test_a_peer_that_asks_for_too_much_without_bep_6_is_closed() -> None:
    bench = Bench(have=range(COUNT), settings=Settings(reqq=3))
    guest = bench.leech(fast=False)
    guest.say(ask(*blocks_of(0, 1, 2)), message(NOT_INTERESTED), seconds=MOMENT)
    assert guest.closed
    assert bench.reasons == ["made more than 3 requests at once"]


def test_what_requests_cost_the_peer() -> None:
    bench = Bench(have=range(COUNT - 1), settings=Settings(reqq=40))
    bench.leech()
    (peer,) = bench.payload.exchange
    assert not peer.choked
    assert peer.uploader.add(blocks_of(0, 1)) == 0
    assert peer.uploader.add(blocks_of(0)) == pytest.approx(2 * message_quota.REFUSED_REQUEST), "they wait already"
    assert peer.uploader.add(blocks_of(COUNT - 1)) == pytest.approx(2 * message_quota.REFUSED_REQUEST), (
        "it is not there"
    )
    assert peer.uploader.add([(2, at, 1) for at in range(5)]) == pytest.approx(5 * message_quota.SMALL_REQUEST)
