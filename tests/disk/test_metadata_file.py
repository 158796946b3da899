"""The stored metadata: whole or absent, right or not used, in bounded memory, and moved with the resume data."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import Any, List

import pytest
from support.system import System

from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.metadata_file import MetadataFile, StoredMetadata
from bittorrent_threads.disk.pool import Pool
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.infohash import InfoHash

INFO = b"d4:name1:xe" * 100
HASH = InfoHash.of(INFO)
PARTS = (".hidden", "t.info")


def make(root: Path, system: Any = None) -> MetadataFile:
    """The file below this folder."""
    return MetadataFile(Folder(str(root), **({} if system is None else {"system": system})), PARTS)


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    file = make(tmp_path)
    assert file.load(HASH, 5000) is None
    file.store(INFO)
    file.store(INFO)
    assert file.load(HASH, len(INFO)) == INFO
    assert [path.name for path in (tmp_path / PARTS[0]).iterdir()] == [PARTS[1]]
    file.remove()
    assert file.load(HASH, 5000) is None


def test_what_is_too_large_or_wrong_or_no_file_is_not_used(tmp_path: Path) -> None:
    file = make(tmp_path)
    file.store(INFO)
    assert file.load(HASH, len(INFO) - 1) is None
    assert file.load(InfoHash(v1=bytes(20)), 5000) is None
    file.remove()
    (tmp_path.joinpath(*PARTS)).mkdir()
    assert file.load(HASH, 5000) is None


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(INFO)
    (tmp_path / PARTS[0]).mkdir()
    tmp_path.joinpath(*PARTS).symlink_to(tmp_path / "elsewhere")
    assert make(tmp_path).load(HASH, 5000) is None


@pytest.mark.parametrize("call", ["open", "pwritev", "fdatasync", "replace"])
def test_a_fault_leaves_the_file_whole_or_absent(tmp_path: Path, call: str) -> None:
    system = System()
    file = make(tmp_path, system)
    system.fail(call, errno.ENOSPC, after=0, times=1)
    with pytest.raises(StorageError) as caught:
        file.store(INFO)
    assert caught.value.errno == errno.ENOSPC
    assert PARTS[1] in caught.value.path
    system.heal(call)
    assert file.load(HASH, 5000) in (None, INFO)
    file.store(INFO)
    assert file.load(HASH, 5000) == INFO


def test_it_is_copied_to_another_place_and_what_fails_is_told(tmp_path: Path) -> None:
    system = System()
    file, other = make(tmp_path / "a", system), make(tmp_path / "b")
    file.copy_to(other)
    assert other.load(HASH, 5000) is None
    file.store(INFO)
    file.copy_to(other)
    assert other.load(HASH, 5000) == INFO
    system.fail("stat", errno.EIO, after=0, times=1)
    with pytest.raises(StorageError):
        file.copy_to(other)
    system.heal("stat")
    system.fail("unlink", errno.EIO, after=0, times=1)
    with pytest.raises(StorageError):
        file.remove()


def test_the_network_thread_gets_each_answer(tmp_path: Path) -> None:
    answers: List[Any] = []
    came = threading.Semaphore(0)

    def post(callback: Any) -> None:
        callback()
        came.release()

    pool = Pool(1, post)
    pool.start()
    try:
        stored = StoredMetadata(make(tmp_path), pool)
        stored.remember(INFO, answers.append)
        assert came.acquire(timeout=30)
        stored.recall(HASH, 5000, answers.append)
        assert came.acquire(timeout=30)
        blocked = StoredMetadata(MetadataFile(Folder(str(tmp_path / PARTS[0] / PARTS[1])), PARTS), pool)
        blocked.remember(INFO, answers.append)
        assert came.acquire(timeout=30)
        blocked.recall(HASH, 5000, answers.append)
        assert came.acquire(timeout=30)
    finally:
        assert pool.close(30)
    assert (answers[0].error, answers[1]) == (None, INFO)
    assert answers[2].error.errno == errno.ENOTDIR
    assert answers[3] is None
    stored.recall(HASH, 5000, answers.append)
    stored.remember(INFO, answers.append)
    assert len(answers) == 4, "the disk is closed"
