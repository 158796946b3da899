from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.file import File, Missing
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.part_file import _RECORD, RECORDS_PER_FILE, PartFile
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.layout import Span

# Pieces of 100 bytes:  a has 0-1, b has 1-4 (250 bytes from 150 on), c has 4, d has 4-5.
FILES = [("a", 150), ("b", 250), ("c", 20), ("d", 130)]
PATH = (".hidden", "t.parts")


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


class Bench:
    """A part file, and another look at it as after a restart."""

    def __init__(self, root: Path, t: Torrent, pool: FilePool, system: System | None = None) -> None:
        self.t = t
        self.pool = pool
        self.folder = Folder(str(root), system=system or os)
        self.path = root.joinpath(*PATH)
        self.part_file = self.opened()

    def opened(self) -> PartFile:
        return PartFile(File(self.folder, PATH), self.pool, self.t.metainfo)

    def restart(self) -> None:
        self.pool.close()
        self.part_file = self.opened()

    def put(self, file: int, piece: int) -> None:
        """Write what a piece has in a file."""
        for span in self.t.metainfo.layout.piece_spans(piece):
            if span.file == file:
                data = self.t.file(file)[span.offset : span.offset + span.length]
                self.part_file.write(span, [memoryview(data)])

    def get(self, file: int, offset: int, length: int) -> bytes:
        buffer = bytearray(length)
        self.part_file.read_into(Span(file, offset, length), memoryview(buffer))
        return bytes(buffer)

    def pieces(self) -> List[List[int]]:
        return [self.part_file.pieces(file) for file in range(len(FILES))]


@pytest.fixture
def bench(tmp_path: Path, t: Torrent, pool: FilePool) -> Bench:
    return Bench(tmp_path, t, pool)


def test_nothing_is_made_before_something_is_written(bench: Bench) -> None:
    assert bench.pieces() == [[], [], [], []]
    with pytest.raises(Missing):
        bench.get(1, 0, 1)
    bench.part_file.sync()
    bench.part_file.adopt()
    assert bench.part_file.stat is None
    assert not bench.path.exists()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_written_is_read(bench: Bench, t: Torrent, restarted: bool) -> None:
    bench.put(1, 1)
    bench.put(1, 3)
    bench.put(3, 4)
    if restarted:
        bench.restart()
    assert bench.pieces() == [[], [1, 3], [], [4]]
    assert bench.get(1, 0, 50) == t.file(1)[:50]
    assert bench.get(1, 10, 20) == t.file(1)[10:30]
    assert bench.get(1, 150, 100) == t.file(1)[150:]
    with pytest.raises(Missing):
        bench.get(1, 49, 2)


def test_a_span_may_cross_pieces_and_buffers(bench: Bench, t: Torrent) -> None:
    data = memoryview(t.file(1))
    bench.part_file.write(Span(1, 20, 150), [data[20:25], data[25:90], data[90:170]])
    assert bench.pieces()[1] == [1, 2, 3]
    assert bench.get(1, 20, 150) == data[20:170]


def test_writing_again_takes_no_more_room(bench: Bench, t: Torrent) -> None:
    bench.part_file.write(Span(1, 0, 50), [memoryview(bytes(50))])
    size = bench.path.stat().st_size
    bench.put(1, 1)
    assert bench.path.stat().st_size == size
    assert bench.get(1, 0, 50) == t.file(1)[:50]


@pytest.mark.parametrize("restarted", [False, True])
def test_move_takes_everything_of_a_file_to_its_place(
    bench: Bench, t: Torrent, tmp_path: Path, restarted: bool
) -> None:
    for piece in (1, 3):
        bench.put(1, piece)
    bench.put(3, 4)
    target = File(bench.folder, ("b",))
    bench.part_file.move(1, target)
    if restarted:
        bench.restart()
    assert bench.pieces() == [[], [], [], [4]]
    assert (tmp_path / "b").read_bytes() == t.file(1)[:50] + bytes(100) + t.file(1)[150:]
    assert bench.get(3, 0, 80) == t.file(3)[:80], "the others stay"


