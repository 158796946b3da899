"""The simulated disk keeps the rules of ``engine.interfaces``, and reports calls that break them."""

from __future__ import annotations

import errno
from typing import Any, Callable, Iterable, List

import pytest

from bittorrent_threads.disk.results import Checked, CheckedFiles, Done, Loaded, Prepared, Recalled, Saved
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.engine.interfaces.disk import Disk
from bittorrent_threads.engine.interfaces.storage import Storage
from bittorrent_threads.metainfo.fingerprint import fingerprint
from bittorrent_threads.metainfo.hashes import Verdict
from bittorrent_threads.testing.simulation.disk import SimDisk
from bittorrent_threads.testing.simulation.drive import MIB
from bittorrent_threads.testing.simulation.network import Internet
from bittorrent_threads.testing.simulation.storage import SimStorage
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.world import World

PIECE = 65536


@pytest.fixture(scope="module")
def torrent() -> SimTorrent:
    return make_torrent(size=10 * PIECE + 100, piece_length=PIECE)


class Bench:
    """One disk with one torrent on it, and an ear for its answers."""

    def __init__(self, torrent: SimTorrent, pieces: Iterable[int] = ()) -> None:
        self.world = World(5)
        self.disk = SimDisk(Internet(self.world).add("10.0.0.1"))
        self.files = self.disk.hold(torrent, pieces)
        self.torrent = torrent
        self.storage = self.disk.open(torrent.metainfo, "downloads")
        self.disk.claims = {f"downloads/{torrent.metainfo.name}": {torrent.metainfo.infohash: True}}

    def ask(self, verb: Callable[..., None], *args: Any) -> Any:
        """The answer to one call, which must not come from inside it."""
        answers: List[Any] = []
        verb(*args, answers.append)
        assert answers == []
        self.world.run(lambda: bool(answers), limit=60)
        return answers[0]

    def right(self, index: int) -> bytearray:
        return bytearray(self.torrent.content.read(index * PIECE, PIECE))


def conforms(disk: Disk, storage: Storage) -> None:
    """For the type checker: it fails here when the simulation and the ports part."""


def test_the_torrent_is_real(torrent: SimTorrent) -> None:
    metainfo = torrent.metainfo
    assert metainfo.piece_count == 11
    assert metainfo.total_size == 10 * PIECE + 100
    two = make_torrent(files=[("a", 100), ("b", 0), ("c", 70_000)], trackers=["http://t/announce"], piece_length=PIECE)
    assert [file.path for file in two.metainfo.files] == [("simulated", name) for name in "abc"]
    assert two.metainfo.trackers == (("http://t/announce",),)
    assert make_torrent(seed=2).metainfo.infohash != make_torrent(seed=3).metainfo.infohash


