"""Files that are read while they are downloaded, over real sockets and real files."""

from __future__ import annotations

import csv
import errno
import gc
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any, List

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, pair

import bittorrent_threads as bt
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.results import Loaded
from bittorrent_threads.engine.readers import Reader, Readers
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.reading.file_reader import LEAST_READ, MAX_READ
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

BIG = SampleTorrent({"a.bin": 3_000_001, "sub/b.bin": 2_500_000, "empty": 0}, piece_length=64 * KIB, name="set")
A, B = BIG.data("a.bin"), BIG.data("sub/b.bin")
NOTHING = [0, 0, 0]


def test_a_file_is_read_from_begin_to_end_and_at_any_place(tmp_path: Path) -> None:
    with pair(tmp_path, BIG) as (_, down), down.open("a.bin", timeout=PATIENCE) as file:
        assert file.readall() == A
        assert file.read(1) == b""
        assert file.seek(-10, os.SEEK_END) == len(A) - 10
        assert file.read(100) == A[-10:]
        assert file.seek(1_000_000) == file.tell() == 1_000_000
        assert file.seek(-5, os.SEEK_CUR) == 999_995
        assert file.read(7) == A[999_995:1_000_002]
        assert file.seek(len(A) + 5) == len(A) + 5
        assert file.read(5) == file.read() == b""
        assert file.readinto(bytearray(5)) == 0
        file.seek(0)
        assert len(file.read(50 * MAX_READ)) <= MAX_READ


def test_what_is_read_in_sequence_comes_in_larger_reads_and_stays_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: List[int] = []
    read = Readers.read

    def noted(self: Readers, reader: Reader, offset: int, length: int, **rest: Any) -> None:
        lengths.append(length)
        read(self, reader, offset, length, **rest)

    monkeypatch.setattr(Readers, "read", noted)
    with pair(tmp_path, BIG) as (_, down):
        down.wait("seed", timeout=PATIENCE)
        with down.open("a.bin", timeout=PATIENCE) as file:
            data = b"".join(iter(lambda: file.read(10_000), b""))
            assert data == A
            grown = [LEAST_READ << number for number in range(5)]
            assert lengths == [*grown, len(A) - sum(grown)]
            del lengths[:]
            file.seek(sum(grown) + 5)
            assert file.read(10_000) == A[sum(grown) + 5 :][:10_000]
            assert lengths == []
            file.seek(0)
            assert file.read(10) == A[:10]
            assert lengths == [LEAST_READ]
        del lengths[:]
        with down.open("a.bin", timeout=PATIENCE, readahead=0) as file:
            assert b"".join(iter(lambda: file.read(10_000), b"")) == A
            assert max(lengths) == LEAST_READ


def test_a_long_read_fills_the_memory_of_the_program_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: List[int] = []
    load = Pieces.load

    def noted(self: Any, index: int, begin: int, length: int, into: Any = None) -> Loaded:
        found = load(self, index, begin, length, into)
        read.append(len(found.data))
        return found

    with pair(tmp_path, BIG) as (_, down):
        down.wait("seed", timeout=PATIENCE)
        monkeypatch.setattr(Pieces, "load", noted)
        with down.open("a.bin", timeout=PATIENCE) as file:
            memory = bytearray(3 * MIB)
            done = 0
            with memoryview(memory) as view:
                while done < len(A):
                    done += file.readinto(view[done : done + MAX_READ])
            memory += b"!"  # fails while somebody else may use it
            assert memory[: len(A)] == A
            assert file.tell() == done == len(A)
            assert set(read) == {0}, "no bytes of its own"
            assert file.seek(-20, os.SEEK_CUR)
            assert file.read(10) == A[-20:-10]


@pytest.mark.parametrize("size", [100_000, MAX_READ, 5 * MAX_READ])
def test_long_reads_of_bytes_are_not_copied_twice(size: int, tmp_path: Path) -> None:
    with pair(tmp_path, BIG) as (_, down), down.open("a.bin", timeout=PATIENCE) as file:
        data: List[bytes] = []
        while not data or data[-1]:
            data.append(file.read(size))
            assert isinstance(data[-1], bytes)
            assert len(data[-1]) <= size
        assert b"".join(data) == A


