from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple, Type

import pytest
from support.fates import a_folder, changed, cut, gone, replaced
from support.system import WINDOWS_LACKS, System

from bittorrent_threads.disk.file import File, FileStat, Gone, Missing
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.small_files import SmallFiles
from bittorrent_threads.errors import StorageError

COUNT = 12


@pytest.fixture
def pool() -> Iterator[FilePool]:
    pool = FilePool(4)
    yield pool
    assert len(pool) <= 1, "small files are not kept open"
    pool.close()


@pytest.fixture(params=[(), WINDOWS_LACKS], ids=["posix", "windows"])
def system(request: pytest.FixtureRequest) -> System:
    return System(without=request.param)


def made(root: Path, system: System) -> List[File]:
    """Files in three folders, the last of them deep, each with its number as data."""
    folder = Folder(str(root), system=system)
    above = [("a",), ("b", "c"), tuple("abcdefghijkl")]
    files = [File(folder, (*above[number * 3 // COUNT], f"{number:02}")) for number in range(COUNT)]
    for number, file in enumerate(files):
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
        Path(file.path).write_bytes(b"%04d" % number)
    return files


def adopted(pool: FilePool, files: List[File]) -> List[object]:
    with files[0].folder.keep_folders_open():
        return list(SmallFiles(pool).adopt(files))


def contents(pool: FilePool, files: List[File]) -> List[bytes]:
    buffers = [bytearray(4) for _ in files]
    with files[0].folder.keep_folders_open():
        SmallFiles(pool).read([(file, 0, memoryview(buffer)) for file, buffer in zip(files, buffers)])
    return list(map(bytes, buffers))


FATES = [gone, replaced, cut, changed, a_folder]


@pytest.mark.parametrize("seen", [False, True], ids=["new", "seen"])
@pytest.mark.parametrize("fate", FATES)
def test_files_are_adopted_as_one_by_one(
    tmp_path: Path, pool: FilePool, system: System, fate: Callable[[File], None], seen: bool
) -> None:
    """Beside a pool that adopts each alone: the same answers, states and changes."""
    files = made(tmp_path, system)
    others = [File(file.folder, file.parts) for file in files]
    if seen:
        assert adopted(pool, files) == [pool.adopt(other) for other in others]
    for number in (0, 5, 6, COUNT - 1):
        fate(files[number])
    alone: List[object] = []
    for other in others:
        try:
            alone.append(pool.adopt(other))
        except StorageError as error:
            alone.append(error)
    found = adopted(pool, files)
    assert [str(each) if isinstance(each, StorageError) else each for each in found] == [
        str(each) if isinstance(each, StorageError) else each for each in alone
    ]
    for file, other in zip(files, others):
        assert (file.stat, file.identity, file.changes) == (other.stat, other.identity, other.changes)
        assert file.ctime == other.ctime
    assert any(file.changes for file in files) == seen or fate is a_folder


def test_a_file_that_is_open_is_closed_if_it_is_another_now(tmp_path: Path) -> None:
    pool, files = FilePool(4), made(tmp_path, System())
    adopted(pool, files)
    pool.read(files[3], 0, 4)
    replaced(files[3])
    adopted(pool, files)
    assert files[3] not in pool
    assert pool.read(files[3], 0, 4) == b"0003"
    assert isinstance(adopted(pool, files)[3], FileStat)
    assert files[3] in pool
    pool.close()


@pytest.mark.parametrize("seen", [False, True], ids=["new", "seen"])
def test_an_absent_folder_is_looked_for_once(tmp_path: Path, pool: FilePool, seen: bool) -> None:
    system = System()
    files = made(tmp_path, system)[: 2 * COUNT // 3]
    others = [File(file.folder, file.parts) for file in files]
    if seen:
        assert adopted(pool, files) == [pool.adopt(other) for other in others]
    shutil.rmtree(tmp_path / "b")
    system.calls.clear()
    with files[0].folder.keep_folders_open():
        found = adopted(pool, files)
        calls = len(system.calls)
        Path(files[-1].path).parent.mkdir(parents=True)
        Path(files[-1].path).write_bytes(b"later")
        assert adopted(pool, files)[-1] is not None, "the next look finds it"
    assert found[:4] == [pool.adopt(other) for other in others[:4]]
    assert found[4:] == [None] * 4
    assert seen or calls == len(["root", "a", *files[:4], "b"])


def test_each_is_examined_by_one_call_and_read_by_four(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    files = made(tmp_path, system)[: COUNT // 3]
    with files[0].folder.keep_folders_open():
        contents(pool, files)  # opens the folders
        adopted(pool, files)
        system.calls.clear()
        adopted(pool, files)
        assert system.named(*dir(os)) == ["stat"] * len(files)
        system.calls.clear()
        assert contents(pool, files) == [b"%04d" % number for number in range(len(files))]
        assert system.named(*dir(os)) == ["open", "fstat", "preadv", "close"] * len(files)


@pytest.mark.parametrize("seen", [False, True], ids=["new", "seen"])
def test_all_are_read(tmp_path: Path, pool: FilePool, system: System, seen: bool) -> None:
    files = made(tmp_path, system)
    if seen:
        adopted(pool, files)
    assert contents(pool, files) == [b"%04d" % number for number in range(COUNT)]
    assert all(file.seen and not file.changes for file in files)
    buffer = bytearray(2)
    SmallFiles(pool).read([(files[7], 1, memoryview(buffer))])
    assert buffer == b"00"


@pytest.mark.parametrize("fate", FATES)
def test_the_file_that_has_the_name_now_is_read(
    tmp_path: Path, pool: FilePool, system: System, fate: Callable[[File], None]
) -> None:
    files = made(tmp_path, system)
    adopted(pool, files)
    fate(files[6])
    if fate is changed:
        assert contents(pool, files)[6] == b"Z006"
    else:
        kinds: Dict[object, Type[StorageError]] = {cut: Missing, gone: Gone, replaced: Gone, a_folder: StorageError}
        with pytest.raises(kinds[fate]) as caught:
            contents(pool, files)
        assert caught.value.path == files[6].path
    assert files[6].changes == (fate in (cut, changed))


def test_a_file_that_was_never_there_is_missing(tmp_path: Path, pool: FilePool, system: System) -> None:
    files = made(tmp_path, system)
    gone(files[4])
    with pytest.raises(Missing) as caught:
        contents(pool, files)
    assert (caught.value.path, caught.value.errno) == (files[4].path, errno.ENOENT)


@pytest.mark.parametrize("call", ["open", "fstat", "preadv", "stat"])
def test_an_error_of_the_disk_is_that_of_its_file_and_leaves_nothing_open(
    tmp_path: Path, pool: FilePool, call: str
) -> None:
    system = System()
    files = made(tmp_path, system)
    adopted(pool, files)
    descriptors = os.listdir("/proc/self/fd")
    system.fail(call, errno.EIO, after=8)
    found: Tuple[object, ...] = ()
    try:
        contents(pool, files)
        found = tuple(adopted(pool, files))
    except StorageError as error:
        found = (error,)
    system.heal(call)
    errors = [each for each in found if isinstance(each, StorageError)]
    assert [error.errno for error in errors] == [errno.EIO] * len(errors) != []
    assert {error.path for error in errors} <= {file.path for file in files}
    assert os.listdir("/proc/self/fd") == descriptors
