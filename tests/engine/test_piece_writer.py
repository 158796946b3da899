"""Finished pieces on their way to the disk, what its answers set off, and who is blamed for bad data."""

from __future__ import annotations

import errno
from typing import Any, List

import pytest
from support.bench import BLOCK, COUNT, PIECE_LENGTH, SIZE, TRACKER, Bench, blocks_of, torrent_of

from bittorrent_threads import events
from bittorrent_threads.engine import piece_writer
from bittorrent_threads.engine.piece_writer import SAVE_BYTES
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import HAVE, UNCHOKE, message
from bittorrent_threads.testing.simulation.recorder import Recorder

FILES = (("first", 2 * PIECE_LENGTH), ("second", 3 * PIECE_LENGTH + 100), ("third", SIZE - 5 * PIECE_LENGTH - 100))


def test_first_the_bit_then_the_peers_then_the_tracker_then_the_user() -> None:
    bench = Bench(torrent_of(TRACKER), have=range(1, COUNT))
    seed, leech = bench.seed(), bench.guest([1])
    leech.heard()
    told: List[str] = []

    def publish(event: events.Event) -> None:
        if isinstance(event, (events.PiecePassed, events.Completed)):
            tracker = any("event=completed" in url for url in bench.lookups.urls)
            (peer,) = [peer for peer in bench.payload.exchange if not peer.bits.full]
            waiting = peer.stream.backlog
            told.append(f"{type(event).__name__} {bench.payload.have.full} {waiting > 0} {tracker}")

    bench.dispatch(Recorder(publish))
    seed.serve()
    assert told == ["Completed True True True", "PiecePassed True True True"]
    assert (HAVE, 0) in leech.heard()


def test_a_finished_piece_is_saved_and_counted() -> None:
    bench = Bench()
    seed = bench.seed()
    asked = seed.requests()
    first, last = asked[0][0], COUNT - 1
    seed.give(*[block for block in asked if block[0] in (first, last)])
    assert bench.files.pieces == {first, last} == set(bench.payload.have.indexes())
    assert bench.status.left == SIZE - PIECE_LENGTH - 20_000 == bench.payload.pieces.left
    assert {event.index for event in bench.seen(events.PiecePassed)} == {first, last}
    assert bench.payload.file_check.under_way is False


def test_a_peer_is_asked_again_when_the_disk_has_caught_up() -> None:
    bench = Bench(settings=Settings(piece_memory=4 * PIECE_LENGTH))
    bench.disk.seek_time = 0.3
    seed = bench.seed()
    asked = seed.requests()
    assert len({index for index, _, _ in asked}) == 4
    seed.give(*asked)
    assert seed.requests() == []
    bench.run(0.7)  # two jobs
    assert seed.requests(), "though it sent nothing that would have it asked"


def test_pieces_that_finish_together_are_one_job() -> None:
    bench = Bench()
    seed = bench.seed()
    jobs = bench.jobs("save")
    seed.serve()
    assert sum(map(len, jobs)) == COUNT
    assert len(jobs) < COUNT
    assert SAVE_BYTES >= COUNT * PIECE_LENGTH


def test_pieces_that_finish_while_the_disk_is_busy_wait_until_they_are_worth_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(piece_writer, "LEAST_SAVE", 2 * PIECE_LENGTH)
    bench = Bench(settings=Settings(disk_threads=1))
    bench.disk.seek_time = 5.0
    seed = bench.seed()
    jobs = bench.jobs("save")
    for index, made in enumerate([[1], [1], [1, 2], [1, 2], [1, 2], [1, 2]]):
        seed.give(*blocks_of(index))
        assert [*map(len, jobs)] == made, "no more jobs than workers and one"
    bench.run(5)
    assert [*map(len, jobs)] == [1, 2, 3]
    bench.run(10)
    assert bench.payload.have.count == 6


def test_a_piece_that_is_worth_no_job_waits_for_one_only() -> None:
    bench = Bench()
    bench.disk.seek_time = 5.0
    seed = bench.seed()
    jobs = bench.jobs("save")
    for index in range(2):
        seed.give(*blocks_of(index))
    assert [*map(len, jobs)] == [1]
    bench.run(5)
    assert [*map(len, jobs)] == [1, 1]


# -- blame -------------------------------------------------------------------------------------------------------------


def test_a_piece_that_fails_is_told_blamed_and_asked_of_another() -> None:
    bench = Bench(have=range(1, COUNT))
    liar = bench.guest([0])
    liar.say(message(UNCHOKE))
    (peer,) = bench.payload.exchange
    address = peer.address
    liar.serve(wrong=True)
    (failed,) = bench.seen(events.PieceFailed)
    assert (failed.index, failed.peers) == (0, (address,))
    assert [banned.address for banned in bench.seen(events.PeerBanned)] == [address]
    assert not bench.payload.have[0]
    assert bench.status.wasted == 0
    honest = bench.guest([0])
    honest.say(message(UNCHOKE))
    assert honest.serve() == blocks_of(0)
    assert bench.payload.have.full
    assert not honest.closed