def test_memory_is_the_programs_again_when_a_read_into_it_is_given_up(tmp_path: Path) -> None:
    memory = bytearray(MIB)
    with lonely(tmp_path) as down, down.open("a.bin", timeout=0.05) as file:
        try:
            file.readinto(memory)
        except bt.WaitTimeout:
            memory += b"!"
        assert memory == bytes(MIB) + b"!"


def test_what_was_read_before_a_disk_failed_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BIG.write(tmp_path / "down")
    load = Pieces.load

    def failing(self: Any, index: int, begin: int, length: int, into: Any = None) -> Loaded:
        if index < 2:
            return load(self, index, begin, length, into)
        return Loaded(index, begin, b"", bt.StorageError("Input/output error", "a", errno.EIO))

    with lonely(tmp_path) as down:
        down.wait("seed", timeout=PATIENCE)
        monkeypatch.setattr(Pieces, "load", failing)
        with down.open("a.bin") as file:
            memory = bytearray(MIB)
            assert file.readinto(memory) == 128 * KIB
            assert memory[: 128 * KIB] == A[: 128 * KIB]
            with pytest.raises(OSError, match="Input/output error"):
                file.readinto(memory)
            memory += b"!"


def test_it_is_a_raw_file(tmp_path: Path) -> None:
    with pair(tmp_path, BIG) as (_, down):
        file = down.open(down.files[1], timeout=PATIENCE)
        assert isinstance(file, io.RawIOBase)
        assert (file.name, file.mode, file.length, file.size) == ("set/sub/b.bin", "rb", len(B), len(B))
        assert file.path == down.files[1].path
        assert file.index == 1
        assert file.readable()
        assert file.seekable()
        assert not file.writable()
        assert not file.isatty()
        assert repr(file) == f"<FileReader 'set/sub/b.bin', {len(B)} bytes, at byte 0>"
        words = memoryview(bytearray(8)).cast("I")
        assert file.readinto(words) == 8
        assert words.tobytes() == B[:8]
        assert file.readinto(bytearray()) == 0
        assert file.read(0) == b""
        wrong: Any
        for wrong in (lambda: file.seek(-1), lambda: file.seek(0, 7)):
            with pytest.raises(ValueError, match=r"negative|whence"):
                wrong()
        unsupported: Any
        for unsupported in (lambda: file.write(b"x"), file.fileno, lambda: file.truncate(0)):
            with pytest.raises(io.UnsupportedOperation):
                unsupported()
        with pytest.raises(TypeError):
            file.seek(1.5)  # type: ignore[arg-type]
        file.close()
        file.close()
        assert file.closed
        assert "closed" in repr(file)
        for late in (file.read, file.tell, file.readable, file.seekable, lambda: file.seek(0), file.readall):
            with pytest.raises(ValueError, match="closed file"):
                late()


def test_an_empty_file(tmp_path: Path) -> None:
    with bt.Client(BIG.metainfo(), tmp_path, state="stopped") as client, client.open("empty") as file:
        assert file.read() == file.read(10) == b""


def test_wrong_arguments(tmp_path: Path) -> None:
    with bt.Client(BIG.metainfo(), tmp_path, state="stopped") as client:
        with pytest.raises(FileNotFoundError, match=r"'set/a\.bin'"):
            client.open("c.bin")
        with pytest.raises(IndexError, match="the torrent has 3"):
            client.open(3)
        for mode in ("r", "wb", "ab", "r+b", ""):
            with pytest.raises(ValueError, match="is not 'rb'"):
                client.open(0, mode)
        with pytest.raises(ValueError, match="negative"):
            client.open(0, readahead=-1)
    with pytest.raises(bt.SessionClosed):
        client.open(0)


def test_only_what_is_read_of_an_unwanted_file_is_downloaded(tmp_path: Path) -> None:
    with pair(tmp_path, BIG, priorities=NOTHING) as (_, down):
        down.wait("complete", timeout=PATIENCE)
        with down.open("sub/b.bin", readahead=0, timeout=PATIENCE) as file:
            assert not down.complete
            for place in (2_000_000, 700_000):
                file.seek(place)
                assert file.read(100) == B[place : place + 100]
            assert down.downloaded == 2 * 64 * KIB
            assert down.status().priorities == (0, 0, 0)
            assert Path(file.path).exists()
        down.wait("complete", timeout=PATIENCE)
        assert down.downloaded == 2 * 64 * KIB


