from __future__ import annotations

import errno
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.network_thread import NetworkThread
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.disk.page_cache import PageCache
from bittorrent_threads.disk.results import Checked, CheckedFiles, Done, Loaded, Prepared, Recalled, Saved, Synced
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.storage import Storage
from bittorrent_threads.engine.interfaces.storage import Storage as StoragePort
from bittorrent_threads.errors import SessionClosed
from bittorrent_threads.metainfo.fingerprint import fingerprint
from bittorrent_threads.metainfo.hashes import Verdict
from bittorrent_threads.settings import Settings

FILES = [("a", 150), ("b", 230), ("c", 200)]
ALL = [True, True, True]


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


@pytest.fixture
def network() -> NetworkThread:
    return NetworkThread()


@pytest.fixture
def disk(network: NetworkThread, system: System) -> Iterator[Disk]:
    disk = Disk(Settings(), network.post, system=system)
    disk.start()
    yield disk
    assert disk.close(30)


@pytest.fixture
def storage(disk: Disk, t: Torrent, tmp_path: Path) -> Storage:
    return disk.open(t.metainfo, str(tmp_path))


def test_it_is_the_storage_the_engine_wants(storage: Storage) -> None:
    port: StoragePort = storage
    assert port is storage


def test_the_life_of_a_torrent(
    storage: Storage, network: NetworkThread, t: Torrent, disk: Disk, tmp_path: Path
) -> None:
    assert network.ask(storage.recall) == Recalled(None, ())
    assert network.ask(storage.check_files)[:3] == CheckedFiles((), None, (None, None, None))[:3]
    assert network.ask(storage.prepare, ALL, ALL) == Prepared(None)
    assert network.ask(storage.save, t.buffers(0, 1, 3)) == Saved(kept=(0, 1, 3))
    assert network.ask(storage.write, [(4, 0, t.piece(4)[:40])]) == Done(None)
    spans = [(1, 20, 80), (0, 0, 5)]
    loaded = [Loaded(1, 20, t.piece(1)[20:], None), Loaded(0, 0, t.piece(0)[:5], None)]
    assert network.ask(storage.load, spans) == loaded
    assert network.ask(storage.fingerprint, 1) == fingerprint(t.piece(1))
    assert network.ask(storage.fingerprint, 5) == b""
    assert network.ask(storage.check, [5, 0, 4, 1, 3]) == Checked((0, 1, 3), dict.fromkeys((4, 5), Verdict.WRONG), None)
    synced = network.ask(storage.sync)
    assert isinstance(synced, Synced)
    assert (synced.suspects, synced.error) == ((), None)
    resume = Resume(t.metainfo.infohash, b"\xd0", synced.files, synced.part_file, clean=True)
    assert network.ask(storage.remember, resume) == Done(None)
    assert network.ask(storage.close) == Done(None)
    again = disk.open(t.metainfo, str(tmp_path))
    assert network.ask(again.recall) == Recalled(resume, ())
    assert network.ask(again.check_files).files == synced.files


def test_a_fault_is_an_answer(storage: Storage, network: NetworkThread, t: Torrent, system: System) -> None:
    network.ask(storage.prepare, ALL, ALL)
    system.fail("pwritev", errno.ENOSPC)
    saved = network.ask(storage.save, t.buffers(0))
    assert saved == Saved(unwritten=(0,), error=saved.error)
    assert saved.error.errno == errno.ENOSPC
    assert network.ask(storage.write, [(0, 0, b"x")]).error.errno == errno.ENOSPC
    system.heal("pwritev")
    assert network.ask(storage.save, t.buffers(0)) == Saved(kept=(0,)), "and it works as soon as it can"


class Bug(Exception):
    pass


