from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.children import Child
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk import content as content_module
from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import YOUNG
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.hash_buffer import CHUNK, HashBuffers
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.results import Checked, Saved
from bittorrent_threads.metainfo import hashes
from bittorrent_threads.metainfo.fingerprint import fingerprint
from bittorrent_threads.metainfo.hashes import Verdict
from bittorrent_threads.metainfo.metainfo import Metainfo

FILES = [("a", 1000), ("b", 500), ("c", 730)]  # 23 pieces of 100 bytes, the last of 30
COUNT = 23


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


class Bench:
    def __init__(self, root: Path, t: Torrent, pool: FilePool) -> None:
        self.t = t
        self.root = root
        self.system = System()
        self.content = Content(t.metainfo, Folder(str(root), system=self.system), pool)
        self.content.prepare([True] * len(t.metainfo.files))
        self.pieces = Pieces(t.metainfo, self.content, HashBuffers())

    def save(self, *indexes: int) -> Saved:
        """What is said of these pieces when they are saved."""
        return self.pieces.save(self.t.buffers(*indexes))

    def check(self) -> Checked:
        checked = self.pieces.check(range(self.t.metainfo.piece_count))
        assert sorted(checked.passed + checked.failed) == list(range(self.t.metainfo.piece_count))
        return checked


@pytest.fixture
def bench(tmp_path: Path, t: Torrent, pool: FilePool) -> Bench:
    return Bench(tmp_path, t, pool)


# -- save ----------------------------------------------------------------------------------------------------------


def test_pieces_saved_are_in_the_files(bench: Bench, t: Torrent) -> None:
    order = list(range(COUNT))
    random.Random(1).shuffle(order)
    assert bench.save(*order) == Saved(kept=tuple(order))
    for index in range(3):
        assert t.path(bench.root, index).read_bytes() == t.file(index)


def test_bad_data_is_never_written(bench: Bench, t: Torrent) -> None:
    bench.save(3)
    before = t.path(bench.root, 0).read_bytes()
    good, bad = t.buffers(4, 3)
    bad[1][50] ^= 1
    assert bench.pieces.save([bad, good]) == Saved(kept=(4,), wrong=(3,))
    assert t.path(bench.root, 0).read_bytes() == before + t.piece(4)


def test_a_piece_whose_hash_is_not_known_is_written_nowhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # As it will be with version 2, whose hashes come from peers (BEP 52).
    unknown = {3: hashes.Verdict.UNKNOWN}
    monkeypatch.setattr(hashes.PieceHashes, "verdicts", lambda self, indexes, parts: unknown)
    assert bench.save(3, 4) == Saved(kept=(4,), unhashed=(3,))
    monkeypatch.undo()
    assert bench.pieces.check([3, 4]).passed == (4,)


def large(tmp_path: Path, pool: FilePool) -> Bench:
    """Pieces of 80,000 bytes, which is five blocks, across files."""
    return Bench(tmp_path, torrent([("a", 100_000), ("b", 200_000)], 80_000), pool)


def test_wrong_pieces_and_those_compared_are_answered_with_their_fingerprints(tmp_path: Path, pool: FilePool) -> None:
    bench = large(tmp_path, pool)
    pieces = bench.t.buffers(0, 1, 2)
    pieces[1][1][70_000] ^= 1
    wrong, right = fingerprint(pieces[1][1]), fingerprint(pieces[2][1])
    saved = bench.pieces.save(pieces, compared=[2])
    assert saved == Saved(kept=(0, 2), wrong=(1,), fingerprints={1: wrong, 2: right})
    assert bench.pieces.fingerprint(2) == right
    assert bench.pieces.fingerprint(1) == b"", "it is not there"


def test_a_piece_of_one_block_needs_no_fingerprint(bench: Bench, t: Torrent) -> None:
    assert bench.pieces.save(t.buffers(3), compared=[3]).fingerprints == {}


def test_the_fingerprint_of_a_piece_is_read_part_by_part(tmp_path: Path, pool: FilePool) -> None:
    content = 2 * CHUNK + 5000
    bench = Bench(tmp_path, torrent([("a", 700), ("b", content)], content), pool)
    bench.save(0)
    assert bench.pieces.fingerprint(0) == fingerprint(bench.t.piece(0))


def test_the_last_piece_may_be_shorter(bench: Bench, t: Torrent) -> None:
    assert bench.save(0, 22) == Saved(kept=(0, 22))
    assert t.path(bench.root, 2).read_bytes()[-30:] == t.piece(22)
    assert len(t.path(bench.root, 2).read_bytes()) == 730


