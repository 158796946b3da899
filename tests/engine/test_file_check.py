"""Files that are gone or cannot be looked at: awaited, and neither made, fetched nor forgotten meanwhile."""

from __future__ import annotations

import errno
from typing import Any, Callable, List, Sequence, Tuple

import pytest
from support.bench import BLOCK, COUNT, PIECE_LENGTH, SIZE, Bench, ignored, torrent_of

from bittorrent_threads import events
from bittorrent_threads.disk.results import CheckedFiles
from bittorrent_threads.engine.checks import Check
from bittorrent_threads.errors import StorageError
from bittorrent_threads.testing.peer_messages import HAVE, INTERESTED, PIECE, REQUEST, UNCHOKE, message

FILES = (("first", 4 * PIECE_LENGTH + 5), ("second", SIZE - 4 * PIECE_LENGTH - 5))
"""Piece 4 has bytes of both."""
FIRST, SECOND = range(5), range(4, COUNT)


def gone(files: Sequence[Tuple[str, int]] = (), **fields: Any) -> Bench:
    """A torrent of which resume data says that all was there, started while nothing is."""
    bench = Bench(torrent_of(files=files), have=range(COUNT), state="stopped")
    bench.files.resume = bench.claim(range(COUNT), **fields)
    bench.files.pieces.clear()
    return bench


def failures(bench: Bench) -> List[Tuple[int, float]]:
    """Number and pause of each failure told."""
    return [(failed.errno, failed.retry_in) for failed in bench.seen(events.StorageFailed)]


def begin(bench: Bench) -> None:
    bench.set_state("active")
    bench.until(lambda: bench.torrent.lifecycle.live)


def test_no_snapshot_says_that_all_is_checked_before_it_is() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    refresh = bench.torrent.refresh
    seen: List[Tuple[bool, int]] = []

    def noted() -> None:
        refresh()
        status = bench.torrent.status
        seen.append((status.checking > 0, status.pieces_have))

    bench.torrent.refresh = noted  # type: ignore[method-assign]
    begin(bench)
    bench.run(5)
    assert seen[0] == (True, 0)
    assert seen[-1] == (False, COUNT)
    assert (False, 0) not in seen, "waiters for the end of the check would wake too early"


# -- gone --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [(), FILES])
def test_files_that_are_gone_are_not_fetched_again(files: Any) -> None:
    bench = gone(files)
    calls = bench.recorded("check")
    begin(bench)
    (failed,) = bench.seen(events.StorageFailed)
    assert failed.retry_in == 10
    assert "was there and is gone" in failed.reason
    assert (failed.path, failed.errno) == (bench.payload.paths.path(0), errno.ENOENT)
    assert ("and 1 more" in failed.reason) is bool(files)
    seed = bench.seed()
    bench.run(1000)
    assert failures(bench) == [(errno.ENOENT, pause) for pause in (10, 20, 40, 80, 160, 320, 600)]
    assert seed.requests() == []
    assert "was there and is gone" in bench.status.stall
    assert calls == []
    assert not bench.seen(events.PieceFailed)
    assert not bench.seen(events.StorageRecovered)
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(1)
    assert bench.seen(events.StorageRecovered)
    assert not bench.payload.storage_retry.on
    bench.seed().serve()
    assert bench.payload.have.full


def test_files_that_are_gone_stay_gone_over_a_restart_and_are_not_made_anew() -> None:
    bench = gone()
    resume = bench.files.resume
    calls = bench.recorded("prepare", "sync", "remember", "close")
    begin(bench)
    bench.run(100)
    bench.act(bench.payload.set_priorities, [2])
    bench.run(100)
    assert calls == []
    bench.reboot()
    assert failures(bench) == [(errno.ENOENT, 10)]
    assert bench.files.resume is resume
    seed = bench.seed()
    bench.run(60)
    assert seed.requests() == []
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(2)
    seed.serve()
    assert bench.payload.have.full


def test_files_that_come_back_as_they_were_are_believed() -> None:
    bench = gone(FILES)
    calls = bench.recorded("check")
    begin(bench)
    guest = bench.guest(range(COUNT - 1))
    guest.heard()
    bench.run(15)
    bench.files.pieces.update(range(COUNT))
    bench.run(20)
    assert bench.payload.have.full
    assert calls == []
    assert guest.heard(HAVE) == [(HAVE, index) for index in range(COUNT)]
    assert bench.seen(events.StorageRecovered)
    assert not bench.payload.storage_retry.on
    assert {event.index for event in bench.seen(events.FileCompleted)} == {0, 1}
    assert not bench.seen(events.PieceFailed)
    assert not bench.seen(events.HashcheckFinished)


