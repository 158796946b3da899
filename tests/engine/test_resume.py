"""What is believed at the start, and what is kept for the next one."""

from __future__ import annotations

import errno
from typing import Any, Callable, List, Optional

import pytest
from support.bench import BLOCK, COUNT, MOMENT, PIECE_LENGTH, SIZE, Bench, blocks_of, ignored, packed, torrent_of
from support.damage import indexes

from bittorrent_threads import events
from bittorrent_threads.disk.results import Changed, Done, Recalled, Synced
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.errors import StateError, StorageError
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import UNCHOKE, message

FILES = (("first", 4 * PIECE_LENGTH), ("second", SIZE - 4 * PIECE_LENGTH))


def claim(bench: Bench, pieces: Any, *, old: bool = False) -> Resume:
    """Resume data that says so; ``old`` is of files that have changed since."""
    resume = bench.claim(pieces)
    return resume._replace(files=tuple(stat and stat._replace(mtime_ns=0) for stat in resume.files)) if old else resume


def record_checks(bench: Bench) -> List[int]:
    """Every piece that is hashed from now on."""
    checked: List[int] = []
    check = bench.payload.storage.check

    def record(indexes: Any, deliver: Any) -> None:
        checked.extend(indexes)
        check(indexes, deliver)

    bench.payload.storage.check = record  # type: ignore[method-assign]
    return checked


def begin(bench: Bench) -> List[int]:
    """Start the torrent; the pieces that were hashed before it went live."""
    checked = record_checks(bench)
    bench.set_state("active")
    bench.until(lambda: bench.torrent.lifecycle.live)
    return checked


# -- the start ---------------------------------------------------------------------------------------------------------


def test_a_new_torrent_hashes_nothing() -> None:
    bench = Bench(state="stopped")
    assert begin(bench) == []


def test_data_that_nobody_vouches_for_is_hashed() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.files.damaged.add(7)
    assert begin(bench) == [0, 1, 2, 3, 4, 7]
    assert list(bench.payload.have.indexes()) == [0, 1, 2, 3, 4]


def test_what_was_remembered_is_believed() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.files.resume = claim(bench, range(5))
    assert begin(bench) == []
    assert bench.payload.have.count == 5
    assert not bench.seen(events.PiecePassed)


def test_of_what_was_remembered_only_files_that_changed_are_hashed() -> None:
    bench = Bench(torrent_of(files=FILES), have=range(8), state="stopped")
    resume = claim(bench, range(8))
    first, second = resume.files
    assert second is not None
    bench.files.resume = resume._replace(files=(first, second._replace(mtime_ns=0)))
    assert begin(bench) == [4, 5, 6, 7]
    assert bench.payload.have.count == 8


def test_a_piece_cache_goes_before_what_is_stored() -> None:
    bench = Bench(have=range(8), state="stopped")
    cache = claim(bench, range(8)).plain()
    bench.files.resume = claim(bench, [0], old=True)
    bench.boot()
    bench.torrent = bench.add(bench.content, piece_cache=cache)
    assert begin(bench) == []
    assert bench.payload.have.count == 8


@pytest.mark.parametrize("cache", [{}, {"version": 99}, {"version": 1, "infohash": "00"}])
def test_a_piece_cache_of_something_else_is_refused(cache: Any) -> None:
    bench = Bench(state="stopped")
    bench.boot()
    with pytest.raises(StateError, match="piece_cache: cannot be used: it "):
        bench.add(bench.content, piece_cache=cache)


def test_what_is_stored_is_ignored_if_the_user_wants_so() -> None:
    bench = Bench(have=range(3), state="stopped", resume=False)
    before = bench.files.resume = claim(bench, range(2))
    assert begin(bench) == [0, 1, 2]
    bench.run(100)
    bench.set_state("stopped")
    assert bench.files.resume is before
    assert bench.torrent.kept is not None
    assert bench.torrent.kept.have == packed(range(3))


