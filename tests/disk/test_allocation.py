from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Iterator, List

import pytest
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk import allocation
from bittorrent_threads.disk.allocation import FULL, allocate
from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.descriptor import Descriptor
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError

KIB = 1024
FALLOCATES = hasattr(os, "posix_fallocate")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Descriptor]:
    descriptor = Descriptor(os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT))
    yield descriptor
    descriptor.close()


def content_of(file: Descriptor) -> bytes:
    return file.read(0, file.stat().st_size)


def room(file: Descriptor) -> int:
    return file.stat().st_blocks * 512


@pytest.mark.parametrize("lacking", [[], ["posix_fallocate"]])
def test_the_room_is_there_and_reads_as_zeros(file: Descriptor, lacking: List[str]) -> None:
    allocate(file, 300 * KIB + 5, system=System(without=lacking))
    assert content_of(file) == bytes(300 * KIB + 5)
    assert room(file) >= 300 * KIB


@pytest.mark.parametrize("lacking", [[], ["posix_fallocate"]])
def test_what_is_there_stays(file: Descriptor, lacking: List[str]) -> None:
    file.write(0, [memoryview(b"data")])
    allocate(file, 100, system=System(without=lacking))
    assert content_of(file) == b"data" + bytes(96)
    allocate(file, 50, system=System(without=lacking))
    assert content_of(file) == b"data" + bytes(96)


def test_zeros_are_written_in_turns(file: Descriptor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "ZEROS", bytes(40))
    file.write(0, [memoryview(b"data")])
    allocate(file, 100, system=System(without=["posix_fallocate"]))
    assert content_of(file) == b"data" + bytes(96)


@pytest.mark.skipif(not FALLOCATES, reason="no posix_fallocate here")
def test_a_file_with_all_its_room_is_left_alone(file: Descriptor) -> None:
    system = System()
    allocate(file, 64 * KIB, system=system)
    before = file.stat()
    allocate(file, 64 * KIB, system=system)
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert system.named("posix_fallocate") == ["posix_fallocate"]


@pytest.mark.skipif(not FALLOCATES, reason="no posix_fallocate here")
def test_holes_are_filled(file: Descriptor) -> None:
    file.truncate(256 * KIB)
    allocate(file, 256 * KIB)
    assert room(file) >= 256 * KIB


@pytest.mark.skipif(not FALLOCATES, reason="no posix_fallocate here")
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_it_gets_zeros(file: Descriptor, number: int) -> None:
    system = System()
    system.fail("posix_fallocate", number)
    allocate(file, 64 * KIB, system=system)
    assert content_of(file) == bytes(64 * KIB)


@pytest.mark.skipif(not FALLOCATES, reason="no posix_fallocate here")
def test_a_full_disk_is_told(file: Descriptor) -> None:
    system = System()
    system.fail("posix_fallocate", errno.ENOSPC)
    with pytest.raises(OSError) as caught:
        allocate(file, 64 * KIB, system=system)
    assert caught.value.errno == errno.ENOSPC


# -- a torrent -----------------------------------------------------------------------------------------------------


@pytest.fixture
def t() -> Torrent:
    return torrent([("a", 9_000), ("b", 20_000), ("sub/empty", 0), ("c", 5_000)], 4_000)


def prepared(t: Torrent, folder: Path, system: System, *, wanted: List[bool]) -> Content:
    content = Content(t.metainfo, Folder(str(folder), system=system), FilePool(4), allocation=FULL)
    try:
        content.prepare(wanted)
    finally:
        content.close()
    return content


def test_wanted_files_have_their_room(t: Torrent, tmp_path: Path) -> None:
    prepared(t, tmp_path, System(), wanted=[True, True, True, False])
    sizes = [(tmp_path / "t" / name).stat().st_size for name in ("a", "b", "sub/empty")]
    assert sizes == [9_000, 20_000, 0]
    assert not (tmp_path / "t" / "c").exists()


def test_pieces_are_written_into_it_and_no_change_of_another_program_is_seen(t: Torrent, tmp_path: Path) -> None:
    content = prepared(t, tmp_path, System(), wanted=[True] * 4)
    content.write(0, [memoryview(t.data)])
    content.prepare([True] * 4)
    assert content.sync().suspects == ()
    assert content.epochs.of(0) == 0
    assert [t.path(tmp_path, index).read_bytes() for index in range(4)] == [t.file(index) for index in range(4)]
    content.close()


@pytest.mark.skipif(not FALLOCATES, reason="no posix_fallocate here")
def test_a_full_disk_is_an_error_with_path_and_errno(t: Torrent, tmp_path: Path) -> None:
    system = System()
    system.fail("posix_fallocate", errno.ENOSPC, after=1)
    with pytest.raises(StorageError) as caught:
        prepared(t, tmp_path, system, wanted=[True] * 4)
    assert (caught.value.errno, caught.value.path) == (errno.ENOSPC, str(tmp_path / "t" / "b"))