def test_a_buffer_of_another_size_is_a_wrong_piece(bench: Bench, t: Torrent) -> None:
    for data in (t.piece(1)[:99], t.piece(1) + b"of the piece before"):
        assert bench.pieces.save([(1, memoryview(data))]) == Saved(wrong=(1,))


def test_neighbours_of_a_batch_are_one_write(bench: Bench) -> None:
    bench.system.calls.clear()
    bench.save(7, 2, 4, 3)
    assert bench.system.named("pwritev", "pwrite") == ["pwritev"] * 2, "2 to 4, and 7"


def test_the_buffers_can_be_used_again(bench: Bench, t: Torrent) -> None:
    bench.system.fail("pwritev", errno.EIO, after=1, times=3)
    buffers = {index: bytearray(t.piece(index)) for index in (0, 1, 2, 5)}
    buffers[1][0] ^= 1
    saved = bench.pieces.save([(index, memoryview(buffer)) for index, buffer in buffers.items()])
    assert saved.wrong == (1,)
    assert saved.unwritten
    assert saved.error is not None
    bench.system.calls.clear()
    for buffer in buffers.values():
        buffer.extend(b"would raise BufferError while anybody holds a view of it")


def test_each_piece_of_a_failed_batch_has_its_own_verdict(bench: Bench, t: Torrent) -> None:
    os.unlink(t.path(bench.root, 1))
    saved = bench.pieces.save(t.buffers(9, 10, 14, 15))
    assert saved.error is not None
    assert saved.error.path == str(t.path(bench.root, 1))
    assert saved == Saved(kept=(9, 15), unwritten=(10, 14), error=saved.error)
    assert not t.path(bench.root, 1).exists(), "a removed file is not made again"


FULL_DISK = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from support.torrents import torrent
from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import YOUNG
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.hash_buffer import HashBuffers