def test_resume_data_that_cannot_be_used_is_told_and_the_data_hashed() -> None:
    bench = Bench(have=range(3), state="stopped")
    bench.payload.storage.recall = lambda deliver: bench.disk.work(  # type: ignore[method-assign]
        0, lambda: deliver(Recalled(None, ("x.resume: is no resume data",)))
    )
    assert begin(bench) == [0, 1, 2]
    (ignored,) = bench.seen(events.ResumeIgnored)
    assert ignored.reasons == ("x.resume: is no resume data",)


def test_nothing_happens_on_the_wire_before_it_is_known_what_is_there() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.disk.seek_time = 2.0
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.set_state("active")
    bench.run(5)
    assert bench.status.checking
    assert not guests
    assert bench.stranger().stream is not None
    assert bench.guest().closed
    bench.run(3)
    assert len(guests) == 1
    assert bench.payload.have.count == 5


def test_a_hash_check_before_the_first_start_is_enough() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(1)
    assert begin(bench) == []
    assert bench.payload.have.count == 5


def test_a_hash_check_of_some_pieces_before_the_first_start_is_not() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.act(bench.payload.hashcheck, [0, 1], ignored)
    bench.run(1)
    assert begin(bench) == [2, 3, 4]


# -- keeping it --------------------------------------------------------------------------------------------------------


ORDER = ("prepare", "sync", "remember", "close")
"""What the disk is told, as far as its order counts."""


def test_a_disk_that_hangs_gets_no_second_sync() -> None:
    bench = Bench(settings=Settings(sync_interval=20.0))
    syncs: List[Any] = []
    bench.payload.storage.sync = lambda deliver, **options: syncs.append(deliver)  # type: ignore[method-assign]
    seed = bench.seed()
    for index in range(4):
        seed.give(*blocks_of(index))
        bench.run(21)
    assert len(syncs) == 1
    bench.act(syncs[0], Synced(bench.files.stats, None, (), None, ()))
    bench.run(21)
    assert len(syncs) == 2


def test_what_came_is_synced_and_then_remembered_within_the_interval() -> None:
    bench = Bench(settings=Settings(sync_interval=20.0))
    calls = bench.recorded(*ORDER)
    bench.run(25)
    calls.clear()
    guest = bench.guest([2, 3])
    guest.say(message(UNCHOKE))
    guest.serve()
    assert bench.payload.have.count == 2
    assert calls == []
    bench.run(21)
    assert calls == ["sync", "remember"]
    resume = bench.files.resume
    assert resume is not None
    assert resume.have == packed([2, 3])
    assert not resume.clean
    assert resume.files == bench.files.stats
    bench.run(100)
    assert calls == ["sync", "remember"]


def test_a_stop_remembers_and_then_closes_the_files() -> None:
    bench = Bench()
    guest = bench.guest([2, 3])
    guest.say(message(UNCHOKE))
    guest.serve()
    calls = bench.recorded(*ORDER)
    bench.set_state("stopped")
    assert calls == ["sync", "remember", "close"]
    resume = bench.torrent.kept
    assert resume is not None
    assert resume == bench.files.resume
    assert resume.clean
    assert resume.have == packed([2, 3])
    bench.reboot()
    assert bench.payload.have.count == 2
    assert not bench.seen(events.PiecePassed)


def held_sync(bench: Bench) -> Callable[[], None]:
    """Have the next sync take until what is returned is called."""
    storage: Any = bench.payload.storage
    sync = storage.sync
    held: List[Any] = []
    storage.sync = lambda deliver, **options: held.append(deliver)

    def release() -> None:
        storage.sync = sync
        (deliver,) = held
        bench.act(sync, deliver)
        bench.run(MOMENT)

    return release


def test_what_comes_during_the_sync_is_not_remembered_by_it() -> None:
    bench = Bench(settings=Settings(sync_interval=20.0))
    guest = bench.guest([2, 3])
    guest.say(message(UNCHOKE))
    asked = guest.requests()
    guest.give(*[block for block in asked if block[0] == 2])
    release = held_sync(bench)
    bench.run(21)
    guest.give(*[block for block in asked if block[0] == 3])
    assert bench.payload.have.count == 2
    release()
    resume = bench.files.resume
    assert resume is not None
    assert resume.have == packed([2])
    assert resume.doubtful == packed([3]), "the files are remembered as they are with it"