STRIPED = Settings(piece_memory=4 * BLOCK)
"""So little that a piece is written block by block, and hashed when all are on disk."""


@pytest.mark.parametrize("settings", [Settings(), STRIPED], ids=["whole", "striped"])
def test_of_two_senders_only_the_one_that_lied_is_banned(settings: Settings) -> None:
    bench = Bench(have=range(1, COUNT), settings=settings.replace(min_requests=1))
    one, other = bench.guest([0]), bench.guest([0])
    one.say(message(UNCHOKE))
    other.say(message(UNCHOKE))
    (asked_one,), (asked_other,) = one.requests(), other.requests()
    assert {asked_one, asked_other} == set(blocks_of(0))
    one.give(asked_one, wrong=True)
    other.give(asked_other)
    (failed,) = bench.seen(events.PieceFailed)
    assert len(failed.peers) == 2
    assert not bench.seen(events.PeerBanned)
    for _ in range(6):
        bench.run(1)
        one.serve(wrong=True)
        other.serve()
    assert bench.payload.have.full
    assert one.closed
    assert "bad data" in bench.reasons[0]
    assert len(bench.seen(events.PeerBanned)) == 1


def test_a_piece_that_failed_is_compared_by_a_worker() -> None:
    bench = Bench(have=range(1, COUNT), settings=Settings(min_requests=1))
    one, other = bench.guest([0]), bench.guest([0])
    for guest in (one, other):
        guest.say(message(UNCHOKE))
    one.give(*one.requests(), wrong=True)
    other.give(*other.requests())
    third = bench.guest([0])
    compared: List[Any] = []
    save = bench.payload.storage.save

    def noted(pieces: Any, deliver: Any, **options: Any) -> None:
        compared.append(options)
        save(pieces, deliver, **options)

    bench.payload.storage.save = noted  # type: ignore[method-assign]
    third.say(message(UNCHOKE))
    third.serve()
    assert compared == [{"compared": [0]}]
    assert [banned.address for banned in bench.seen(events.PeerBanned)] == [bench.seen(events.PeerClosed)[0].address]


def test_a_striped_piece_whose_blocks_cannot_be_read_again_accuses_nobody() -> None:
    bench = Bench(have=range(1, COUNT), settings=STRIPED.replace(min_requests=1))
    one, other = bench.guest([0]), bench.guest([0])
    for guest in (one, other):
        guest.say(message(UNCHOKE))
    bench.payload.storage.fingerprint = lambda index, deliver: deliver(b"")  # type: ignore[method-assign]
    one.give(*one.requests(), wrong=True)
    other.give(*other.requests())
    assert len(bench.seen(events.PieceFailed)) == 1
    third = bench.guest([0])
    third.say(message(UNCHOKE))
    third.serve()
    assert bench.payload.have.full
    assert not bench.seen(events.PeerBanned)


def test_a_piece_too_large_for_the_memory_that_is_wrong_on_disk_is_blamed() -> None:
    bench = Bench(have=range(1, COUNT), settings=STRIPED)
    liar = bench.guest([0])
    liar.say(message(UNCHOKE))
    liar.serve(wrong=True)
    assert [failed.index for failed in bench.seen(events.PieceFailed)] == [0]
    assert len(bench.seen(events.PeerBanned)) == 1
    assert not bench.seen(events.StorageFailed)


def test_nobody_is_blamed_for_one_that_cannot_be_read_from_the_disk() -> None:
    bench = Bench(have=range(1, COUNT), settings=STRIPED)
    seed = bench.guest([0])
    seed.say(message(UNCHOKE))
    bench.disk.read_errno = errno.EIO
    seed.serve()
    assert [failed.errno for failed in bench.seen(events.StorageFailed)] == [errno.EIO]
    assert not bench.seen(events.PeerBanned)
    assert not bench.seen(events.PieceFailed)
    assert not bench.payload.have[0]
    bench.disk.read_errno = 0
    for _ in range(30):
        bench.run(1)
        seed.serve()
    assert bench.payload.have.full
    assert not seed.closed


# -- hash checks -------------------------------------------------------------------------------------------------------


def test_a_piece_found_while_it_is_written_is_counted_once() -> None:
    bench = Bench(torrent_of(files=FILES))
    bench.disk.seek_time = 1.0
    seed = bench.seed()
    leech = bench.guest([5])
    leech.heard()
    seed.requests()
    seed.give(*blocks_of(0))
    assert bench.engine.memory.reserved == bench.payload.metainfo.total_size
    assert not bench.payload.have[0]
    bench.act(bench.payload.pieces.trust, [0])
    bench.run(3)
    assert bench.payload.have[0]
    assert bench.files.pieces == {0}
    assert leech.heard(HAVE) == [(HAVE, 0)]
    assert not bench.seen(events.FileCompleted)
    seed.give(*blocks_of(1))
    bench.run(3)
    assert [event.index for event in bench.seen(events.FileCompleted)] == [0]