def test_an_unexpected_exception_is_a_result(
    storage: Storage,
    network: NetworkThread,
    t: Torrent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bug(*arguments: Any) -> None:
        raise Bug("a mistake")

    for name in ("check_files", "prepare", "write", "read", "refresh", "sync", "close"):
        monkeypatch.setattr(f"bittorrent_threads.disk.content.Content.{name}", bug)
    monkeypatch.setattr("bittorrent_threads.disk.resume_file.ResumeFile.load", bug)
    monkeypatch.setattr("bittorrent_threads.disk.resume_file.ResumeFile.store", bug)
    # A storage binds some of them when it is made.
    saved = network.ask(storage.save, t.buffers(0, 1))
    assert saved == Saved(unhashed=(0, 1), error=saved.error)
    loaded = network.ask(storage.load, [(1, 0, 5)])[0]
    assert (loaded.index, loaded.begin, loaded.data) == (1, 0, b"")
    checked = network.ask(storage.check, [3, 1])
    assert (checked.passed, checked.failed) == ((), (1, 3))
    synced = network.ask(storage.sync)
    assert synced.suspects == tuple(range(6)), "nothing may be claimed"
    checked_files = network.ask(storage.check_files)
    assert checked_files.present == ()
    resume = Resume(t.metainfo.infohash, b"\0", ())
    errors = [
        saved.error,
        loaded.error,
        checked.error,
        synced.error,
        checked_files.error,
        network.ask(storage.prepare, ALL, ALL).error,
        network.ask(storage.remember, resume).error,
        network.ask(storage.close).error,
    ]
    for error in errors:
        assert error is not None
        assert (error.path, error.reason) == (str(tmp_path), "Bug: a mistake")
        assert isinstance(error.__cause__, Bug), "where the traceback is"
    assert network.ask(storage.recall) == Recalled(None, (f"{tmp_path}: Bug: a mistake",))
    assert caplog.text.count("Traceback") == 1
    assert "in bug" in caplog.text, "once, though every job raised it"


def test_each_mistake_is_logged(
    storage: Storage, network: NetworkThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in ("one", "one", "two"):
        monkeypatch.setattr(storage._content, "check_files", partial(raise_bug, reason))
        assert network.ask(storage.check_files).error.reason == f"Bug: {reason}"
    assert [record.exc_info and str(record.exc_info[1]) for record in caplog.records] == ["one", "two"]


def test_what_the_system_says_is_no_mistake(
    storage: Storage, network: NetworkThread, system: System, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    system.fail("stat", errno.EIO)
    error = network.ask(storage.move, str(tmp_path / "other")).error
    assert (error.errno, error.path) == (errno.EIO, str(tmp_path))
    assert not caplog.records


def raise_bug(reason: str) -> None:
    raise Bug(reason)


def test_a_callers_mistake_is_an_answer_too(storage: Storage, network: NetworkThread) -> None:
    assert "piece 6 of 6" in network.ask(storage.load, [(6, 0, 1)])[0].error.reason
    assert network.ask(storage.check, [6]).failed == (6,)


def test_the_pieces_given_may_change_after_the_call(storage: Storage, network: NetworkThread, t: Torrent) -> None:
    pieces = t.buffers(0)
    answers: List[Any] = []
    storage.save(pieces, answers.append)
    pieces.clear()
    network.turn()
    assert answers == [Saved(kept=(0,))]


# -- sync and remember take turns ----------------------------------------------------------------------------------


def test_a_sync_does_not_overtake_another(storage: Storage, network: NetworkThread, t: Torrent, system: System) -> None:
    network.ask(storage.prepare, ALL, ALL)
    network.ask(storage.save, t.buffers(0))
    go_on, begun = threading.Event(), threading.Event()

    def failing(fd: int) -> None:
        begun.set()
        assert go_on.wait(30)
        raise OSError(errno.EIO, "lost")

    system.use("fdatasync", failing)
    answers: List[Synced] = []
    storage.sync(answers.append)
    assert begun.wait(30)
    storage.sync(answers.append)
    network.ask(storage.load, [(0, 0, 100)])
    assert answers == [], "the second has nothing to do, but the first is not done"
    go_on.set()
    network.turn_until(lambda: len(answers) == 2)
    assert [answer.suspects for answer in answers] == [(0, 1), ()]


def test_a_sync_in_a_hurry_ends_those_before_it(
    storage: Storage,
    network: NetworkThread,
    t: Torrent,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    cache = PageCache("boot 1", os.stat(tmp_path).st_dev)
    monkeypatch.setattr(PageCache, "of", classmethod(lambda kind, folder: cache))
    network.ask(storage.prepare, ALL, ALL)
    network.ask(storage.save, t.buffers(*range(6)))
    go_on, begun = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(fd: int) -> None:
        begun.set()
        assert go_on.wait(30)
        real(fd)

    system.use("fdatasync", slow)
    answers: List[Synced] = []
    storage.sync(answers.append)
    assert begun.wait(30)
    storage.sync(answers.append, patience=0.0)
    go_on.set()
    network.turn_until(lambda: len(answers) == 2)
    assert [answer.unsynced for answer in answers] == [(1, 2, 3, 4, 5)] * 2, "the first file was synced"
    storage.sync(answers.append)
    network.turn_until(lambda: len(answers) == 3)
    assert answers[2].unsynced == ()


def test_what_was_given_last_is_remembered(storage: Storage, network: NetworkThread, t: Torrent) -> None:
    answers: List[Done] = []
    resumes = [Resume(t.metainfo.infohash, bytes([number << 2]), (None,) * 3) for number in range(40)]
    for resume in resumes:
        storage.remember(resume, answers.append)
    storage.close(answers.append)
    network.turn_until(lambda: len(answers) == 41)
    assert answers == [Done(None)] * 41
    assert network.ask(storage.recall) == Recalled(resumes[-1], ())


def test_turns_that_never_came_are_answered(
    storage: Storage, network: NetworkThread, t: Torrent, system: System, disk: Disk
) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def slow(fd: int) -> None:
        begun.set()
        assert go_on.wait(30)

    network.ask(storage.prepare, ALL, ALL)
    network.ask(storage.save, t.buffers(0))
    system.use("fdatasync", slow)
    answers: List[Any] = []
    storage.sync(answers.append)
    assert begun.wait(30)
    storage.sync(answers.append)
    storage.remember(Resume(t.metainfo.infohash, b"\0", (None,) * 3), answers.append)
    assert not disk.close(0.01)
    go_on.set()
    network.turn_until(lambda: len(answers) == 3)
    assert [answer.error is None for answer in answers] == [True, False, False]
    assert answers[1].suspects == tuple(range(6))


# -- close ---------------------------------------------------------------------------------------------------------


def test_close_comes_after_the_jobs_given_before(
    storage: Storage, network: NetworkThread, t: Torrent, system: System, disk: Disk
) -> None:
    network.ask(storage.prepare, ALL, ALL)
    go_on = threading.Event()
    real = system.pwritev

    def slow(*arguments: Any) -> int:
        assert go_on.wait(30)
        return int(real(*arguments))

    system.use("pwritev", slow)
    order: List[str] = []
    storage.save(t.buffers(0), lambda saved: order.append("saved"))
    storage.save(t.buffers(5), lambda saved: order.append("saved"))
    storage.close(lambda done: order.append("closed"))
    storage.close(lambda done: order.append("closed"))
    go_on.set()
    network.turn_until(lambda: len(order) == 4)
    assert order == ["saved", "saved", "closed", "closed"]
    assert len(disk._files) == 0


def test_a_closed_storage_can_be_used_again(storage: Storage, network: NetworkThread, t: Torrent) -> None:
    network.ask(storage.prepare, ALL, ALL)
    network.ask(storage.save, t.buffers(0))
    network.ask(storage.close)
    assert network.ask(storage.load, [(0, 0, 100)])[0].data == t.piece(0)
    network.ask(storage.close)


def test_torrents_do_not_close_each_others_files(
    storage: Storage, network: NetworkThread, t: Torrent, disk: Disk, tmp_path: Path
) -> None:
    another = torrent(FILES, 100, seed=2)
    other = disk.open(another.metainfo, str(tmp_path / "other"))
    for each, made in ((storage, t), (other, another)):
        network.ask(each.prepare, ALL, ALL)
        network.ask(each.save, made.buffers(0))
        assert network.ask(each.load, [(0, 0, 100)])[0].data == made.piece(0)
    assert len(disk._files) == 2
    network.ask(storage.close)
    assert len(disk._files) == 1


def test_what_was_claimed_after_a_close_was_asked_for_stays_claimed(
    storage: Storage, disk: Disk, t: Torrent, network: NetworkThread, tmp_path: Path
) -> None:
    other = torrent([("a", 100), ("b", 50)], 50, seed=9)
    assert other.metainfo.files[0].path == t.metainfo.files[0].path
    rival = disk.open(other.metainfo, storage._content.folder.root)
    network.ask(storage.prepare, ALL, ALL)
    answers: List[Any] = []
    storage.sync(answers.append)
    storage.close(answers.append)  # is done after what is under way
    storage.claim(ALL, ALL, answers.append, writing=True)
    network.turn_until(lambda: len(answers) == 3)
    assert network.ask(rival.prepare, [True] * 2, [True] * 2).error.errno == errno.EBUSY
    network.ask(storage.close)
    assert network.ask(rival.prepare, [True] * 2, [True] * 2).error is None


def test_after_the_disk_closed_everything_is_refused(storage: Storage, disk: Disk, t: Torrent) -> None:
    assert disk.close(30)
    for call in (
        storage.check_files,
        storage.sync,
        storage.recall,
        storage.close,
        lambda deliver: storage.claim(ALL, ALL, deliver, writing=True),
        lambda deliver: storage.prepare(ALL, ALL, deliver),
        lambda deliver: storage.save(t.buffers(0), deliver),
        lambda deliver: storage.load([(0, 0, 1)], deliver),
        lambda deliver: storage.check([0], deliver),
    ):
        with pytest.raises(SessionClosed):
            call(lambda answer: None)


def test_jobs_the_disk_had_no_time_for_are_answered(
    storage: Storage, network: NetworkThread, t: Torrent, system: System, disk: Disk
) -> None:
    network.ask(storage.prepare, ALL, ALL)
    go_on, begun = threading.Event(), threading.Semaphore(0)
    real = system.pwritev

    def slow(*arguments: Any) -> int:
        begun.release()
        assert go_on.wait(30)
        return int(real(*arguments))

    system.use("pwritev", slow)
    answers: List[Any] = []
    for index in (0, 2, 4, 1, 3, 5):  # the first three each in another file
        storage.save(t.buffers(index), answers.append)
    storage.close(answers.append)
    for _ in range(3):
        assert begun.acquire(timeout=30)
    assert not disk.close(0.01)
    go_on.set()
    network.turn_until(lambda: len(answers) == 7)
    errors = [answer.error for answer in answers[:6]]
    assert sorted(error is None for error in errors) == [False] * 3 + [True] * 3
    assert all("session is closed" in error.reason for error in errors if error is not None)
    assert isinstance(answers[6], Done)


@pytest.mark.parametrize("again", ["sync", "close", "check_files"])
def test_to_ask_again_when_the_disk_was_closed_meanwhile_is_no_fault(
    storage: Storage, network: NetworkThread, t: Torrent, system: System, disk: Disk, again: str
) -> None:
    network.ask(storage.prepare, ALL, ALL)
    go_on, begun = threading.Event(), threading.Event()
    real = system.pwritev

    def slow(*arguments: Any) -> int:
        begun.set()
        assert go_on.wait(30)
        return int(real(*arguments))

    system.use("pwritev", slow)
    answers: List[Any] = []

    def saved(answer: Any) -> None:
        answers.append(answer)
        getattr(storage, again)(answers.append)

    storage.save(t.buffers(0), saved)
    assert begun.wait(30)
    assert not disk.close(0.01)
    go_on.set()
    network.turn()
    assert answers[0] == Saved(kept=(0,))


# -- alone -----------------------------------------------------------------------------------------------------------


def test_files_are_made_while_nothing_else_is_done(
    storage: Storage, network: NetworkThread, t: Torrent, system: System
) -> None:
    network.ask(storage.prepare, ALL, ALL)
    network.ask(storage.save, t.buffers(0))
    go_on = threading.Event()
    real = system.pread

    def slow(*arguments: Any) -> Any:
        assert go_on.wait(30)
        return real(*arguments)

    system.use("pread", slow)
    order: List[str] = []
    storage.load([(0, 0, 10)], lambda answer: order.append("load"))
    storage.prepare(ALL, ALL, lambda answer: order.append("prepare"))
    storage.save(t.buffers(1), lambda answer: order.append("save"))
    storage.prepare(ALL, ALL, lambda answer: order.append("prepare again"))
    storage.close(lambda answer: order.append("close"))
    assert network.idle
    assert order == []
    go_on.set()
    network.turn_until(lambda: len(order) == 5)
    assert order == ["load", "prepare", "save", "prepare again", "close"]


def test_what_waits_for_its_turn_is_answered_when_the_disk_closes(
    storage: Storage, network: NetworkThread, t: Torrent, system: System, disk: Disk
) -> None:
    network.ask(storage.prepare, ALL, ALL)
    network.ask(storage.save, t.buffers(0))
    go_on, begun = threading.Event(), threading.Event()
    real = system.pread

    def slow(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return real(*arguments)

    system.use("pread", slow)
    answers: List[Any] = []
    storage.load([(0, 0, 10)], answers.append)
    storage.prepare(ALL, ALL, answers.append)
    storage.load([(0, 0, 10)], answers.append)
    storage.close(answers.append)
    assert begun.wait(30)
    assert not disk.close(0.01)
    go_on.set()
    network.turn_until(lambda: len(answers) == 4)
    assert answers[0][0].error is None
    late = [answer[0] if isinstance(answer, list) else answer for answer in answers[1:]]
    assert ["session is closed" in answer.error.reason for answer in late] == [True] * 3