def test_what_is_being_saved_when_the_sync_ends_is_doubtful() -> None:
    bench = Bench(have=range(2))
    storage: Any = bench.payload.storage
    storage.save = lambda pieces, deliver, **options: None
    guest = bench.guest([2, 3])
    guest.say(message(UNCHOKE))
    guest.serve()
    assert bench.payload.downloads.saving
    bench.act(lambda: bench.payload.resume_store.keep(clean=False, done=lambda resume: None))
    bench.run(1)
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.doubtful) == (packed(range(2)), packed([2, 3]))


def test_what_is_found_wrong_during_the_sync_is_not_remembered_by_it() -> None:
    bench = Bench(have=range(4))
    release = held_sync(bench)
    bench.act(lambda: bench.payload.resume_store.keep(clean=False, done=lambda resume: None))
    bench.act(bench.payload.pieces.lose, [1])
    release()
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.doubtful) == (packed([0, 2, 3]), b"")


def test_what_is_doubtful_is_hashed_at_the_start() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.files.resume = claim(bench, range(3))._replace(doubtful=packed([3, 4, 5]))
    assert begin(bench) == [3, 4]
    assert bench.payload.have.count == 5, "of 5 there is nothing"


def test_suspects_are_not_remembered_and_checked_again() -> None:
    bench = Bench(have=range(4), settings=Settings(sync_interval=20.0))
    checked = record_checks(bench)

    def sync(deliver: Any, **options: Any) -> None:
        bench.disk.work(0, lambda: deliver(Synced(bench.files.stats, None, (1, 2, 9), None)))

    bench.payload.storage.sync = sync  # type: ignore[method-assign]
    bench.run(25)
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.doubtful) == (packed([0, 3]), packed([1, 2]))
    assert checked[:2] == [1, 2]
    assert bench.payload.have.count == 4


def changed(bench: Bench, *files: Changed) -> Callable[[], None]:
    """Have each sync find these files changed; call what is returned for one more sync."""
    suspects = tuple(sorted({piece for file in files for piece in file.suspects}))

    def sync(deliver: Any, **options: Any) -> None:
        bench.disk.work(0, lambda: deliver(Synced(bench.files.stats, None, suspects, None, files)))

    bench.payload.storage.sync = sync  # type: ignore[method-assign]

    def keep() -> None:
        bench.act(lambda: bench.payload.resume_store.keep(clean=False, done=lambda resume: None))
        bench.run(1)

    return keep


def test_a_file_that_another_program_changed_is_told_once() -> None:
    bench = Bench(have=range(6))
    keep = changed(bench, Changed("one", (1, 2, 9)), Changed("two", (3,)), Changed("three", (2,)))
    bench.files.pieces.difference_update([1, 2])
    for _ in range(3):
        keep()
    failed = [(each.path, each.errno, each.retry_in) for each in bench.seen(events.StorageFailed)]
    assert failed == [("one", errno.ESTALE, 0.0), ("three", errno.ESTALE, 0.0)]
    reasons = [each.reason for each in bench.seen(events.StorageFailed)]
    assert reasons[0].endswith("2 pieces are wrong now")
    assert reasons[1].endswith("1 piece is wrong now")
    assert list(bench.payload.have.indexes()) == [0, 3, 4, 5]
    assert not bench.payload.storage_retry.on


def test_a_file_of_which_only_the_time_was_changed_is_not_told() -> None:
    bench = Bench(have=range(6))
    changed(bench, Changed("one", (1, 2)))()
    assert bench.payload.have.count == 6
    assert not bench.seen(events.StorageFailed)


def test_what_was_told_when_it_was_read_is_not_told_again() -> None:
    bench = Bench(have=range(6))
    keep = changed(bench, Changed("one", (1, 2)))
    bench.files.pieces.difference_update([1, 2])
    error = StorageError("was changed", bench.payload.paths.path(0), errno.ESTALE)
    storage: Any = bench.payload.storage
    check, held = storage.check, []
    storage.check = lambda *arguments: held.append(arguments)
    bench.act(lambda: bench.payload.resume_store.keep(clean=False, done=lambda resume: None))
    bench.act(bench.payload.pieces.load_failed, 1, error)
    bench.run(1)
    storage.check = check
    for arguments in held:
        bench.act(check, *arguments)
    bench.run(1)
    keep()
    assert [failed.reason for failed in bench.seen(events.StorageFailed)] == ["was changed"]
    assert list(bench.payload.have.indexes()) == [0, 3, 4, 5]


