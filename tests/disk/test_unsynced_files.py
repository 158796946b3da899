from __future__ import annotations

import errno
import os
from typing import Callable, List

import pytest
from support.contents import A, B, Bench, spoil
from support.torrents import Torrent

from bittorrent_threads.disk import flush, unsynced_files
from bittorrent_threads.disk.file import FileStat


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
    monkeypatch.setattr(flush, "_kind", lambda device: "ext4")
    monkeypatch.setattr(flush, "_calls", lambda: flush.Calls(syncfs, check, reporting))
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