def test_what_was_read_is_there_the_next_time(tmp_path: Path) -> None:
    with pair(tmp_path, BIG, priorities=NOTHING) as (_, down):
        with down.open("a.bin", timeout=PATIENCE) as file:
            assert file.read(100) == A[:100]
        down.close()
        with bt.Client(BIG.metainfo(), tmp_path / "down", state="stopped", settings=LOCAL) as again:
            again.hashcheck()
            with again.open("a.bin") as file:
                assert file.read(100) == A[:100]


def test_bytes_of_the_part_file_are_read_from_the_file(tmp_path: Path) -> None:
    with pair(tmp_path, SMALL, priorities=[1, 0, 0]) as (_, down):
        down.wait("complete", timeout=PATIENCE)
        came = down.downloaded
        with down.open("sub/b.bin", readahead=0, timeout=PATIENCE) as file:
            assert not down.files[1].complete
            assert file.read(1000) == SMALL.data("sub/b.bin")[:1000], (
                "of a piece that is the end of the first file, too"
            )
        assert down.downloaded == came


def test_padding_is_zeros_and_what_follows_it_is_right(tmp_path: Path) -> None:
    first, second = os.urandom(100), os.urandom(200)
    stream = first + bytes(16 * KIB - 100) + second
    pieces = [stream[begin : begin + 16 * KIB] for begin in range(0, len(stream), 16 * KIB)]
    entries: List[Any] = [
        {"length": 100, "path": ["a"]},
        {"length": 16 * KIB - 100, "path": [".pad", "1"], "attr": "p"},
        {"length": 200, "path": ["b"]},
    ]
    hashes = b"".join([hashlib.sha1(piece).digest() for piece in pieces])
    info = {"files": entries, "name": "padded", "piece length": 16 * KIB, "pieces": hashes}
    (tmp_path / "padded").mkdir()
    (tmp_path / "padded" / "a").write_bytes(first)
    (tmp_path / "padded" / "b").write_bytes(second)
    with bt.Client(bencode.encode({"info": info}), tmp_path, state="stopped") as client:
        client.hashcheck()
        with client.open("b") as file, client.open(1) as padding:
            assert file.readall() == second
            assert padding.readall() == bytes(16 * KIB - 100)
        with pytest.raises(FileNotFoundError):
            client.open(".pad/1")


def test_several_readers_at_once_and_a_buffer_shared_by_threads(tmp_path: Path) -> None:
    with pair(tmp_path, BIG, priorities=NOTHING) as (_, down):
        found: List[Any] = [None] * 4
        shared = io.BufferedReader(down.open("sub/b.bin", timeout=PATIENCE), 100_000)

        def read(number: int) -> None:
            if number < 2:
                with down.open("a.bin", timeout=PATIENCE) as file:
                    file.seek(number * 1_000_000)
                    found[number] = file.readall() == A[number * 1_000_000 :]
            else:
                found[number] = sum(iter(lambda: len(shared.read(70_000)), 0))

        threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        shared.close()
        assert found[:2] == [True, True]
        assert found[2] + found[3] == len(B)
        assert down._handle.call(lambda: len(down._handle.torrent.content.readers)) == 0


def archived(folder: Path) -> None:
    """Make a folder with an archive of each kind, a table and a document."""
    folder.mkdir()
    (folder / "table.csv").write_text("n,square\n" + "".join(f"{n},{n * n}\n" for n in range(20_000)))
    (folder / "document.json").write_text(json.dumps({"numbers": list(range(20_000))}))
    with zipfile.ZipFile(folder / "files.zip", "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.bin", os.urandom(50_000))
        archive.writestr("last.txt", "the last one")
    with tarfile.open(folder / "files.tar", "w") as tar:
        tar.add(folder / "table.csv", "table.csv")