def test_a_sync_that_fails_stops_asking_and_says_nothing() -> None:
    bench = Bench(settings=Settings(sync_interval=20.0))
    guest = bench.guest([2])
    guest.say(message(UNCHOKE))
    guest.serve()
    bench.disk.write_errno = 5
    bench.run(21)
    assert bench.payload.storage_retry.error is not None
    assert bench.seen(events.StorageFailed)
    bench.set_state("stopped")
    assert bench.torrent.kept is None
    assert bench.files.resume is not None
    assert not any(bench.files.resume.have)


def refusing(bench: Bench) -> Callable[[], None]:
    """Have every store of resume data refused, until what is returned is called."""
    storage: Any = bench.payload.storage
    remember = storage.remember
    refused = Done(StorageError("Read-only file system", "the.resume", errno.EROFS))
    storage.remember = lambda resume, deliver: bench.disk.work(0, lambda: deliver(refused))

    def heal() -> None:
        storage.remember = remember

    return heal


def test_resume_data_that_cannot_be_stored_is_told_once_and_again_when_it_can() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    heal = refusing(bench)
    bench.set_state("active")
    bench.run(300)
    (failed,) = bench.seen(events.StorageFailed)
    assert (failed.path, failed.errno, failed.retry_in) == ("the.resume", errno.EROFS, bench.settings.sync_interval)
    assert not bench.seen(events.StorageRecovered)
    assert bench.status.error == "the.resume: Read-only file system"
    heal()
    bench.run(bench.settings.sync_interval + 1)
    assert len(bench.seen(events.StorageRecovered)) == 1
    assert not bench.status.error
    assert bench.files.resume is not None
    assert bench.files.resume.have == packed(range(COUNT))


def test_resume_data_that_cannot_be_stored_delays_no_download() -> None:
    bench = Bench(have=[0], state="stopped")
    refusing(bench)
    bench.set_state("active")
    bench.run(bench.settings.sync_interval + 2)
    assert len(bench.seen(events.StorageFailed)) == 1
    seed = bench.seed()
    assert len({index for index, _, _ in seed.requests()}) > 1
    assert not bench.payload.storage_retry.on
    bench.seed().serve()
    bench.run(100)
    assert len(bench.seen(events.StorageFailed)) == 1
    assert not bench.seen(events.StorageRecovered)


def test_resume_data_that_cannot_be_stored_at_a_stop_is_stored_after_the_next_start() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    heal = refusing(bench)
    bench.set_state("active")
    bench.run(1)
    bench.set_state("stopped")
    assert bench.seen(events.StorageFailed)
    heal()
    bench.run(300)
    assert bench.files.resume is None, "a stopped torrent leaves the disk alone"
    bench.set_state("active")
    bench.run(bench.settings.sync_interval + 1)
    assert bench.files.resume is not None
    assert bench.seen(events.StorageRecovered)


def test_files_that_work_again_are_no_recovery_while_resume_data_cannot_be_stored() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    heal = refusing(bench)
    bench.set_state("active")
    bench.run(bench.settings.sync_interval + 1)
    bench.disk.write_errno = errno.EIO
    bench.act(bench.payload.set_priorities, [2])
    bench.run(1)
    bench.disk.write_errno = 0
    bench.run(60)
    assert [failed.errno for failed in bench.seen(events.StorageFailed)] == [errno.EROFS, errno.EIO]
    assert not bench.seen(events.StorageRecovered)
    assert "Read-only" in bench.status.error
    heal()
    bench.run(bench.settings.sync_interval + 1)
    assert len(bench.seen(events.StorageRecovered)) == 1