def test_pieces_that_are_not_whole_go_on_when_their_file_is_back() -> None:
    bench = Bench(have=range(3), state="stopped")
    bench.files.store_block(3, 0, bench.files.read(3, 0, BLOCK))
    bench.files.resume = bench.claim(range(3), unfinished=((3, b"\x80"),), clean=True)
    storage: Any = bench.payload.storage
    check_files = storage.check_files
    storage.check_files = lambda deliver: check_files(lambda found: deliver(CheckedFiles((), None, (None,))))
    begin(bench)
    bench.set_state("stopped")
    bench.set_state("active")
    assert len(failures(bench)) == 2
    storage.check_files = check_files
    bench.run(30)
    guest = bench.guest([3])
    guest.say(message(UNCHOKE))
    assert guest.serve() == [(3, BLOCK, BLOCK)]
    assert bench.payload.have.count == 4


def test_a_file_that_is_back_is_used_before_the_other() -> None:
    bench = gone(FILES)
    begin(bench)
    bench.files.pieces.update(FIRST)
    bench.files.pieces.discard(4)
    storage: Any = bench.payload.storage
    check_files = storage.check_files

    def without_second(deliver: Any) -> None:
        check_files(lambda found: deliver(found._replace(files=(found.files[0], None))))

    storage.check_files = without_second
    bench.run(15)
    assert list(bench.payload.have.indexes()) == [0, 1, 2, 3]
    assert bench.payload.unreadable
    assert [event.index for event in bench.seen(events.FileCompleted)] == []
    storage.check_files = check_files
    bench.files.pieces.update(SECOND)
    bench.run(30)
    assert bench.payload.have.full
    assert not bench.payload.unreadable


@pytest.mark.parametrize("how", ["waiting", "started again", "checked"])
def test_another_file_in_the_place_is_not_taken_before_somebody_says_so(how: str) -> None:
    bench = gone()
    calls = bench.recorded("prepare")
    begin(bench)
    bench.files.version += 1
    bench.files.pieces.update(range(COUNT - 1))
    bench.files.damaged.add(COUNT - 1)
    seed = bench.seed()
    bench.run(100)
    assert bench.payload.have.empty
    assert seed.requests() == []
    assert calls == []
    assert failures(bench)[-1][0] == errno.ESTALE
    assert "is another file than before" in bench.status.error
    if how == "waiting":
        return
    if how == "started again":
        bench.set_state("stopped")
        bench.set_state("active")
        seed = bench.seed()
    else:
        bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(1)
    assert bench.payload.have.count == COUNT - 1, "hashed, as at any start"
    seed.serve()
    assert bench.payload.have.full
    assert bench.status.error == ""


def test_a_start_looks_at_once() -> None:
    bench = gone()
    begin(bench)
    bench.set_state("stopped")
    bench.set_state("active")
    assert len(failures(bench)) == 2, "it is told again"
    bench.set_state("stopped")
    bench.run(1000)
    assert len(failures(bench)) == 2, "a stopped torrent leaves the disk alone"
    bench.files.pieces.update(range(COUNT))
    bench.set_state("active")
    bench.run(1)
    assert bench.payload.have.full
    assert bench.seen(events.StorageRecovered)
    assert not bench.seen(events.HashcheckFinished)


def test_a_stop_keeps_what_was_remembered() -> None:
    bench = gone()
    resume = bench.files.resume
    begin(bench)
    bench.set_state("stopped")
    assert bench.torrent.kept == resume == bench.files.resume


def test_a_later_look_believes_nothing_of_files_that_were_not_awaited() -> None:
    bench = gone(FILES)
    bench.files.pieces.update(FIRST)
    storage: Any = bench.payload.storage
    check_files = storage.check_files
    storage.check_files = lambda deliver: check_files(
        lambda found: deliver(found._replace(files=(found.files[0], None)))
    )
    begin(bench)
    assert list(bench.payload.have.indexes()) == [0, 1, 2, 3]
    bench.files.pieces.discard(2)
    bench.files.damaged.add(2)
    storage.check_files = lambda deliver: deliver(CheckedFiles((), None))
    bench.act(bench.payload.checks.add, Check([2], lambda check: None))
    bench.run(1)
    assert not bench.payload.have[2]
    storage.check_files = check_files
    bench.files.pieces.update(SECOND)
    bench.run(11)
    assert bench.payload.have.count == COUNT - 1
    assert not bench.payload.have[2], "its file is as it was, and it is wrong"


def test_a_hash_check_of_pieces_accepts_no_file() -> None:
    bench = gone(FILES)
    bench.files.pieces.update(range(4))
    begin(bench)
    calls = bench.recorded("prepare")
    bench.act(bench.payload.hashcheck, SECOND, ignored)
    seed = bench.seed()
    bench.run(60)
    assert seed.requests() == []
    assert calls == []
    assert "gone" in bench.status.error
    bench.files.pieces.update(SECOND)
    bench.run(60)
    assert bench.payload.have.full
    assert not bench.status.error


