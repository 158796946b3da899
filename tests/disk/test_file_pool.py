from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from support.fates import changed, cut, gone, replaced
from support.system import WINDOWS_LACKS, System

from bittorrent_threads.disk.file import File, Gone, Missing
from bittorrent_threads.disk.file_pool import MAX_CHANGES, FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError


@pytest.fixture
def folder(tmp_path: Path, system: System) -> Folder:
    return Folder(str(tmp_path), system=system)


def view(data: bytes) -> List[memoryview]:
    return [memoryview(data)]


def file(folder: Folder, name: str = "a/x", data: bytes | None = None) -> File:
    made = File(folder, tuple(name.split("/")))
    if data is not None:
        Path(made.path).parent.mkdir(parents=True, exist_ok=True)
        Path(made.path).write_bytes(data)
    return made


def read(pool: FilePool, file: File, offset: int, length: int) -> bytes:
    """The three ways to read, which must agree."""
    buffer, small = bytearray(length), bytearray(2)
    pool.read_into(file, offset, memoryview(buffer))
    data = pool.read(file, offset, length)
    assert data == buffer
    assert b"".join(map(bytes, pool.scan(file, offset, length, memoryview(small)))) == data
    return data


# -- reading and writing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacks", [(), WINDOWS_LACKS], ids=["posix", "windows"])
def test_what_is_written_is_read(tmp_path: Path, pool: FilePool, lacks: Tuple[str, ...]) -> None:
    x = file(Folder(str(tmp_path), system=System(without=lacks)))
    pool.write(x, 3, [memoryview(b"abc"), memoryview(b"de")])
    assert read(pool, x, 3, 5) == b"abcde"
    assert Path(x.path).read_bytes() == b"\0\0\0abcde"


def test_a_file_that_was_never_there_is_missing(pool: FilePool, folder: Folder) -> None:
    x = file(folder)
    with pytest.raises(Missing) as caught:
        read(pool, x, 0, 1)
    assert (caught.value.path, caught.value.errno) == (x.path, errno.ENOENT)
    assert not os.path.exists(x.path), "reading made it"


