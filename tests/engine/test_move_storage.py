"""Files moved while the torrent runs: nothing is asked for meanwhile, the peers stay, the answer comes once."""

from __future__ import annotations

import errno
from typing import List, Optional

from support.bench import COUNT, Bench

from bittorrent_threads.errors import StorageError
from bittorrent_threads.testing.peer_messages import PIECE, REQUEST, message

Answers = List[Optional[StorageError]]


def move(bench: Bench, basedir: str = "elsewhere") -> Answers:
    answers: Answers = []
    bench.act(bench.payload.move_storage.move, basedir, answers.append)
    return answers


def test_nothing_is_asked_for_while_files_move_and_the_peers_stay() -> None:
    bench = Bench(have=[0])
    guest = bench.leech()
    bench.disk.seek_time = 5.0
    answers = move(bench)
    assert bench.payload.move_storage.under_way
    assert bench.payload.downloads.suspended
    assert bench.status.stall == "the files are being moved"
    assert bench.payload.paths.basedir == "downloads"
    late = bench.seed()
    bench.run(2)
    assert answers == []
    assert late.requests() == []
    bench.run(5)
    assert answers == [None]
    assert bench.payload.paths.basedir == "elsewhere"
    bench.disk.seek_time = 0.001
    assert late.requests()
    assert not guest.closed
    assert not late.closed


def test_a_torrent_that_cannot_be_moved_goes_on_where_it_is() -> None:
    bench = Bench(have=range(COUNT))
    bench.disk.write_errno = errno.ENOSPC
    answers = move(bench)
    bench.run(1)
    (error,) = answers
    assert error is not None
    assert (error.errno, error.path) == (errno.ENOSPC, "elsewhere/simulated")
    assert bench.payload.paths.basedir == "downloads"
    assert not bench.payload.storage_retry.on
    bench.disk.write_errno = 0
    guest = bench.leech()
    guest.say(message(REQUEST, 0, 0, 100))
    assert [each[:3] for each in guest.heard(PIECE)] == [(PIECE, 0, 0)]


def test_resume_data_is_stored_at_once() -> None:
    bench = Bench(have=range(3))
    stored = bench.files.resume
    move(bench)
    bench.run(1)
    assert bench.files.resume is not None
    assert bench.files.resume is not stored


def test_a_stopped_torrent_moves_and_its_files_are_closed() -> None:
    bench = Bench(have=range(3))
    bench.set_state("stopped")
    over: List[bool] = []
    answers = move(bench)
    bench.run(1)
    assert answers == [None]
    assert bench.payload.paths.basedir == "elsewhere"
    bench.torrent.wait_group.when_over(lambda: over.append(True))
    assert over == [True]
    assert bench.files.resume is not None
    assert bench.files.resume.clean


def test_a_torrent_that_never_ran_moves() -> None:
    bench = Bench(have=range(3), state="stopped")
    answers = move(bench)
    bench.run(1)
    assert answers == [None]
    assert bench.payload.paths.basedir == "elsewhere"


def test_moves_are_answered_in_turn() -> None:
    bench = Bench()
    one, other = move(bench, "one"), move(bench, "other")
    bench.run(1)
    assert one == other == [None]
    assert not bench.payload.move_storage.under_way


def rename(bench: Bench, path: str) -> Answers:
    answers: Answers = []
    bench.act(bench.payload.move_storage.rename, 0, path, answers.append)
    return answers


def test_a_renamed_file_has_its_path_and_is_remembered() -> None:
    bench = Bench(have=range(3))
    answers = rename(bench, "films/one")
    assert bench.payload.downloads.suspended
    assert bench.payload.paths.path(0) == "downloads/simulated"
    bench.run(1)
    assert answers == [None]
    assert bench.payload.paths.path(0) == "downloads/films/one"
    assert bench.files.resume is not None
    assert bench.files.resume.names == ((0, ("films", "one")),)
    bench.run(bench.torrent.settings.sync_interval)
    bench.reboot()
    assert bench.payload.paths.path(0) == "downloads/films/one"
    assert bench.payload.have.count == 3


def test_a_rename_that_fails_leaves_the_name() -> None:
    bench = Bench(have=range(3))
    bench.disk.write_errno = errno.EROFS
    answers = rename(bench, "x")
    bench.run(1)
    bench.disk.write_errno = 0
    assert [error and error.errno for error in answers] == [errno.EROFS]
    assert bench.payload.paths.path(0) == "downloads/simulated"
    assert not bench.payload.move_storage.under_way


def test_a_status_of_meanwhile_does_not_tell_of_a_rename_for_ever() -> None:
    bench = Bench(have=range(3))
    answers = rename(bench, "x")
    assert bench.torrent.status.hindrance == "", "a rename takes less time than a status"
    bench.torrent.refresh()
    assert bench.torrent.status.hindrance
    bench.run(1)
    assert answers == [None]
    assert bench.torrent.status.hindrance == ""
    assert not bench.payload.downloads.suspended