def test_after_the_last_move_the_part_file_is_gone(bench: Bench, t: Torrent, tmp_path: Path) -> None:
    bench.put(1, 1)
    bench.part_file.move(1, File(bench.folder, ("b",)))
    assert not bench.path.exists()
    assert bench.part_file.stat is None
    bench.put(3, 5)
    bench.restart()
    assert bench.pieces() == [[], [], [], [5]]


def test_a_move_is_durable_before_it_is_forgotten(tmp_path: Path, t: Torrent, pool: FilePool) -> None:
    system = System()
    bench = Bench(tmp_path, t, pool, system)
    bench.put(1, 1)
    bench.put(3, 5)
    system.calls.clear()
    bench.part_file.move(1, File(bench.folder, ("b",)))
    assert system.named("pwritev", "fdatasync") == ["pwritev", "fdatasync", "pwritev", "fdatasync"]


def test_a_failed_move_leaves_the_bytes_where_they_are(tmp_path: Path, t: Torrent, pool: FilePool) -> None:
    system = System()
    bench = Bench(tmp_path, t, pool, system)
    bench.put(1, 1)
    bench.put(1, 2)
    system.fail("pwritev", 28, after=1)
    target = File(bench.folder, ("b",))
    with pytest.raises(StorageError):
        bench.part_file.move(1, target)
    assert bench.get(1, 0, 150) == t.file(1)[:150]
    system.heal("pwritev")
    bench.part_file.move(1, target)
    assert (tmp_path / "b").read_bytes() == t.file(1)[:150]


def test_a_kill_after_any_write_leaves_every_earlier_piece_readable(tmp_path: Path, t: Torrent, pool: FilePool) -> None:
    """The file as it would be had the last byte reached the disk, for every length it ever had."""
    bench = Bench(tmp_path, t, pool)
    whole: Dict[int, List[List[int]]] = {0: [[], [], [], []]}
    for file, piece in ((1, 1), (1, 2), (3, 4), (0, 1), (3, 5)):
        bench.put(file, piece)
        whole[bench.path.stat().st_size] = bench.pieces()
    bench.part_file.move(3, File(bench.folder, ("d",)))
    whole[bench.path.stat().st_size] = bench.pieces()
    data = bench.path.read_bytes()
    for length in range(len(data) + 1):
        bench.path.write_bytes(data[:length])
        bench.restart()
        expected = whole[max(size for size in whole if size <= length)]
        found = bench.pieces()
        for file in range(len(FILES)):
            assert set(expected[file]) <= set(found[file]) or length < len(data)
            for piece in expected[file]:
                span = next(s for s in t.metainfo.layout.piece_spans(piece) if s.file == file)
                if piece in found[file]:
                    assert bench.get(*span) == t.file(file)[span.offset : span.offset + span.length]
        bench.put(0, 0)
        bench.restart()
        assert bench.get(0, 0, 100) == t.file(0)[:100], "and it goes on"


def test_a_garbled_byte_never_raises_and_never_reaches_outside_a_slot(
    tmp_path: Path, t: Torrent, pool: FilePool
) -> None:
    bench = Bench(tmp_path, t, pool)
    for file, piece in ((1, 1), (3, 4)):
        bench.put(file, piece)
    data = bench.path.read_bytes()
    for place in range(len(data)):
        garbled = bytearray(data)
        garbled[place] ^= 0x55
        bench.path.write_bytes(garbled)
        bench.restart()
        known = bench.pieces()
        assert known in ([[], [1], [], [4]], [[], [1], [], []], [[], [], [], []])


