from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.system import WINDOWS_LACKS, System

from bittorrent_threads.disk.descriptor import MAX_VECTORS, MAX_WRITE_BYTES, WRITE_BYTES, Descriptor

PLATFORMS = {
    "vectors": (),
    "positions": ("preadv", "pwritev"),
    "seeks": WINDOWS_LACKS,
}


@pytest.fixture(params=list(PLATFORMS))
def system(request: pytest.FixtureRequest) -> System:
    return System(without=PLATFORMS[request.param])


@pytest.fixture
def file(tmp_path: Path, system: System) -> Iterator[Descriptor]:
    opened = Descriptor(os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT), system)
    yield opened
    opened.close()


def views(*chunks: bytes) -> List[memoryview]:
    return [memoryview(chunk) for chunk in chunks]


def test_what_is_written_is_read(file: Descriptor) -> None:
    file.write(5, views(b"abc", b"", b"defg"))
    assert file.read(5, 7) == b"abcdefg"
    buffer = bytearray(4)
    assert file.read_into(6, memoryview(buffer)) == 4
    assert buffer == b"bcde"
    assert file.read(0, 5) == bytes(5)


def test_fewer_bytes_are_read_only_at_the_end(file: Descriptor) -> None:
    file.write(0, views(b"abc"))
    assert file.read(1, 10) == b"bc"
    assert file.read(3, 10) == b""
    buffer = bytearray(b"....")
    assert file.read_into(2, memoryview(buffer)) == 1
    assert buffer == b"c..."


def test_partial_reads_go_on_where_they_ended(file: Descriptor, system: System) -> None:
    file.write(0, views(bytes(range(100))))
    system.use("pread", lambda fd, length, offset: os.pread(fd, min(length, 7), offset))
    system.use("preadv", lambda fd, buffers, offset: os.preadv(fd, [buffers[0][:7]], offset))
    system.use("read", lambda fd, length: os.read(fd, min(length, 7)))
    assert file.read(10, 80) == bytes(range(10, 90))


def test_partial_writes_go_on_where_they_ended(file: Descriptor, system: System) -> None:
    def few(fd: int, buffers: List[memoryview], offset: int) -> int:
        return os.pwrite(fd, b"".join(buffers)[:7], offset)

    system.use("pwritev", few)
    system.use("pwrite", lambda fd, data, offset: os.pwrite(fd, data[:7], offset))
    system.use("write", lambda fd, data: os.write(fd, data[:7]))
    data = bytes(range(100))
    file.write(3, views(data[:7], data[7:9], data[9:40], data[40:]))
    assert file.read(3, 100) == data


def test_a_write_that_takes_nothing_is_a_full_disk(file: Descriptor, system: System) -> None:
    for name in ("pwritev", "pwrite", "write"):
        system.use(name, lambda *arguments: 0)
    with pytest.raises(OSError) as caught:
        file.write(0, views(b"abc"))
    assert caught.value.errno == errno.ENOSPC


def test_more_buffers_than_one_call_takes(file: Descriptor) -> None:
    chunks = [bytes([number % 251, number % 241]) for number in range(MAX_VECTORS * 2 + 3)]
    file.write(0, views(*chunks))
    assert file.read(0, len(chunks) * 2) == b"".join(chunks)


def test_contiguous_buffers_leave_in_one_call(tmp_path: Path) -> None:
    system = System()
    file = Descriptor(os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT), system)
    buffers = views(b"abc", b"defg", b"h")
    file.write(0, buffers)
    file.close()
    assert system.named("pwritev", "pwrite") == ["pwritev"]
    assert all(sent is given for sent, given in zip(system.calls[-2][1][1], buffers)), "a buffer was copied"


def test_a_write_is_cut_into_calls(tmp_path: Path) -> None:
    system, calls = System(), []

    def write(fd: int, buffers: Any, offset: int) -> int:
        calls.append(sum(map(len, buffers)))
        return os.pwritev(fd, buffers, offset)

    system.use("pwritev", write)
    data = os.urandom(2 * MAX_WRITE_BYTES + 3)
    file = Descriptor(os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT), system)
    for most in (WRITE_BYTES, MAX_WRITE_BYTES):
        calls.clear()
        file.write(0, views(data), most)
        assert calls[-1] == 3
        assert set(calls[:-1]) == {most}
    assert file.read(0, len(data)) == data
    file.close()


def test_threads_share_one_position_without_mixing_it_up(tmp_path: Path) -> None:
    file = Descriptor(os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT), System(without=WINDOWS_LACKS))
    wrong: List[Any] = []

    def work(number: int) -> None:
        data = bytes([number]) * 100
        for turn in range(100):
            offset = (turn * 8 + number) * 100
            file.write(offset, views(data))
            if file.read(offset, 100) != data:
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    assert not wrong


def test_a_failed_sync_makes_the_next_reader_ask_the_disk(tmp_path: Path) -> None:
    system = System()
    system.fail("fdatasync", errno.EIO)
    file = Descriptor(os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT), system)
    with pytest.raises(OSError):
        file.sync()
    file.close()
    assert ("posix_fadvise", (file.fd, 0, 0, os.POSIX_FADV_DONTNEED)) in system.calls


def test_sync_falls_back_to_fsync(file: Descriptor, system: System) -> None:
    file.sync()
    assert system.named("fdatasync", "fsync") == ["fsync" if "fdatasync" in system._without else "fdatasync"]