t = torrent([("a", 1000)], 100)
content = Content(t.metainfo, Folder(sys.argv[1]), FilePool(4))
content.prepare([True])
pieces = Pieces(t.metainfo, content, HashBuffers())
resource.setrlimit(resource.RLIMIT_FSIZE, (450, resource.RLIM_INFINITY))
saved = pieces.save(t.buffers(*range(8)))
print(saved.kept, saved.unwritten, saved.error.errno)
print(pieces.check(range(10)).passed)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(pieces.save(t.buffers(*range(4, 10))).kept)
print(len(pieces.check(range(10)).passed))
"""


def test_a_full_disk_costs_the_pieces_that_do_not_fit_and_is_left_by_itself(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), str(root), str(root / "tests")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    first = f"(0, 1, 2, 3) (4, 5, 6, 7) {errno.EFBIG}"
    assert result.stdout.splitlines() == [first, "(0, 1, 2, 3)", "(4, 5, 6, 7, 8, 9)", "10"]


# -- write ---------------------------------------------------------------------------------------------------------


def test_blocks_of_a_piece_written_one_by_one_make_it(bench: Bench, t: Torrent) -> None:
    piece = t.piece(9)
    bench.pieces.write([(9, 60, piece[60:]), (9, 0, bytearray(piece[:60]))])
    assert bench.check().passed == (9,)


def test_blocks_outside_of_a_piece_are_a_callers_mistake(bench: Bench) -> None:
    for index, begin, data in ((0, 90, b"x" * 11), (22, 0, b"x" * 31), (0, -1, b"x")):
        with pytest.raises(ValueError, match=f"of piece {index} of"):
            bench.pieces.write([(index, begin, data)])
    with pytest.raises(IndexError):
        bench.pieces.write([(23, 0, b"x")])


# -- load ----------------------------------------------------------------------------------------------------------


def test_any_part_of_a_piece_is_loaded(bench: Bench, t: Torrent) -> None:
    bench.save(*range(COUNT))
    for index in (0, 9, 10, 22):
        piece = t.piece(index)
        for begin, length in ((0, len(piece)), (3, 20), (len(piece) - 1, 1), (0, 0)):
            loaded = bench.pieces.load(index, begin, length)
            assert (loaded.index, loaded.begin, loaded.error) == (index, begin, None)
            assert loaded.data == piece[begin : begin + length]


def test_a_load_that_fails_has_no_data_but_the_error(bench: Bench, t: Torrent) -> None:
    bench.save(*range(COUNT))
    os.truncate(t.path(bench.root, 0), 250)
    loaded = bench.pieces.load(2, 0, 100)
    assert loaded.data == b""
    assert loaded.error is not None
    assert loaded.error.path == str(t.path(bench.root, 0))
    assert loaded.error.__traceback__ is None


def test_a_load_outside_of_a_piece_is_a_callers_mistake(bench: Bench) -> None:
    with pytest.raises(ValueError, match="bytes 0 to 31 of piece 22 of"):
        bench.pieces.load(22, 0, 31)


# -- check ---------------------------------------------------------------------------------------------------------


def test_check_passes_what_is_right(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.content.check_files()
    assert bench.check() == Checked(tuple(range(COUNT)), {}, None)
    assert bench.pieces.check([3, 9, 10, 22]).passed == (3, 9, 10, 22)
    assert bench.pieces.check([]) == Checked((), {}, None)


def test_many_small_pieces_are_one_read(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.content.check_files()
    bench.check()
    bench.system.calls.clear()
    bench.check()
    assert len(bench.system.named("preadv", "pread")) == 3, "one a file"


def test_one_wrong_byte_fails_its_piece(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    path = t.path(bench.root, 1)
    data = bytearray(path.read_bytes())
    data[250] ^= 1
    path.write_bytes(data)
    bench.content.check_files()
    assert bench.check().failed == (12,)


def test_a_missing_file_fails_its_pieces_and_no_others(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    t.path(bench.root, 1).unlink()
    bench.content.check_files()
    checked = bench.check()
    assert checked.failed == (10, 11, 12, 13, 14)
    assert checked.error is None


def test_a_short_file_fails_what_it_should_have(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    os.truncate(t.path(bench.root, 1), 250)
    bench.content.check_files()
    checked = bench.check()
    assert checked.failed == (12, 13, 14)
    assert checked.error is None


def test_a_missing_piece_of_zeros_does_not_pass(tmp_path: Path, pool: FilePool) -> None:
    zeros = torrent([(".pad/x", 100), ("a", 100)], 100)
    info = Torrent(zeros.metainfo, bytes(200))
    bench = Bench(tmp_path, info, pool)
    os.unlink(info.path(tmp_path, 1))
    bench.content.check_files()
    assert bench.check().failed == (1,)


def test_a_file_that_is_gone_is_an_error_until_a_survey(bench: Bench, t: Torrent) -> None:
    bench.save(*range(COUNT))
    t.path(bench.root, 1).unlink()
    checked = bench.check()
    assert checked.failed == (10, 11, 12, 13, 14)
    assert checked.error is not None
    assert (checked.error.path, checked.error.errno) == (str(t.path(bench.root, 1)), errno.ENOENT)
    bench.content.check_files()
    assert bench.check().error is None


def test_a_file_replaced_while_it_is_open_is_an_error_until_a_survey(bench: Bench, t: Torrent) -> None:
    bench.save(*range(COUNT))
    path = t.path(bench.root, 1)
    (bench.root / "new").write_bytes(t.file(1)[:499] + b"?")
    os.replace(bench.root / "new", path)
    checked = bench.check()
    assert checked.failed == (10, 11, 12, 13, 14)
    assert checked.error is not None
    assert checked.error.errno == errno.ESTALE
    assert bench.pieces.load(10, 0, 100).error is not None
    bench.content.check_files()
    assert bench.check().failed == (14,)
    assert bench.pieces.load(10, 0, 100).data == t.piece(10)


# -- files changed by another program ------------------------------------------------------------------------------


def change(path: Path, offset: int) -> None:
    """Another program changes a byte in place."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(1, os.stat(path).st_mtime_ns + 10**9))


@pytest.fixture
def seed(bench: Bench, t: Torrent) -> Bench:
    t.seed(bench.root)
    bench.content.check_files()
    bench.check()
    return bench


def test_a_touched_file_is_served_on_and_hashed_once_a_piece(seed: Bench, t: Torrent) -> None:
    os.utime(t.path(seed.root, 0))
    for _ in range(2):
        seed.system.calls.clear()
        for index in (3, 4):
            assert seed.pieces.load(index, 10, 50).data == t.piece(index)[10:60]
    assert seed.system.named("preadv") == [], "the second time nothing is hashed"