def test_modules_of_the_standard_library_read_it(tmp_path: Path) -> None:
    source = tmp_path / "seed" / "set"
    source.parent.mkdir()
    archived(source)
    torrent = tmp_path / "set.torrent"
    bt.create(source, piece_length=32 * KIB).save(torrent)
    with bt.Client(torrent, source.parent, settings=LOCAL) as seed:
        seed.wait("seed", timeout=PATIENCE)
        with bt.Client(torrent, tmp_path / "down", settings=LOCAL, peers=[("127.0.0.1", seed.port)]) as down:
            with zipfile.ZipFile(down.open("files.zip", timeout=PATIENCE)) as archive:
                assert archive.read("last.txt") == b"the last one"
                assert archive.testzip() is None
            with tarfile.open(fileobj=io.BufferedReader(down.open("files.tar", timeout=PATIENCE))) as tar:
                assert tar.getnames() == ["table.csv"]
            with io.TextIOWrapper(io.BufferedReader(down.open("table.csv", timeout=PATIENCE))) as text:
                assert [row["square"] for row in csv.DictReader(text)][-1] == str(19_999**2)
            with down.open("document.json", timeout=PATIENCE) as file:
                assert json.load(file)["numbers"][-1] == 19_999
            with down.open("table.csv", timeout=PATIENCE) as file, (tmp_path / "copy").open("wb") as copy:
                shutil.copyfileobj(file, copy)
            assert (tmp_path / "copy").read_bytes() == (source / "table.csv").read_bytes()


def test_the_last_member_of_a_large_archive_costs_little_more_than_its_bytes(tmp_path: Path) -> None:
    source = tmp_path / "seed" / "big.zip"
    source.parent.mkdir()
    zeros, last = bytes(16 * MIB), os.urandom(1 * MIB)
    with zipfile.ZipFile(source, "w") as archive:
        with archive.open("first.bin", "w", force_zip64=True) as member:
            for _ in range(16):
                member.write(zeros)
        archive.writestr("last.bin", last)
    assert source.stat().st_size > 256 * MIB
    torrent = tmp_path / "big.torrent"
    bt.create(source, piece_length=256 * KIB).save(torrent)
    with bt.Client(torrent, source.parent, settings=LOCAL) as seed:
        seed.wait("seed", timeout=PATIENCE)
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(torrent, tmp_path / "down", settings=LOCAL, peers=peers, priorities=[0]) as down:
            with zipfile.ZipFile(down.open(0, timeout=PATIENCE)) as archive:
                assert archive.read("last.bin") == last
            down.wait("complete", timeout=PATIENCE)  # nothing is wanted any more
            assert 1 * MIB <= down.downloaded <= 3 * MIB


# -- waits that end ---------------------------------------------------------------------------------------------------


def lonely(tmp_path: Path, **options: Any) -> bt.Client:
    """A client without peers."""
    return bt.Client(BIG.metainfo(), tmp_path / "down", settings=LOCAL, **options)


def test_a_read_ends_after_its_timeout_and_may_be_repeated(tmp_path: Path) -> None:
    with lonely(tmp_path) as down:
        with down.open("a.bin", timeout=0.05) as file:
            for _ in range(2):
                with pytest.raises(
                    bt.WaitTimeout, match=r"byte 0 of 'set/a.bin' did not come within 0\.05 s: .*peer"
                ) as caught:
                    file.read(10)
                assert not isinstance(caught.value, bt.Stalled)
                assert caught.value.figures["connected"] == 0
            assert isinstance(caught.value, TimeoutError)
        with (
            down.open("a.bin", stall_timeout=0.05) as file,
            pytest.raises(bt.Stalled, match=r"no progress for 0\.05 s"),
        ):
            file.readall()


def test_a_disk_that_fails_is_an_oserror(tmp_path: Path) -> None:
    BIG.write(tmp_path / "down")
    with lonely(tmp_path) as down:
        down.wait("seed", timeout=PATIENCE)

        def load(self: Any, index: int, begin: int, length: int, into: Any = None) -> Loaded:
            return Loaded(index, begin, b"", bt.StorageError("Input/output error", down.files[0].path, errno.EIO))

        with down.open("a.bin") as file, pytest.MonkeyPatch.context() as patch:
            patch.setattr(Pieces, "load", load)
            with pytest.raises(OSError, match="Input/output error") as caught:
                file.read(1)
            assert (caught.value.errno, caught.value.filename) == (errno.EIO, down.files[0].path)


def test_a_wait_is_cancelled(tmp_path: Path) -> None:
    flag = threading.Event()
    flag.set()
    with lonely(tmp_path) as down, down.open(0, cancel=flag) as file, pytest.raises(bt.Cancelled):
        file.read(1)


