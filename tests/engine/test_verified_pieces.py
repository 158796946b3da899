"""Which pieces are there: after hash checks, losses and changed priorities; and which files are told."""

from __future__ import annotations

import errno
from typing import Any, List, Tuple

import pytest
from support.bench import BLOCK, COUNT, PIECE_LENGTH, SIZE, TRACKER, Bench, blocks_of, torrent_of

from bittorrent_threads import events
from bittorrent_threads.disk.file import Wrong
from bittorrent_threads.engine.checks import Check
from bittorrent_threads.testing.peer_messages import HAVE, NOT_INTERESTED, UNCHOKE, message
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.torrent import make_torrent

FILES = (("first", 2 * PIECE_LENGTH), ("second", 3 * PIECE_LENGTH + 100), ("third", SIZE - 5 * PIECE_LENGTH - 100))


def check(bench: Bench, *indexes: int) -> None:
    """The user wants these pieces hashed; all is done when this returns."""
    done: List[Check] = []
    bench.act(bench.payload.hashcheck, indexes or range(COUNT), done.append)
    bench.until(lambda: bool(done))
    bench.run(0.1)


def test_completion_is_told_once() -> None:
    bench = Bench(torrent_of(files=FILES))
    bench.seed().serve()
    bench.run(5)
    assert len(bench.seen(events.Completed)) == 1
    assert bench.status.complete
    assert bench.status.seed
    assert bench.status.left == 0
    check(bench)
    assert len(bench.seen(events.Completed)) == 1


def test_completion_was_before_us() -> None:
    bench = Bench(have=range(COUNT))
    assert bench.status.complete
    check(bench)
    assert len(bench.seen(events.Completed)) == 1


def test_seeds_part_when_a_check_finds_what_was_not_even_wanted() -> None:
    bench = Bench(torrent_of(files=FILES), have=[0, 1])
    bench.act(bench.payload.set_priorities, [1, 0, 0])
    seed = bench.seed()
    assert bench.status.complete
    assert not seed.closed
    bench.files.pieces |= set(range(COUNT))
    check(bench)
    assert bench.payload.have.full
    assert seed.closed


def test_files_are_told_when_their_last_piece_is_there() -> None:
    bench = Bench(torrent_of(files=FILES))
    seed = bench.seed()
    asked = seed.requests()
    seed.give(*[block for block in asked if block[0] in (0, 1, 2, 3, 4)])
    assert [(event.index, event.path) for event in bench.seen(events.FileCompleted)] == [
        (0, "downloads/simulated/first")
    ]
    seed.give(*[block for block in asked if block[0] == 5])
    assert [event.index for event in bench.seen(events.FileCompleted)] == [0, 1]
    seed.give(*[block for block in asked if block[0] > 5])
    assert [event.index for event in bench.seen(events.FileCompleted)] == [0, 1, 2]


SMALL_FILES = (("first", 2 * PIECE_LENGTH + 5), ("within", 7), ("third", SIZE - 2 * PIECE_LENGTH - 12))
"""Piece 2 has a byte of all three."""


def told(bench: Bench) -> List[int]:
    """The files told as complete, in that order."""
    return [event.index for event in bench.seen(events.FileCompleted)]


def test_an_unwanted_file_is_told_when_it_is_wanted_and_made() -> None:
    bench = Bench(torrent_of(files=SMALL_FILES), state="stopped")
    bench.act(bench.payload.set_priorities, [1, 0, 0])
    bench.set_state("active")
    bench.seed().serve()
    assert bench.status.complete
    assert list(bench.payload.have.indexes()) == [0, 1, 2]
    assert told(bench) == [0]
    bench.disk.seek_time = 1.0
    bench.act(bench.payload.set_priorities, [1, 1, 0])
    bench.run(0.5)
    assert told(bench) == [0], "it is being moved"
    bench.run(2)
    assert told(bench) == [0, 1]
    bench.act(bench.payload.set_priorities, [1, 0, 0])
    bench.act(bench.payload.set_priorities, [1, 1, 0])
    bench.run(5)
    assert told(bench) == [0, 1]


def test_a_file_made_before_is_told_though_it_is_not_wanted_any_more() -> None:
    bench = Bench(torrent_of(files=SMALL_FILES))
    bench.act(bench.payload.set_priorities, [1, 0, 0])
    bench.seed().serve()
    assert bench.status.complete
    assert not bench.status.seed
    assert sorted(told(bench)) == [0, 1]


@pytest.mark.parametrize("checked", [False, True], ids=["started", "checked before"])
def test_files_that_were_there_are_told_at_the_start_wanted_or_not(checked: bool) -> None:
    bench = Bench(torrent_of(files=SMALL_FILES), have=range(COUNT), state="stopped")
    bench.act(bench.payload.set_priorities, [1, 0, 1])
    if checked:
        check(bench)
        assert told(bench) == [0, 1, 2]
    bench.set_state("active")
    bench.run(1)
    assert told(bench) == [0, 1, 2]
    bench.set_state("stopped")
    bench.set_state("active")
    bench.run(1)
    assert told(bench) == [0, 1, 2], "once"