def test_a_wrong_byte_written_by_another_program_is_never_loaded(seed: Bench, t: Torrent) -> None:
    path = t.path(seed.root, 0)
    change(path, 350)
    loaded = seed.pieces.load(3, 0, 20)
    assert loaded.data == b"", "the requested bytes are right, but that is not known"
    assert loaded.error is not None
    assert loaded.error.path == str(path)
    assert "changed by another program, piece 3 is wrong" in loaded.error.reason
    assert seed.pieces.load(4, 0, 100).data == t.piece(4)
    assert seed.check().failed == (3,)
    assert seed.save(3) == Saved(kept=(3,))
    assert seed.pieces.load(3, 0, 100).data == t.piece(3)
    assert seed.content.sync().suspects == ()


def test_no_worker_loads_while_another_worker_is_about_to_see_the_change(seed: Bench, t: Torrent) -> None:
    change(t.path(seed.root, 0), 350)
    change(t.path(seed.root, 0), 450)
    inside, other_done = threading.Event(), threading.Event()

    def fstat(fd: int) -> os.stat_result:
        found = os.fstat(fd)
        if threading.current_thread().name == "first" and not inside.is_set():
            inside.set()
            other_done.wait(0.2)
        return found

    seed.system.use("fstat", fstat)
    first = threading.Thread(target=seed.pieces.load, args=(3, 0, 100), name="first")
    first.start()
    assert inside.wait(30)
    loaded = seed.pieces.load(4, 0, 100)
    other_done.set()
    first.join()
    assert loaded.data == b""


def test_a_file_cut_and_grown_again_has_no_false_zeros(bench: Bench, t: Torrent) -> None:
    bench.save(*range(8))
    os.truncate(t.path(bench.root, 0), 250)
    assert bench.save(9) == Saved(kept=(9,)), "which makes the file long again"
    assert [index for index in range(10) if bench.pieces.load(index, 0, 100).data] == [0, 1, 9]
    assert bench.check().failed == (*range(2, 9), *range(10, COUNT))
    bench.save(*range(2, 9))
    assert bench.content.sync().suspects == ()


def test_a_file_changed_while_it_is_being_downloaded_is_hashed_again_too(bench: Bench, t: Torrent) -> None:
    bench.save(0, 1, 2)
    change(t.path(bench.root, 0), 150)
    bench.save(3)
    assert [index for index in range(4) if bench.pieces.load(index, 0, 100).data] == [0, 2, 3]
    assert bench.content.sync().suspects == (1, *range(4, 10))


def test_pieces_of_a_changed_file_may_not_be_remembered_before_they_were_hashed(seed: Bench, t: Torrent) -> None:
    seed.save(0)
    os.truncate(t.path(seed.root, 0), 950)
    synced = seed.content.sync()
    assert synced.suspects == tuple(range(10))
    assert synced.error is None
    assert seed.content.sync().suspects == tuple(range(10)), "until they are hashed"
    assert seed.pieces.check(range(10)).failed == (9,)
    assert seed.content.sync().suspects == (9,)
    seed.save(9)
    assert seed.content.sync().suspects == ()


def test_a_file_that_never_stands_still_is_an_error_in_the_end(seed: Bench, t: Torrent) -> None:
    path = t.path(seed.root, 0)

    def unrest(fd: int, length: int, offset: int) -> bytes:
        os.utime(path, ns=(1, os.stat(path).st_mtime_ns + 10**9))
        return os.pread(fd, length, offset)

    real = os.preadv

    def unrest_too(fd: int, buffers: List[memoryview], offset: int) -> int:
        os.utime(path, ns=(1, os.stat(path).st_mtime_ns + 10**9))
        return real(fd, buffers, offset)

    seed.system.use("pread", unrest)
    seed.system.use("preadv", unrest_too)
    assert seed.pieces.load(3, 0, 100).data == t.piece(3), "the first change comes after the look"
    loaded = seed.pieces.load(3, 0, 100)
    assert loaded.error is not None
    assert "is being changed" in loaded.error.reason


def test_a_read_error_fails_the_piece_and_is_told(bench: Bench, t: Torrent) -> None:
    bench.save(*range(COUNT))
    real = os.preadv

    def bad_sector(fd: int, buffers: List[memoryview], offset: int) -> int:
        if offset <= 350 < offset + len(buffers[0]) and os.fstat(fd).st_size == 1000:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, buffers, offset)

    bench.system.use("preadv", bad_sector)
    with open(t.path(bench.root, 0), "r+b") as file:
        file.seek(450)
        file.write(b"?")
    checked = bench.check()
    assert (checked.failed, checked.unreadable) == ((3, 4), (3,)), "of 4 it is known that it is wrong"
    assert checked.error is not None
    assert checked.error.errno == errno.EIO