def test_nothing_is_kept_of_what_never_began() -> None:
    bench = Bench(have=range(3), state="stopped")
    kept: List[Optional[Resume]] = []
    bench.act(lambda: bench.payload.resume_store.keep(clean=True, done=kept.append))
    assert kept == [None]
    assert bench.files.resume is None


def test_a_hash_check_cut_short_leaves_no_piece_forgotten() -> None:
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.read_rate = PIECE_LENGTH / 4
    bench.set_state("active")
    bench.run(5)
    assert bench.status.checking
    bench.reboot()
    bench.until(lambda: bench.torrent.lifecycle.live)
    assert bench.payload.have.full


@pytest.mark.parametrize("stopped", [False, True])
def test_what_a_hash_check_that_was_cut_short_has_found_is_not_hashed_again(
    stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bittorrent_threads.engine.checks.LEAST_JOB", PIECE_LENGTH)
    bench = Bench(have=range(COUNT), state="stopped")
    bench.disk.read_rate = PIECE_LENGTH / 4
    bench.set_state("active")
    bench.until(lambda: bench.payload.have.count > 3)
    if stopped:
        bench.set_state("stopped")
        bench.run(5)
        assert bench.status.checking
    found = {*bench.payload.have.indexes()}
    assert found < {*range(COUNT)}
    bench.reboot()
    bench.until(lambda: bench.torrent.lifecycle.live)
    assert not found & {event.index for event in bench.seen(events.PiecePassed)}
    assert bench.payload.have.full


def test_a_hash_check_that_goes_on_is_remembered_within_the_interval() -> None:
    bench = Bench(have=range(COUNT), state="stopped", settings=Settings(sync_interval=5.0))
    bench.disk.read_rate = PIECE_LENGTH / 4
    bench.set_state("active")
    bench.until(lambda: bench.files.resume is not None)
    resume = bench.files.resume
    assert resume is not None
    assert bench.status.checking
    assert {*indexes(resume.have)} | {*indexes(resume.doubtful)} == {*range(COUNT)}
    assert {*indexes(resume.have)} <= {*bench.payload.have.indexes()}


def test_a_hash_check_while_stopped_is_remembered_by_a_close() -> None:
    bench = Bench(have=range(5), state="stopped")
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(1)
    bench.reboot()
    assert bench.payload.have.count == 5
    assert not bench.seen(events.PiecePassed)


def test_a_closed_torrent_writes_nothing() -> None:
    bench = Bench(have=range(5))
    bench.disk.read_rate = PIECE_LENGTH / 4
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(2)
    over: List[bool] = []
    bench.act(lambda: bench.engine.remove(bench.torrent, done=lambda: over.append(True)))
    bench.until(lambda: bool(over))
    calls = bench.recorded(*ORDER)
    bench.run(100)
    assert calls == []


def test_a_stop_during_a_hash_check_keeps_pieces_that_are_not_whole() -> None:
    bench = Bench(have=range(3))
    one_block(bench)
    bench.disk.read_rate = PIECE_LENGTH / 4
    bench.act(bench.payload.hashcheck, [0, 1, 2], ignored)
    bench.run(MOMENT)
    bench.set_state("stopped")
    assert bench.status.checking
    resume = bench.files.resume
    assert resume is not None
    assert resume.clean
    assert resume.unfinished == ((3, b"\x80"),)


def one_block(bench: Bench) -> None:
    """A guest gives the first block of piece 3, and leaves."""
    guest = bench.guest([3])
    guest.say(message(UNCHOKE))
    guest.give(guest.requests()[0])
    guest.hang_up()


@pytest.mark.parametrize("asked", [False, True], ids=["", "piece_cache asked for in between"])
def test_unfinished_pieces_go_on_after_a_stop(asked: bool) -> None:
    bench = Bench()
    one_block(bench)
    bench.set_state("stopped")
    kept: List[Optional[Resume]] = []
    for _ in range(2 if asked else 0):
        bench.act(lambda: bench.payload.resume_store.keep(clean=True, done=kept.append))
        bench.run(MOMENT)
    assert all(resume is not None and resume.unfinished == ((3, b"\x80"),) for resume in kept)
    bench.set_state("active")
    guest = bench.guest([3])
    guest.say(message(UNCHOKE))
    assert guest.serve() == [(3, BLOCK, BLOCK)]
    assert bench.payload.have[3]


def test_unfinished_pieces_go_on_after_a_restart() -> None:
    bench = Bench()
    one_block(bench)
    bench.reboot()
    guest = bench.guest([3])
    guest.say(message(UNCHOKE))
    assert guest.serve() == [(3, BLOCK, BLOCK)]
    assert bench.payload.have[3]


# -- what was not synced -----------------------------------------------------------------------------------------------


def cached(**options: Any) -> Bench:
    """An engine that has received pieces 2 and 3, with a page cache that outlives it."""
    bench = Bench(**options)
    bench.disk.page_cache = "boot 1"
    guest = bench.guest([2, 3])
    guest.say(message(UNCHOKE))
    guest.serve()
    assert bench.payload.have.count == 2
    return bench


def test_a_stop_leaves_to_the_page_cache_what_it_has_no_time_to_sync() -> None:
    bench = cached()
    bench.set_state("stopped")
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.doubtful, resume.unsynced) == (packed([]), packed([2, 3]), packed([2, 3]))
    assert (resume.page_cache, resume.clean) == ("boot 1", True)
    assert bench.files.durable == set()