def test_two_workers_may_make_a_file_at_once(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    x = file(Folder(str(tmp_path), system=system), "x")

    def overtaken(name: str, flags: int, *arguments: Any, **keywords: Any) -> int:
        if name == "x":
            system.heal("open")
            pool.write(x, 4, view(b"theirs"))
        return os.open(name, flags, *arguments, **keywords)

    system.use("open", overtaken)
    pool.write(x, 0, view(b"ours"))
    assert Path(x.path).read_bytes() == b"ourstheirs"
    assert x.changes == 0


def test_a_file_that_is_too_short_is_missing_its_end(pool: FilePool, folder: Folder) -> None:
    x = file(folder, data=b"abc")
    with pytest.raises(Missing, match="ends at byte 3"):
        read(pool, x, 1, 5)


def test_a_file_opened_to_read_can_be_written_later(pool: FilePool, folder: Folder) -> None:
    x = file(folder, data=b"abc")
    assert read(pool, x, 0, 3) == b"abc"
    pool.write(x, 1, view(b"X"))
    assert read(pool, x, 0, 3) == b"aXc"
    assert len(pool) == 1


def test_create_makes_an_empty_file_and_keeps_a_full_one(pool: FilePool, folder: Folder) -> None:
    x, y = file(folder, "a/x"), file(folder, "a/y", b"kept")
    pool.create(x)
    pool.create(y)
    assert Path(x.path).read_bytes() == b""
    assert Path(y.path).read_bytes() == b"kept"


def test_create_takes_a_complete_file_on_a_disk_to_read_only(tmp_path: Path, pool: FilePool) -> None:
    system = System()

    def read_only(path: str, flags: int, *arguments: Any, **keywords: Any) -> int:
        if flags & (os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return os.open(path, flags, *arguments, **keywords)

    system.use("open", read_only)
    folder = Folder(str(tmp_path), system=system)
    pool.create(file(folder, "y", b"kept"))
    with pytest.raises(StorageError) as caught:
        pool.create(file(folder, "x"))
    assert caught.value.errno == errno.EROFS


@pytest.mark.parametrize("name", ["x" * 300, "lone \ud800 surrogate"])
def test_names_the_system_refuses_are_storage_errors(pool: FilePool, folder: Folder, name: str) -> None:
    x = file(folder, name)
    uses: List[Callable[[], object]] = [
        lambda: pool.write(x, 0, view(b"1")),
        lambda: pool.read(x, 0, 1),
        lambda: pool.adopt(x),
    ]
    for use in uses:
        with pytest.raises(StorageError) as caught:
            use()
        assert caught.value.path == x.path


def test_every_error_names_path_and_errno(tmp_path: Path, pool: FilePool) -> None:
    for name, use in (
        ("preadv", lambda x: pool.read_into(x, 0, memoryview(bytearray(1)))),
        ("pread", lambda x: pool.read(x, 0, 1)),
        ("pwritev", lambda x: pool.write(x, 0, view(b"1"))),
        ("fdatasync", pool.sync),
        ("fstat", lambda x: pool.read(x, 0, 1)),
        ("stat", pool.adopt),
    ):
        system = System()
        system.fail(name, errno.EIO)
        x = file(Folder(str(tmp_path), system=system), name, b"data")
        with pytest.raises(StorageError) as caught:
            use(x)
        assert (caught.value.path, caught.value.errno) == (x.path, errno.EIO)


# -- the file that was met -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [True, False], ids=["written", "read"])
@pytest.mark.parametrize("kept_open", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize("fate", [gone, replaced])
def test_a_file_that_became_another_is_neither_read_nor_written(
    pool: FilePool, folder: Folder, fate: Callable[[File], None], kept_open: bool, written: bool
) -> None:
    x = file(folder, data=b"data")
    assert read(pool, x, 0, 4) == b"data"
    if written:
        pool.write(x, 0, view(b"D"))
    if not kept_open:
        pool.close()
    fate(x)
    after = os.path.exists(x.path) and Path(x.path).read_bytes()
    uses: List[Callable[[], object]] = [
        lambda: pool.read(x, 0, 1),
        lambda: pool.read_into(x, 0, memoryview(bytearray(1))),
        lambda: pool.write(x, 8, view(b"data")),
        lambda: pool.sync(x),
        lambda: pool.create(x),
    ]
    for use in uses:
        with pytest.raises(Gone) as caught:
            use()
        assert caught.value.path == x.path
        assert caught.value.errno in (errno.ENOENT, errno.ESTALE)
    assert (os.path.exists(x.path) and Path(x.path).read_bytes()) == after, "it was made again or written"


def test_a_file_renamed_under_us_is_noticed_at_the_next_sync(pool: FilePool, folder: Folder) -> None:
    x = file(folder, data=b"data")
    pool.write(x, 0, view(b"D"))
    os.rename(x.path, x.path + ".elsewhere")
    with pytest.raises(Gone):
        pool.sync(x)


LOOKS: List[Callable[[FilePool, File], object]] = [
    lambda pool, x: pool.read(x, 0, 1),
    lambda pool, x: pool.read_into(x, 0, memoryview(bytearray(1))),
    lambda pool, x: pool.write(x, 0, view(b"d")),
    lambda pool, x: pool.refresh(x),
    lambda pool, x: pool.sync(x),
]


@pytest.mark.parametrize("kept_open", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize("fate", [cut, changed])
def test_a_change_by_another_program_is_counted_once(
    pool: FilePool, folder: Folder, fate: Callable[[File], None], kept_open: bool
) -> None:
    for number, look in enumerate(LOOKS):
        x = file(folder, str(number), b"data")
        assert read(pool, x, 0, 4) == b"data"
        assert x.changes == 0
        if not kept_open:
            pool.close()
        fate(x)
        look(pool, x)
        assert x.changes == 1
        look(pool, x)
        assert x.changes == 1
        os.truncate(x.path, 0)
        pool.refresh(x)
        assert x.changes == 2


def test_a_file_of_our_own_that_was_cut_is_noticed_too(pool: FilePool, folder: Folder) -> None:
    x = file(folder)
    pool.write(x, 0, view(b"data"))
    cut(x)
    pool.write(x, 8, view(b"more"))
    assert x.changes == 1


def test_our_own_writes_are_no_change(pool: FilePool, folder: Folder) -> None:
    x = file(folder, data=b"data")
    pool.adopt(x)
    for turn in range(3):
        pool.write(x, turn * 2, view(b"D"))
        pool.sync(x)
        pool.close()
        assert read(pool, x, 0, 1) == b"D"
    assert x.changes == 0


def test_a_failed_write_of_our_own_is_no_change(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    system.use("pwritev", lambda fd, buffers, offset: os.pwrite(fd, buffers[0][:1], offset))
    system.fail("pwritev", errno.ENOSPC, after=1)
    x = file(Folder(str(tmp_path), system=system), "x", b"data")
    with pytest.raises(StorageError):
        pool.write(x, 0, view(b"more"))
    assert Path(x.path).read_bytes() == b"mata"
    assert read(pool, x, 0, 4) == b"mata"
    assert x.changes == 0


def test_the_times_of_a_file_we_write_are_believed_a_few_times(pool: FilePool, folder: Folder) -> None:
    x, y = file(folder, "x", b"data"), file(folder, "y", b"data")
    pool.write(x, 0, view(b"D"))
    read(pool, y, 0, 4)
    for _ in range(MAX_CHANGES + 2):
        for each in (x, y):
            changed(each)
            read(pool, each, 0, 4)
    assert x.changes == MAX_CHANGES
    assert y.changes == MAX_CHANGES + 2, "a file that we only read stands still"
    cut(x)
    pool.refresh(x)
    assert x.changes == MAX_CHANGES + 1, "a length is always believed"


@pytest.mark.parametrize("fate", [gone, replaced, cut, changed])
def test_adopt_takes_the_file_as_it_is_now(pool: FilePool, folder: Folder, fate: Callable[[File], None]) -> None:
    x = file(folder, data=b"data")
    assert read(pool, x, 0, 4) == b"data"
    fate(x)
    stat = pool.adopt(x)
    if fate is gone:
        assert stat is None
        assert not x.seen
        with pytest.raises(Missing):
            pool.read(x, 0, 1)
    else:
        found = os.stat(x.path)
        assert stat == (found.st_size, found.st_mtime_ns, found.st_ino)
        assert read(pool, x, 0, 2) == Path(x.path).read_bytes()[:2]
    pool.write(x, 0, view(b"new!"))
    assert Path(x.path).read_bytes() == b"new!"


def test_refresh_forgets_a_file_that_lost_its_name(pool: FilePool, folder: Folder) -> None:
    x = file(folder, data=b"data")
    assert read(pool, x, 0, 4) == b"data"
    os.rename(x.path, x.path + ".elsewhere")
    assert read(pool, x, 0, 4) == b"data"
    pool.refresh(x)
    with pytest.raises(Gone):
        pool.read(x, 0, 4)


def test_exists_needs_no_earlier_look(pool: FilePool, folder: Folder) -> None:
    assert not pool.exists(file(folder, "x"))
    assert pool.exists(file(folder, "y", b""))


# -- sync ----------------------------------------------------------------------------------------------------------


def test_sync_tells_what_the_file_is_once_it_is_durable(pool: FilePool, folder: Folder, system: System) -> None:
    x = file(folder)
    pool.write(x, 0, view(b"data"))
    system.calls.clear()
    stat = pool.sync(x)
    found = os.stat(x.path)
    assert stat == x.stat == (4, found.st_mtime_ns, found.st_ino)
    order = system.named("fdatasync", "fsync", "fstat")
    assert order.index("fstat", 1) > max(i for i, name in enumerate(order) if name != "fstat")


def test_the_name_of_a_new_file_is_synced_once(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    folder = Folder(str(tmp_path), system=system)
    x, y = file(folder, "a/x"), file(folder, "y", b"old")
    pool.write(x, 0, view(b"1"))
    pool.write(y, 0, view(b"1"))
    pool.sync(y)
    assert system.named("fsync") == []
    pool.sync(x)
    assert system.named("fsync") == ["fsync"] * 2, "the root and the folder"
    pool.sync(x)
    assert len(system.named("fsync")) == 2


def test_the_name_of_a_new_file_is_synced_again_if_that_failed(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    system.fail("fsync", errno.EIO, times=1)
    x = file(Folder(str(tmp_path), system=system), "x")
    pool.write(x, 0, view(b"1"))
    with pytest.raises(StorageError):
        pool.sync(x)
    pool.sync(x)
    assert system.named("fsync") == ["fsync"] * 2


# -- few open files ------------------------------------------------------------------------------------------------


def descriptors(folder: Path) -> List[str]:
    links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sorted(os.readlink(link) for link in links if os.path.islink(link) and _points_below(link, folder))


def _points_below(link: str, folder: Path) -> bool:
    return os.readlink(link).startswith(str(folder))


def test_the_file_unused_longest_is_closed_first(tmp_path: Path, pool: FilePool, folder: Folder) -> None:
    files = [file(folder, str(number)) for number in range(6)]
    for x in files[:4]:
        pool.write(x, 0, view(b"1"))
    read(pool, files[0], 0, 1)
    for x in files[4:]:
        pool.write(x, 0, view(b"1"))
    assert descriptors(tmp_path) == [files[number].path for number in (0, 3, 4, 5)]
    assert len(pool) == 4


def test_a_file_closed_meanwhile_is_opened_again(pool: FilePool, folder: Folder) -> None:
    files = [file(folder, str(number)) for number in range(9)]
    for turn in range(3):
        for number, x in enumerate(files):
            pool.write(x, turn, view(bytes([number])))
    for number, x in enumerate(files):
        assert read(pool, x, 0, 3) == bytes([number]) * 3


def test_a_file_in_use_is_closed_by_its_last_user(tmp_path: Path) -> None:
    system = System()
    inside, go_on = threading.Event(), threading.Event()

    def slow(fd: int, buffers: Any, offset: int) -> int:
        inside.set()
        assert go_on.wait(30)
        return os.preadv(fd, buffers, offset)

    pool = FilePool(1)
    folder = Folder(str(tmp_path), system=system)
    x, y = file(folder, "x", b"data"), file(folder, "y", b"y")
    buffer = bytearray(4)
    system.use("preadv", slow)
    reader = threading.Thread(target=pool.read_into, args=(x, 0, memoryview(buffer)))
    reader.start()
    assert inside.wait(30)
    pool.read(y, 0, 1)
    assert len(descriptors(tmp_path)) == 2, "the file in use stays"
    pool.close()
    assert descriptors(tmp_path) == [x.path]
    go_on.set()
    reader.join()
    assert buffer == b"data"
    assert descriptors(tmp_path) == []


def test_close_of_a_folder_closes_the_files_of_one_torrent(tmp_path: Path, pool: FilePool) -> None:
    one, other = Folder(str(tmp_path / "1")), Folder(str(tmp_path / "2"))
    x, y = file(one, "x", b"x"), file(other, "y", b"y")
    for each in (x, y):
        pool.read(each, 0, 1)
    pool.close(one)
    assert descriptors(tmp_path) == [y.path]
    assert read(pool, x, 0, 1) == b"x", "and it can be used again"


def test_a_file_that_was_met_is_not_opened_to_be_made(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    x = file(Folder(str(tmp_path), system=system), "x", b"data")
    pool.adopt(x)
    system.calls.clear()
    with x.folder.keep_folders_open():
        pool.create(x)
    assert "fstat" not in [name for name, _ in system.calls]
    assert x.changes == 0
    changed(x)
    pool.create(x)
    assert x.changes == 1
    replaced(x)
    with pytest.raises(Gone):
        pool.create(x)
    gone(x)
    with pytest.raises(Gone):
        pool.create(x)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_without_descriptors_our_own_are_given_back(tmp_path: Path, pool: FilePool, number: int) -> None:
    system = System()
    folder = Folder(str(tmp_path), system=system, relief=pool.relieve)
    files = [file(folder, str(name), b"1") for name in range(4)]
    for x in files[:3]:
        pool.read(x, 0, 1)
    system.fail("open", number, times=3)
    assert pool.read(files[3], 0, 1) == b"1"
    assert descriptors(tmp_path) == [files[3].path]


def test_without_descriptors_to_give_back_it_is_an_error(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    system.fail("open", errno.EMFILE)
    x = file(Folder(str(tmp_path), system=system), "x", b"1")
    with pytest.raises(StorageError) as caught:
        pool.read(x, 0, 1)
    assert caught.value.errno == errno.EMFILE


NOFILE = """
import os, resource, sys
from bittorrent_threads.disk.file import File
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder

pool = FilePool(1000)
folder = Folder(sys.argv[1], relief=pool.relieve)
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
files = [File(folder, ("a", "b", str(number))) for number in range(100)]
for turn in range(2):
    for number, file in enumerate(files):
        pool.write(file, turn, [memoryview(bytes([number]))])
assert all(pool.read(file, 0, 2) == bytes([number] * 2) for number, file in enumerate(files))
assert len(pool) < 30, len(pool)
"""


def run(program: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_process_that_may_open_few_files_works_with_many(tmp_path: Path) -> None:
    result = run(NOFILE, tmp_path)
    assert result.returncode == 0, result.stderr


# -- many threads --------------------------------------------------------------------------------------------------


def test_threads_that_evict_each_others_files_read_what_they_wrote(folder: Folder) -> None:
    pool = FilePool(2)
    files = [file(folder, f"{number % 2}/{number}") for number in range(6)]
    wrong: List[Tuple[int, object]] = []

    def work(number: int) -> None:
        try:
            for turn in range(30):
                x = files[(number + turn) % 6]
                data = bytes([number + 1, turn])
                offset = number * 1000 + turn * 2
                pool.write(x, offset, view(data))
                if turn % 5 == 0:
                    pool.sync(x)
                if read(pool, x, offset, 2) != data:
                    wrong.append((number, turn))
        except StorageError as error:
            wrong.append((number, error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()
    assert not wrong
    assert [x.changes for x in files] == [0] * 6
    assert descriptors(Path(folder.root)) == []