def waiting(down: bt.Client) -> None:
    """Wait until a reader waits."""
    deadline = time.monotonic() + PATIENCE
    windows = down._handle.torrent.content.downloads.windows
    while not down._handle.call(lambda: windows.waiting):
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("verb", "error", "text"),
    [
        ("pause", bt.Stalled, "the torrent is paused"),
        ("stop", bt.Stalled, "the torrent is stopped"),
        ("close", bt.SessionClosed, "closed"),
        ("session", bt.SessionClosed, "closed"),
        ("reader", ValueError, "closed file"),
    ],
)
def test_a_read_that_waits_ends_with(verb: str, error: type, text: str, tmp_path: Path) -> None:
    caught: List[BaseException] = []
    with lonely(tmp_path) as down:
        file = down.open(0, timeout=PATIENCE)

        def read() -> None:
            try:
                file.read(1)
            except BaseException as failure:
                caught.append(failure)

        thread = threading.Thread(target=read)
        thread.start()
        waiting(down)
        ends = {"pause": down.pause, "stop": down.stop, "close": down.close}
        ends.update({"session": down.session.close, "reader": file.close})
        ends[verb]()
        thread.join(PATIENCE)
        assert isinstance(caught[0], error)
        assert text in str(caught[0])
        file.close()


def test_progress_of_the_piece_postpones_the_stall(tmp_path: Path) -> None:
    content = SampleTorrent(500_000, piece_length=512 * KIB, name="one")
    with pair(tmp_path, content, download_limit=400_000) as (_, down), down.open(0, stall_timeout=0.7) as file:
        assert file.read(3) == content.data()[:3]


def test_a_reader_that_is_garbage_collected_gives_the_priority_back(tmp_path: Path) -> None:
    with lonely(tmp_path, priorities=NOTHING) as down:
        down.wait("complete", timeout=PATIENCE)
        file: Any = down.open(0)
        assert not down.complete
        del file
        gc.collect()
        down.wait("complete", timeout=PATIENCE)


def test_an_open_file_keeps_its_client_alive(tmp_path: Path) -> None:
    with pair(tmp_path, BIG) as (_, down):
        file = down.open(0, timeout=PATIENCE)
        assert file._client is down
        file.close()


def test_files_are_read_where_they_are_moved_and_renamed_to(tmp_path: Path) -> None:
    with pair(tmp_path, BIG) as (_, down), down.open("a.bin", timeout=PATIENCE) as file:
        assert file.read(10) == A[:10]
        down.wait(timeout=PATIENCE)
        down.move(tmp_path / "there")
        file.seek(1_000_000)
        assert file.read(10) == A[1_000_000:1_000_010]
        down.files[0].rename("set/other.bin")
        file.seek(2_000_000)
        assert file.read(10) == A[2_000_000:2_000_010]
        assert file.path == str(tmp_path / "there" / "set" / "other.bin")


def test_a_file_that_was_removed_is_waited_for_as_peers_may_send_it_again(tmp_path: Path) -> None:
    BIG.write(tmp_path / "down")
    with lonely(tmp_path) as down:
        down.wait("seed", timeout=PATIENCE)
        with down.open("a.bin", stall_timeout=0.5) as file:
            Path(file.path).unlink()
            with pytest.raises(
                bt.Stalled, match=r"byte 0 of 'set/a.bin' did not come, and there was no progress for 0\.5 s"
            ):
                file.readall()


def test_a_magnet_link_is_waited_for(tmp_path: Path) -> None:
    with pair(tmp_path, BIG, state="stopped") as (seed, _):
        magnet = bt.Metainfo.parse(BIG.metainfo()).magnet(peers=[("127.0.0.1", seed.port)])
        with (
            bt.Client(magnet, tmp_path / "magnet", settings=LOCAL) as client,
            client.open("a.bin", timeout=PATIENCE) as file,
        ):
            assert file.read(10) == A[:10]
    with bt.Client(magnet, tmp_path / "none", settings=LOCAL) as client:
        with pytest.raises(bt.WaitTimeout, match="metadata"):
            client.open("a.bin", timeout=0.05)
        client.stop()
        with pytest.raises(bt.Stalled, match="the torrent is stopped"):
            client.open("a.bin")