@pytest.mark.parametrize("data", [b"", b"x", b"another program's file" * 10])
def test_what_is_no_part_file_of_this_torrent_is_written_over(bench: Bench, t: Torrent, data: bytes) -> None:
    bench.path.parent.mkdir()
    bench.path.write_bytes(data)
    assert bench.pieces() == [[], [], [], []]
    bench.put(1, 1)
    bench.restart()
    assert bench.pieces() == [[], [1], [], []]
    assert b"another" not in bench.path.read_bytes()


def test_a_part_file_of_another_torrent_is_not_read(bench: Bench, tmp_path: Path, pool: FilePool) -> None:
    bench.put(1, 1)
    other = Bench(tmp_path, torrent(FILES, 100, seed=2), pool)
    assert other.pieces() == [[], [], [], []]


def test_records_left_behind_by_a_kill_are_not_found_later(bench: Bench, t: Torrent) -> None:
    """A peer could have chosen the bytes of a slot so that they look like a record."""
    bench.put(3, 4)
    record = bench.path.read_bytes()[32:]
    bench.path.write_bytes(bench.path.read_bytes()[:32] + b"torn" + record[4:] + record)
    bench.restart()
    assert bench.pieces() == [[], [], [], []]
    bench.put(2, 4)
    bench.restart()
    assert bench.pieces() == [[], [], [4], []]


def planted(bench: Bench, *records: Tuple[bytes, int, int, int]) -> List[List[int]]:
    """What a part file of these records is taken for."""
    data = [bench.part_file._header]
    for record in records:
        rest = _RECORD.pack(0, *record)[4:]
        data += [zlib.crc32(rest).to_bytes(4, "big"), rest, bytes(record[3] if record[0] == b"slot" else 0)]
    bench.path.parent.mkdir(exist_ok=True)
    bench.path.write_bytes(b"".join(data))
    bench.restart()
    return bench.pieces()


def test_slots_that_we_would_not_have_made_are_not_taken(bench: Bench) -> None:
    good = (b"slot", 1, 0, 50)
    assert planted(bench, good, (b"slot", 1, 50, 100)) == [[], [1, 2], [], []]
    for bad in ((b"slot", 1, 50, 99), (b"slot", 1, 51, 99), (b"slot", 1, 50, 0), good, (b"slot", 1, 250, 0)):
        assert planted(bench, good, bad, (b"slot", 1, 50, 100)) == [[], [1], [], []]
    assert planted(bench, good, (b"gone", 0, 0, 0), (b"slot", 1, 50, 100)) == [[], [1], [], []]
    assert planted(bench, good, (b"gone", 1, 0, 250), good) == [[], [1], [], []]


def test_no_more_records_are_read_than_a_torrent_can_have(tmp_path: Path, t: Torrent, pool: FilePool) -> None:
    system = System()
    bench = Bench(tmp_path, t, pool, system)
    most = RECORDS_PER_FILE * (len(FILES) + 1)
    in_turns = [(b"slot", 1, 0, 50), (b"gone", 1, 0, 250)] * 100_000
    assert planted(bench, *in_turns[: most - 1]) == [[], [1], [], []]
    assert planted(bench, *in_turns) == [[], [], [], []]
    system.calls.clear()
    bench.restart()
    bench.pieces()
    assert len(system.named("pread")) <= 2, "the header, and records many at a time"


def test_adopt_forgets_what_was_known(bench: Bench) -> None:
    bench.put(1, 1)
    bench.path.unlink()
    bench.part_file.adopt()
    assert bench.pieces() == [[], [], [], []]
    bench.put(1, 2)
    assert bench.pieces() == [[], [2], [], []]


def test_sync_is_done_when_there_is_something_to_sync(tmp_path: Path, t: Torrent, pool: FilePool) -> None:
    system = System()
    bench = Bench(tmp_path, t, pool, system)
    bench.put(1, 1)
    bench.part_file.sync()
    bench.part_file.sync()
    assert system.named("fdatasync") == ["fdatasync"]
    assert bench.part_file.stat is not None
    assert bench.part_file.stat.size == bench.path.stat().st_size
