from __future__ import annotations

import errno
import os
from typing import Callable, List

import pytest
from support.contents import A, B, Bench, spoil
from support.torrents import Torrent

from bittorrent_threads.disk import flush, unsynced_files
from bittorrent_threads.disk import write_back as write_back_module
from bittorrent_threads.disk.deadline import Deadline
from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.linux import Calls
from bittorrent_threads.disk.page_cache import PageCache


def many(
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[int], bool],
    *,
    another_disk: bool = False,
    reporting: bool = False,
    fails: int = 0,
) -> List[str]:
    """Have two files be many, and their file system write all at a call, as is told then."""
    told: List[str] = []

    def syncfs(fd: int) -> int:
        told.append("flush")
        return -1 if len(told) <= fails else 0

    monkeypatch.setattr(unsynced_files, "MANY", 2)
    monkeypatch.setattr(flush, "file_system_of", lambda device: "ext4")
    monkeypatch.setattr(flush, "calls", lambda: Calls(syncfs, check, lambda fd, offset, size: 0, reporting))
    if another_disk:
        monkeypatch.setattr(flush.Flush, "device", property(lambda self: 1, lambda self, device: None), raising=False)
    return told


def test_many_files_are_made_durable_by_one_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[int] = []

    def ask(fd: int) -> bool:
        asked.append(os.fstat(fd).st_ino)
        return True

    told = many(monkeypatch, ask)
    bench.prepare()
    bench.put(0, 1)
    before = len(bench.system.named("fdatasync", "fsync"))
    synced = bench.content.sync()
    assert told == ["flush"]
    assert (synced.suspects, synced.error) == ((), None)
    assert {file.inode for file in synced.files if file is not None} >= set(asked)
    assert len(asked) == 2
    assert len(bench.system.named("fdatasync", "fsync")) == before
    assert bench.content.sync() == synced
    assert told == ["flush"]
    bench.content.close()


def test_what_was_watched_while_it_was_written_is_not_asked(
    bench: Bench, t: Torrent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(fd: int) -> bool:
        raise AssertionError("the file system told that all was written")

    monkeypatch.setattr(unsynced_files, "MANY", 2)
    bench.restart()
    told = many(monkeypatch, asked, reporting=True)
    bench.prepare()
    for turn in range(2):
        bench.put(0, 1)
        synced = bench.content.sync()
        assert told == ["flush"] * (turn + 1)
        assert (synced.suspects, synced.error) == ((), None)
    assert synced.files[A] == FileStat.of(t.path(bench.root, A).stat())
    bench.put(0, 1)
    t.path(bench.root, A).unlink()
    spoil(t.path(bench.root, B))
    synced = bench.content.sync()
    assert synced.error is not None
    assert synced.error.errno == errno.ENOENT
    assert [path for path, _ in synced.changed] == [str(t.path(bench.root, B))]
    bench.content.close()


def test_what_was_closed_before_it_was_synced_stays_watched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsynced_files, "MANY", 2)
    bench.restart()
    asked: List[int] = []

    def ask(descriptor: int) -> bool:
        asked.append(descriptor)
        return True

    many(monkeypatch, ask, reporting=True)
    bench.prepare()
    bench.put(0, 1)
    bench.content.close()
    assert bench.content.sync().error is None
    assert asked == []
    assert bench.pool._flushes == [], "the folder is not held any longer"


def test_once_something_could_not_be_written_every_file_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsynced_files, "MANY", 2)
    bench.restart()
    asked: List[int] = []

    def ask(descriptor: int) -> bool:
        asked.append(descriptor)
        return True

    told = many(monkeypatch, ask, reporting=True, fails=1)
    bench.prepare()
    bench.put(0, 1)
    assert bench.content.sync().error is None
    assert len(bench.system.named("fdatasync")) == 2
    assert asked == []
    bench.put(0, 1)
    assert bench.content.sync().error is None
    assert len(bench.system.named("fdatasync")) == 2
    assert len(asked) == 2
    bench.content.close()
    bench.put(0, 1)
    assert bench.content.sync().error is None
    assert len(asked) == 2, "what is written after the files were closed is watched anew"
    assert told == ["flush"] * 3
    bench.content.close()


@pytest.mark.parametrize("unsure", ["a file could not be written", "the file is on another disk"])
def test_what_one_call_did_not_make_durable_is_synced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, unsure: str
) -> None:
    another_disk = "another" in unsure
    many(monkeypatch, lambda fd: another_disk, another_disk=another_disk)
    bench.prepare()
    bench.put(0, 1)
    bench.system.fail("fdatasync", errno.EIO, times=1)
    synced = bench.content.sync()
    assert synced.error is not None
    assert synced.error.errno == errno.EIO
    assert synced.suspects
    assert len(bench.system.named("fdatasync")) == 2


# -- a sync that has little time ---------------------------------------------------------------------------------------