def test_a_planted_link_is_not_followed(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    path = t.path(bench.root, 1)
    path.rename(bench.root / "elsewhere")
    path.symlink_to(bench.root / "elsewhere")
    bench.content.check_files()
    checked = bench.check()
    assert checked.failed == (10, 11, 12, 13, 14)
    assert checked.error is not None
    assert checked.error.path == str(path)


@pytest.mark.parametrize("piece_length", [CHUNK // 3, CHUNK, CHUNK + 1, 5 * CHUNK])
def test_pieces_of_any_length_are_checked(tmp_path: Path, pool: FilePool, piece_length: int) -> None:
    bench = Bench(tmp_path, torrent([("a", CHUNK + 5), ("b", 5 * CHUNK)], piece_length), pool)
    bench.t.seed(tmp_path)
    bench.content.check_files()
    count = bench.t.metainfo.piece_count
    assert bench.check().passed == tuple(range(count))
    os.truncate(bench.t.path(tmp_path, 1), 5 * CHUNK - 1)
    bench.content.check_files()
    assert bench.check().failed == (count - 1,)


MEMORY = """
import sys
sys.path[:0] = sys.argv[2:]
from support.loopback import memory
from support.torrents import torrent
from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import YOUNG
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.hash_buffer import HashBuffers
from bittorrent_threads.metainfo.layout import Layout
from bittorrent_threads.metainfo.hashes import PieceHashes
import dataclasses, hashlib, os

size = 128 * 1024 * 1024
path = os.path.join(sys.argv[1], "t", "a")
os.makedirs(os.path.dirname(path))
with open(path, "wb") as file:
    file.truncate(size)
digest = hashlib.sha1()
for _ in range(64):
    digest.update(bytes(1024 * 1024))
base = torrent([("a", 1)], 1).metainfo
metainfo = dataclasses.replace(
    base,
    files=(base.files[0]._replace(length=size),),
    layout=Layout([size], size // 2),
    hashes=PieceHashes(digest.digest() * 2),
)
content = Content(metainfo, Folder(sys.argv[1]), FilePool(4))
before = memory("VmRSS")
assert Pieces(metainfo, content, HashBuffers()).check([0, 1]).passed == (0, 1)
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_check_of_pieces_of_64_mib_takes_little_memory(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path), str(root), str(root / "tests")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 4 * CHUNK


# -- what a check finds --------------------------------------------------------------------------------------------


class Later:
    """``time`` for a module, some seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return time.time() + self._seconds


@pytest.mark.skipif(os.name != "posix", reason="a file that is not open for writing cannot be synced")
@pytest.mark.parametrize(("age", "synced"), [(0.0, ["fdatasync"]), (YOUNG + 60, [])])
def test_what_a_check_finds_is_synced_unless_the_system_did_that_long_ago(
    bench: Bench, t: Torrent, monkeypatch: pytest.MonkeyPatch, age: float, synced: List[str]
) -> None:
    def read_only(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return os.open(path, flags, *arguments, **options)

    t.path(bench.root, 0).write_bytes(t.file(0))
    bench.content.close()
    bench.content.check_files()
    bench.system.use("open", read_only)
    monkeypatch.setattr(content_module, "time", Later(age))
    assert bench.check().passed == tuple(range(10))
    for expected in (synced, []):
        bench.system.calls.clear()
        assert bench.content.sync().error is None
        assert bench.system.named("fdatasync") == expected


# -- what is not there, and what is known --------------------------------------------------------------------------


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """How many bytes were hashed, a number for each piece or part of one."""
    sizes: List[int] = []
    update, verdicts = hashes.PieceHasher.update, hashes.PieceHashes.verdicts

    def updated(self: Any, data: Any) -> None:
        sizes.append(len(data))
        update(self, data)

    def judged(self: Any, indexes: Any, parts: Any) -> Dict[int, hashes.Verdict]:
        sizes.extend(map(len, parts))
        return verdicts(self, indexes, parts)

    monkeypatch.setattr(hashes.PieceHasher, "update", updated)
    monkeypatch.setattr(hashes.PieceHashes, "verdicts", judged)
    return sizes


def test_nothing_is_read_or_hashed_for_bytes_that_no_file_has(bench: Bench, hashed: List[int]) -> None:
    bench.save(0, 1, 2, 12)
    os.truncate(bench.t.path(bench.root, 0), 250)
    (bench.root / "t" / "c").unlink()
    pool = FilePool(4)
    other = Content(bench.t.metainfo, Folder(str(bench.root)), pool)  # which never met them
    hashed.clear()
    checked = Pieces(bench.t.metainfo, other, HashBuffers()).check(range(COUNT))
    pool.close()
    assert checked == Checked((0, 1, 12), dict.fromkeys((*range(2, 12), *range(13, COUNT)), Verdict.WRONG), None)
    assert sum(hashed) == 500, "two pieces of a, three of b, which has a hole"


def test_a_part_file_is_asked_for_what_no_file_has(tmp_path: Path, t: Torrent, pool: FilePool) -> None:
    content = Content(t.metainfo, Folder(str(tmp_path)), pool)
    content.prepare([True, False, True])
    pieces = Pieces(t.metainfo, content, HashBuffers())
    pieces.save(t.buffers(9, 10, 14, 15))
    assert not t.path(tmp_path, 1).exists()
    assert pieces.check(range(COUNT)).passed == (9, 10, 14, 15)


PADDED = [("a", 150), (".pad/50", 50), (".pad/400", 400), ("empty", 0), (".pad/210", 210), ("b", 90), (".pad/130", 130)]


@pytest.mark.parametrize("right", [True, False])
def test_zeros_are_hashed_once_however_many_pieces_they_fill(
    tmp_path: Path, pool: FilePool, hashed: List[int], right: bool
) -> None:
    t = torrent(PADDED, 100)  # 11 pieces, of which the last has 30 bytes; a is in 0 and 1, b in 8
    if not right:
        data = t.metainfo.to_bytes()
        t = Torrent(Metainfo.parse(data.replace(t.metainfo.pieces, t.metainfo.pieces[:40] + bytes(180))), t.data)
    t.seed(tmp_path)
    content = Content(t.metainfo, Folder(str(tmp_path)), pool)
    assert content.padding == [range(2, 8), range(9, 11)]
    assert content.check_files().present == tuple(range(11))
    pieces = Pieces(t.metainfo, content, HashBuffers())
    for _ in range(2):
        checked = pieces.check(range(11))
        assert checked.passed == (tuple(range(11)) if right else (0, 1))
    # Zeros of either length once; of the others each piece each time.
    assert sorted(hashed)[0] == 30
    assert sum(hashed) == 100 + 30 + 2 * 300


def test_padding_alone() -> None:
    t = torrent([("empty", 0), (".pad/5", 5), (".pad/7", 7)], 10)
    content = Content(t.metainfo, Folder("nowhere"), FilePool(1))
    assert content.padding == [range(2)]
    assert content.check_files().present == (0, 1)


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="peaks of memory are those of Linux")
def test_pieces_of_a_byte_take_no_more_memory_than_others(tmp_path: Path) -> None:
    # With a memoryview for each byte of the scratch it was 200 MB for each worker.
    with Child(PIECES_OF_A_BYTE, tmp_path) as child:
        assert int(child.line()) < 60_000
        child.end()


PIECES_OF_A_BYTE = """
    import hashlib, os, sys
    import bittorrent_threads as bt

    def kibibytes(key):
        with open("/proc/self/status") as file:
            return int(file.read().split(key)[1].split()[0])

    data = os.urandom(250_000)
    digests = b"".join([hashlib.sha1(data[at : at + 1]).digest() for at in range(len(data))])
    torrent = b"d4:infod6:lengthi250000e4:name1:x12:piece lengthi1e6:pieces%d:%see" % (len(digests), digests)
    with open(os.path.join(sys.argv[1], "x"), "wb") as file:
        file.write(data)
    with bt.Client(torrent, sys.argv[1], state="stopped") as client:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak of memory begins anew
        before = kibibytes("VmRSS:")
        assert len(client.hashcheck().passed) == len(data)
        print(kibibytes("VmHWM:") - before)
"""


@pytest.mark.parametrize("spoilt", [False, True], ids=["touched", "spoilt"])
def test_a_change_that_the_check_notices_has_the_pieces_hashed_once_more(seed: Bench, t: Torrent, spoilt: bool) -> None:
    assert seed.check().failed == ()
    path = t.path(seed.root, 0)
    pieces = set(t.metainfo.layout.file_pieces(0))
    if spoilt:
        path.write_bytes(bytes(len(t.file(0))))
    os.utime(path, ns=(1, 1))
    checked = seed.check()
    assert set(checked.failed) == (pieces if spoilt else set())
    epochs = seed.content.epochs
    for index in set(range(t.metainfo.piece_count)) - set(checked.failed):
        assert epochs.trusted(index, epochs.of(index))