def test_a_look_that_ends_after_a_hash_check_of_all_changes_nothing() -> None:
    bench = gone()
    begin(bench)
    storage: Any = bench.payload.storage
    check_files = storage.check_files
    late: List[Callable[[Any], None]] = []
    storage.check_files = late.append
    bench.run(11)
    storage.check_files = check_files
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(1)
    (deliver,) = late
    check_files(deliver)
    bench.run(1)
    assert not bench.payload.unreadable
    assert not bench.payload.storage_retry.on


# -- unseen ------------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_read_is_looked_at_again_before_anything_is_fetched() -> None:
    bench = Bench(have=range(COUNT - 1), state="stopped")
    storage: Any = bench.payload.storage
    check_files = storage.check_files
    error = StorageError("Permission denied", "downloads", errno.EACCES)
    storage.check_files = lambda deliver: bench.disk.work(0, lambda: deliver(CheckedFiles((), error)))
    bench.set_state("active")
    bench.run(25)
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)] == [10, 20]
    assert not bench.torrent.lifecycle.live
    assert bench.status.stall == "the disk failed: downloads: Permission denied"
    storage.check_files = check_files
    bench.run(10)
    assert bench.torrent.lifecycle.live
    assert bench.payload.have.count == COUNT - 1
    assert bench.seen(events.StorageRecovered)
    assert bench.status.error == ""


def blind(bench: Bench, file: int) -> Any:
    """Have a file not be seen; returns the survey as it was."""
    storage: Any = bench.payload.storage
    check_files = storage.check_files
    error = StorageError("Permission denied", bench.payload.paths.path(file), errno.EACCES)

    def blinded(deliver: Any) -> None:
        def checked_files(found: CheckedFiles) -> None:
            files = (*found.files[:file], None, *found.files[file + 1 :])
            deliver(found._replace(error=error, files=files, unseen=(file,)))

        check_files(checked_files)

    storage.check_files = blinded
    return check_files


@pytest.mark.parametrize("remembered", [True, False])
def test_one_file_that_cannot_be_looked_at_keeps_no_other_from_being_used(remembered: bool) -> None:
    bench = Bench(torrent_of(files=FILES), have=range(COUNT - 1), state="stopped")
    if remembered:
        bench.files.resume = bench.claim(range(COUNT - 1))
    calls = bench.recorded("prepare", "remember")
    check_files = blind(bench, 1)
    begin(bench)
    assert list(bench.payload.have.indexes()) == [0, 1, 2, 3]
    leech, seed = bench.leech(), bench.seed()
    leech.say(message(INTERESTED), message(REQUEST, 1, 0, BLOCK))
    assert [each[:3] for each in leech.heard(PIECE)] == [(PIECE, 1, 0)]
    bench.run(25)
    assert failures(bench) == [(errno.EACCES, 10), (errno.EACCES, 20)]
    assert {failed.path for failed in bench.seen(events.StorageFailed)} == {bench.payload.paths.path(1)}
    assert seed.requests() == []
    assert calls == []
    assert bench.status.left == SIZE - 4 * PIECE_LENGTH
    bench.payload.storage.check_files = check_files  # type: ignore[method-assign]
    bench.run(10)
    assert bench.payload.have.count == COUNT - 1
    assert bench.seen(events.StorageRecovered)
    checked = [event.passed for event in bench.seen(events.HashcheckFinished)]
    assert checked == ([] if remembered else [4, COUNT - 5]), "each piece once"
    seed.serve()
    assert bench.payload.have.full


@pytest.mark.parametrize("remembered", [True, False])
def test_a_file_that_goes_while_another_is_awaited_is_awaited_too(remembered: bool) -> None:
    bench = Bench(torrent_of(files=FILES), have=range(COUNT), state="stopped")
    if remembered:
        bench.files.resume = bench.claim(range(COUNT))
    calls = bench.recorded("prepare")
    check_files = blind(bench, 1)
    begin(bench)
    guest = bench.guest()
    bench.files.pieces.difference_update(FIRST)
    storage: Any = bench.payload.storage
    storage.check_files = lambda deliver: check_files(
        lambda found: deliver(found._replace(files=(None, found.files[1])))
    )
    bench.run(100)
    assert "first: was there and is gone" in bench.status.error
    assert calls == []
    assert list(bench.payload.have.indexes()) == [*range(5, COUNT)]
    assert not bench.seen(events.PieceFailed)
    assert guest.closed, "it was told that we have them"
    storage.check_files = check_files
    bench.files.pieces.update(FIRST)
    bench.run(100)
    assert bench.payload.have.full
    assert not bench.status.error