def test_pieces_saved_can_be_loaded_again(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    conforms(bench.disk, bench.storage)
    assert bench.ask(bench.storage.check_files) == CheckedFiles((), None, (None,))
    assert bench.ask(bench.storage.prepare, [True], [True]) == Prepared(None)
    buffer = bench.right(3)
    pieces = [(3, memoryview(buffer)), (10, memoryview(bench.right(10)))]
    assert bench.ask(bench.storage.save, pieces) == Saved(kept=(3, 10))
    assert bench.ask(bench.storage.check_files).present == (3, 10)
    loaded = bench.ask(bench.storage.load, [(3, 100, 40_000)])[0]
    assert loaded == Loaded(3, 100, bytes(buffer[100:40_100]), None)
    assert bench.ask(bench.storage.check, [10, 2, 3]) == Checked((3, 10), {2: Verdict.WRONG}, None)
    assert bench.ask(bench.storage.close) == Done(None)
    assert bench.world.violations == []


def test_a_wrong_piece_fails_its_hash_and_is_not_kept(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    wrong = bench.right(3)
    wrong[-1] ^= 1
    saved = bench.ask(bench.storage.save, [(3, memoryview(wrong))])
    assert saved == Saved(wrong=(3,), fingerprints={3: fingerprint(wrong)})
    assert bench.ask(bench.storage.check_files).present == ()
    assert bench.world.violations == []


def test_a_full_disk_says_so_until_there_is_room(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    bench.disk.room = PIECE + 1
    saved = bench.ask(bench.storage.save, [(0, memoryview(bench.right(0))), (1, memoryview(bench.right(1)))])
    assert saved == Saved(kept=(0,), unwritten=(1,), error=saved.error)
    assert saved.error.errno == errno.ENOSPC
    assert bench.ask(bench.storage.check_files).present == (0,)
    bench.disk.room = None
    assert bench.ask(bench.storage.save, [(1, memoryview(bench.right(1)))]) == Saved(kept=(1,))
    assert bench.disk.saved == 2 * PIECE


def test_errors_can_be_ordered(torrent: SimTorrent) -> None:
    bench = Bench(torrent, [0, 1])
    bench.disk.read_errno = errno.EIO
    loaded = bench.ask(bench.storage.load, [(0, 0, 100)])[0]
    assert loaded.data == b""
    assert loaded.error.errno == errno.EIO
    assert loaded.error.path == "downloads/simulated"
    checked = bench.ask(bench.storage.check, [0, 5])
    assert checked.failed == (0, 5)
    assert checked.error.errno == errno.EIO
    bench.disk.write_errno = errno.EROFS
    assert bench.ask(bench.storage.prepare, [True], [True]).error.errno == errno.EROFS
    assert bench.ask(bench.storage.save, [(2, memoryview(bench.right(2)))]).error.errno == errno.EROFS


def test_damaged_pieces_are_present_and_fail_the_check(torrent: SimTorrent) -> None:
    bench = Bench(torrent, [0, 1])
    bench.files.damage([4])
    assert bench.ask(bench.storage.check_files).present == (0, 1, 4)
    assert bench.ask(bench.storage.check, [0, 1, 4]) == Checked((0, 1), {4: Verdict.WRONG}, None)


def test_a_lying_disk_reads_one_byte_wrong(torrent: SimTorrent) -> None:
    bench = Bench(torrent, [0])
    bench.disk.wrong_reads = 1.0
    loaded = bench.ask(bench.storage.load, [(0, 0, PIECE)])[0]
    assert sum(a != b for a, b in zip(loaded.data, bench.right(0))) == 1


def test_jobs_take_time_and_wait_for_a_worker(torrent: SimTorrent) -> None:
    bench = Bench(torrent, range(10))
    bench.disk.seek_time, bench.disk.read_rate = 0.5, PIECE / 1.0
    times: List[float] = []
    for index in range(4):
        bench.storage.load([(index, 0, PIECE)], lambda loaded: times.append(bench.world.now))
    bench.world.run(60)
    assert times == [1.5, 1.5, 3.0, 3.0]
    assert bench.disk.most_busy_jobs == 4
    assert bench.disk.busy_jobs == 0
    bench.disk.seek_time, bench.disk.write_rate, bench.disk.hash_rate = 0.0, PIECE / 2.0, PIECE / 4.0
    start = bench.world.now
    bench.ask(bench.storage.save, [(10, memoryview(bench.right(10)))])
    assert bench.world.now - start == pytest.approx(6.0 * 100 / PIECE)
    assert bench.disk.read_rate < MIB


def test_blocks_become_a_piece_when_all_of_them_are_there_and_right(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    data = bytes(bench.right(4))
    wrong = bytes(len(data) // 2)
    assert bench.ask(bench.storage.write, [(4, 0, data[:1000]), (4, 1000, data[1000:40_000])]) == Done(None)
    assert bench.ask(bench.storage.check_files).present == (4,)
    assert bench.ask(bench.storage.check, [4]).failed == (4,)
    loaded = bench.ask(bench.storage.load, [(4, 500, 50_000)])[0].data
    assert loaded[:39_500] == data[500:40_000]
    assert loaded[39_500:] != data[40_000:50_500]
    bench.ask(bench.storage.write, [(4, 40_000, wrong[: PIECE - 40_000])])
    assert bench.ask(bench.storage.check, [4]).failed == (4,)
    assert bench.ask(bench.storage.load, [(4, 39_000, 2000)])[0].data != data[39_000:41_000]
    bench.ask(bench.storage.write, [(4, 40_000, data[40_000:])])
    assert bench.ask(bench.storage.check, [4]).passed == (4,)
    assert bench.world.violations == []


def test_a_power_cut_takes_what_was_not_synced(torrent: SimTorrent) -> None:
    bench = Bench(torrent, [0])
    bench.ask(bench.storage.save, [(1, memoryview(bench.right(1)))])
    bench.ask(bench.storage.write, [(7, 0, bench.right(7)[:100])])
    synced = bench.ask(bench.storage.sync)
    assert synced.suspects == ()
    assert synced.error is None
    assert synced.files == bench.files.stats
    bench.ask(bench.storage.save, [(2, memoryview(bench.right(2)))])
    assert synced.files != bench.files.stats
    bench.disk.write_errno = errno.EIO
    assert bench.ask(bench.storage.sync).suspects == (2,)
    bench.disk.write_errno = 0
    bench.ask(bench.storage.write, [(8, 0, bench.right(8)[:100])])
    bench.files.crash()
    again = bench.disk.open(torrent.metainfo, "downloads")
    assert bench.ask(again.check_files).present == (0, 1, 2, 7)
    assert bench.ask(again.check, [0, 1, 2]) == Checked((0, 1), {2: Verdict.WRONG}, None)


def test_resume_data_outlives_the_storage(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    resume = Resume(torrent.metainfo.infohash, b"\x80\x00", (None,))
    assert bench.ask(bench.storage.recall) == Recalled(None, ())
    assert bench.ask(bench.storage.remember, resume) == Done(None)
    assert bench.ask(bench.disk.open(torrent.metainfo, "downloads").recall) == Recalled(resume, ())


def touch_buffer(bench: Bench, storage: SimStorage) -> None:
    buffer = bench.right(2)
    storage.save([(2, memoryview(buffer))], lambda answer: None)
    buffer[0] ^= 1


def share_buffer(bench: Bench, storage: SimStorage) -> None:
    buffer = bench.right(2)
    storage.save([(2, memoryview(buffer))], lambda answer: None)
    storage.save([(3, memoryview(buffer))], lambda answer: None)


def touch_block(bench: Bench, storage: SimStorage) -> None:
    block = bench.right(2)
    storage.write([(2, 0, memoryview(block))], lambda answer: None)
    block[-1] ^= 1


def unclaimed(bench: Bench) -> SimStorage:
    bench.disk.claims.clear()
    return bench.storage


@pytest.mark.parametrize(
    ("crime", "said"),
    [
        (touch_block, "a block of piece 2 changed"),
        (touch_buffer, "changed while"),
        (share_buffer, "from the buffer of piece 2"),
        (lambda bench, storage: storage.save([(0, memoryview(bench.right(0)))], print), "saved again"),
        (lambda bench, storage: unclaimed(bench).save([(3, memoryview(bench.right(3)))], print), "not claimed"),
        (lambda bench, storage: storage.save([(2, memoryview(bytes(PIECE - 1)))], print), "from a buffer of"),
        (lambda bench, storage: storage.write([(0, 0, b"x")], print), "which is whole"),
        (lambda bench, storage: storage.write([(3, PIECE - 1, b"xy")], print), "2 bytes at 65535 of"),
        (lambda bench, storage: storage.load([(5, 0, 10)], lambda answer: None), "not there"),
        (lambda bench, storage: storage.load([(0, 0, PIECE + 1)], lambda answer: None), "65537 bytes at 0 of"),
        (lambda bench, storage: storage.load([(0, PIECE, 1)], lambda answer: None), "1 bytes at 65536 of"),
        (lambda bench, storage: storage.load([(0, 0, 0)], lambda answer: None), "0 bytes at 0 of"),
    ],
)
def test_broken_promises_are_written_down(
    torrent: SimTorrent, crime: Callable[[Bench, SimStorage], None], said: str
) -> None:
    bench = Bench(torrent, [0])
    crime(bench, bench.storage)
    bench.world.run(10)
    assert said in bench.world.violations[0]