def test_what_the_page_cache_has_is_believed_and_then_synced() -> None:
    bench = cached(settings=Settings(sync_interval=20.0))
    bench.reboot()
    assert bench.payload.have.count == 2
    assert not bench.seen(events.PiecePassed)
    bench.run(21)
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.unsynced, resume.page_cache) == (packed([2, 3]), b"", "")
    assert bench.files.durable == {2, 3}


def test_what_an_earlier_process_did_not_sync_is_named_to_the_disk_once() -> None:
    bench = cached(settings=Settings(sync_interval=20.0))
    bench.set_state("stopped")
    bench.boot()
    bench.torrent = bench.add(bench.content)
    older: List[Any] = []
    sync = bench.payload.storage.sync

    def record(deliver: Any, **options: Any) -> None:
        older.append(options["older"])
        sync(deliver, **options)

    bench.payload.storage.sync = record  # type: ignore[method-assign]
    begin(bench)
    bench.run(21)
    bench.set_state("stopped")
    assert older == [[2, 3], []]


@pytest.mark.parametrize("survived", [True, False])
def test_after_a_power_cut_what_was_not_synced_is_hashed(survived: bool) -> None:
    bench = cached(settings=Settings(sync_interval=20.0))
    bench.run(21)
    guest = bench.guest([4, 5])
    guest.say(message(UNCHOKE))
    guest.serve()
    bench.set_state("stopped")
    bench.disk.page_cache = "boot 2"
    if not survived:
        bench.files.crash()
    bench.boot()
    bench.torrent = bench.add(bench.content)
    assert begin(bench) == [4, 5]
    assert list(bench.payload.have.indexes()) == ([2, 3, 4, 5] if survived else [2, 3])


def test_a_stop_syncs_all_if_the_user_wants_so() -> None:
    bench = cached(settings=Settings(sync_at_close=True))
    bench.set_state("stopped")
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.page_cache) == (packed([2, 3]), "")
    assert bench.files.durable == {2, 3}


def test_a_complete_download_is_stored_at_once_and_synced_soon() -> None:
    bench = Bench()
    bench.disk.page_cache = "boot 1"
    bench.seed().serve()
    assert bench.status.complete
    resume = bench.files.resume
    assert resume is not None
    assert resume.unsynced == packed(range(COUNT))
    bench.run(1.1)
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.unsynced) == (packed(range(COUNT)), b"")


def test_what_a_stop_did_not_sync_a_close_later_tries_again() -> None:
    bench = cached()
    bench.set_state("stopped")
    bench.disk.page_cache = ""  # as if there were time now
    bench.act(bench.torrent.close)
    bench.run(MOMENT)
    resume = bench.files.resume
    assert resume is not None
    assert (resume.have, resume.page_cache) == (packed([2, 3]), "")