@pytest.fixture
def cached(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> PageCache:
    """The page cache that the files are in."""
    cache = PageCache("boot 1", os.stat(bench.root).st_dev)
    monkeypatch.setattr(PageCache, "of", classmethod(lambda kind, folder: cache))
    return cache


def test_what_there_is_no_time_for_is_told_and_synced_later(bench: Bench, cached: PageCache, t: Torrent) -> None:
    bench.prepare()
    bench.put(*range(8))
    bench.system.calls.clear()
    synced = bench.content.sync(deadline=Deadline(0.0))
    assert (synced.unsynced, synced.suspects, synced.error) == (tuple(range(8)), (), None)
    assert synced.page_cache == cached.name
    assert synced.files[A] == FileStat.of(t.path(bench.root, A).stat())
    assert bench.system.named("fdatasync") == []
    assert bench.system.named("fsync") == ["fsync"] * 3, "the names in the root, in t and in t/sub: each folder once"
    again = bench.content.sync()
    assert (again.unsynced, again.suspects, again.files) == ((), (), synced.files)
    assert bench.system.named("fdatasync") == ["fdatasync"] * 4
    assert bench.system.named("fsync") == ["fsync"] * 3, "the names are durable already"
    bench.system.calls.clear()
    bench.content.sync()
    assert bench.system.named("fdatasync") == []


def test_a_sync_with_a_deadline_does_not_wait_for_what_another_program_wrote(
    bench: Bench, cached: PageCache, t: Torrent
) -> None:
    t.seed(bench.root)
    bench.content.check_files()
    bench.content.verified(0, 400)
    bench.system.calls.clear()
    assert bench.content.sync(deadline=Deadline(1000.0)).unsynced == (0, 1, 2, 3, 4)
    assert bench.system.named("fdatasync", "fsync") == []
    assert bench.content.sync().unsynced == ()
    assert bench.system.named("fdatasync") == ["fdatasync"] * 2


def test_without_a_name_of_the_page_cache_a_sync_takes_its_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PageCache, "of", classmethod(lambda kind, folder: None))
    bench.prepare()
    bench.put(0, 1)
    synced = bench.content.sync(deadline=Deadline(0.0))
    assert (synced.unsynced, synced.page_cache) == ((), "")
    assert len(bench.system.named("fdatasync")) == 2


def test_a_file_on_another_disk_is_synced_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PageCache, "of", classmethod(lambda kind, folder: PageCache("boot 1", 1)))
    bench.prepare()
    bench.put(0, 1)
    assert bench.content.sync(deadline=Deadline(0.0)).unsynced == ()
    assert len(bench.system.named("fdatasync")) == 2


def test_names_that_cannot_be_made_durable_are_an_error(bench: Bench, cached: PageCache) -> None:
    bench.prepare()
    bench.put(*range(8))
    bench.system.fail("fsync", errno.EIO, times=1)
    synced = bench.content.sync(deadline=Deadline(0.0))
    assert synced.error is not None
    assert synced.error.errno == errno.EIO
    assert synced.suspects == (0, 1)
    bench.system.calls.clear()
    assert bench.content.sync(deadline=Deadline(0.0)).error is None
    assert bench.system.named("fsync") == ["fsync"] * 2, "t and the root once more"


def test_many_files_are_not_flushed_in_a_hurry(
    bench: Bench, cached: PageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsynced_files, "MANY", 2)
    bench.restart()
    told = many(monkeypatch, lambda fd: True, reporting=True)
    bench.prepare()
    bench.put(0, 1)
    assert bench.content.sync(deadline=Deadline(1000.0)).unsynced == (0, 1, 2, 3, 4)
    assert told == []
    assert bench.content.sync(deadline=Deadline()).unsynced == ()
    assert told == ["flush"]
    bench.content.close()


def test_what_an_earlier_process_wrote_is_synced_though_no_flush_watched_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.prepare()
    bench.put(*range(8))
    monkeypatch.setattr(unsynced_files, "MANY", 2)
    bench.restart()
    asked: List[int] = []

    def ask(descriptor: int) -> bool:
        asked.append(descriptor)
        return True

    told = many(monkeypatch, ask, reporting=True)
    bench.content.check_files()
    assert bench.content.sync(older=[0, 1, 5]).error is None
    assert told == ["flush"]
    assert len(asked) == 3, "a, b and c; piece 5 has padding, too"
    bench.content.close()


def test_a_large_file_is_written_in_parts(bench: Bench, cached: PageCache, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: List[int] = []
    deadline = Deadline()

    def write_back(fd: int, offset: int, size: int) -> int:
        parts.append(offset)
        if len(parts) == 2:
            deadline.set(0.0)
        return 0

    monkeypatch.setattr(unsynced_files, "WRITE_BACK_BYTES", 100)
    monkeypatch.setattr(write_back_module, "WRITE_BACK_BYTES", 100)
    calls = Calls(lambda fd: 0, lambda fd: True, write_back, True)
    monkeypatch.setattr(write_back_module, "calls", lambda: calls)
    bench.prepare()
    bench.put(1, 2, 3, 4)
    synced = bench.content.sync(deadline=deadline)
    assert parts == [0, 100], "of a"
    assert synced.unsynced == tuple(range(6))
    assert bench.content.sync().unsynced == ()
    assert parts[2:8] == [0, 100, 0, 100, 0, 100]