def parted(bench: Bench, *files: int) -> None:
    """Have what there is of these files be in the part file."""
    storage: Any = bench.payload.storage
    check_files = storage.check_files
    storage.check_files = lambda deliver: check_files(
        lambda checked_files: deliver(checked_files._replace(parted=files))
    )


def test_files_that_only_the_part_file_has_are_not_told_before_they_are_made() -> None:
    bench = Bench(torrent_of(files=SMALL_FILES), have=range(COUNT), state="stopped")
    parted(bench, 0, 1)
    bench.act(bench.payload.set_priorities, [1, 0, 1])
    bench.disk.write_errno = errno.ENOSPC
    bench.set_state("active")
    bench.run(1)
    assert bench.seen(events.StorageFailed)
    assert told(bench) == [2]
    bench.disk.write_errno = 0
    bench.run(bench.settings.disk_retry_interval + 1)
    assert bench.seen(events.StorageRecovered)
    assert told(bench) == [2, 0]


# -- blame -------------------------------------------------------------------------------------------------------------


# -- hash checks -------------------------------------------------------------------------------------------------------


def test_a_check_finds_what_somebody_else_put_there() -> None:
    bench = Bench()
    seed, leech = bench.guest([3, 4]), bench.guest([5])
    leech.heard()
    seed.heard()
    bench.files.pieces |= {3, 4}
    check(bench)
    assert list(bench.payload.have.indexes()) == [3, 4]
    assert leech.heard(HAVE) == [(HAVE, 3), (HAVE, 4)]
    bench.run(1.2)
    assert seed.heard(NOT_INTERESTED)
    assert [event.index for event in bench.seen(events.PiecePassed)] == [3, 4]
    assert len(bench.seen(events.PieceFailed)) == COUNT - 2


def test_a_check_takes_back_what_is_damaged() -> None:
    bench = Bench(torrent_of(files=FILES), have=range(COUNT))
    guest = bench.guest(range(COUNT - 1))
    guest.say(message(UNCHOKE))
    guest.heard()
    bench.files.pieces -= {1}
    bench.files.damaged |= {1}
    check(bench)
    assert not bench.payload.have[1]
    assert not bench.status.complete
    assert [event.index for event in bench.seen(events.PieceFailed)] == [1]
    assert guest.closed, "nothing else takes a HAVE back"
    bench.files.damaged.clear()
    guest = bench.guest(range(COUNT - 1))
    guest.say(message(UNCHOKE))
    assert guest.serve() == blocks_of(1)
    assert [event.index for event in bench.seen(events.FileCompleted)][-1] == 0
    assert len(bench.seen(events.Completed)) == 2


def test_a_piece_found_while_it_is_fetched_is_not_asked_for_any_more() -> None:
    bench = Bench()
    seed = bench.seed()
    asked = seed.requests()
    assert set(blocks_of(6)) <= set(asked)
    bench.files.pieces.add(6)
    check(bench, 6)
    cancelled = [each[1:] for each in seed.heard(8)]
    assert sorted(cancelled) == blocks_of(6)
    seed.give(*blocks_of(6))
    assert bench.status.wasted == PIECE_LENGTH
    assert not seed.closed


@pytest.mark.parametrize("have", [(), (COUNT - 1,), (0, COUNT - 1), range(COUNT)])
def test_what_is_left_is_exact(have: range) -> None:
    bench = Bench(have=have)
    assert bench.status.left == SIZE - sum(length for _, _, length in blocks_of(*have))


def test_what_trackers_are_told_counts_what_is_not_wanted() -> None:
    bench = Bench(torrent_of(files=FILES), have=[0])
    bench.act(bench.payload.set_priorities, [1, 0, 0])
    assert bench.status.left == PIECE_LENGTH
    assert bench.payload.pieces.left == SIZE - PIECE_LENGTH
    assert bench.payload.pieces.complete is False
    assert BLOCK < PIECE_LENGTH


def test_a_piece_that_is_found_wrong_takes_complete_back_before_anybody_hears_of_it() -> None:
    bench = Bench(have=range(COUNT))
    seen: List[Tuple[bool, bool]] = []

    def noted(event: events.Event) -> None:
        if isinstance(event, events.StorageFailed):
            seen.append((bench.torrent.status.complete, bench.torrent.status.seed))

    bench.dispatch(Recorder(noted))
    assert bench.torrent.status.seed
    bench.act(
        bench.payload.pieces.load_failed,
        1,
        Wrong("was changed", bench.payload.paths.path(0), errno.ESTALE),
    )
    assert seen[0] == (False, False)


def test_of_a_torrent_of_no_bytes_nothing_is_left() -> None:
    bench = Bench(make_torrent(files=[("empty", 0)], trackers=[TRACKER]))
    assert bench.status.complete
    assert bench.status.seed
    assert bench.status.left == bench.payload.pieces.left == 0
    (announce,) = bench.tracker.announces
    assert announce.fields["left"] == b"0"
    assert not bench.seen(events.InternalFailed)
