from __future__ import annotations

import gc
import os
import threading
import weakref
from pathlib import Path
from typing import Callable, Iterator, List

import pytest
from support.network_thread import NetworkThread
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.disk.pool import Outcome
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.settings import Settings


@pytest.fixture
def t() -> Torrent:
    return torrent([("a", 1000)], 100)


@pytest.fixture
def network() -> NetworkThread:
    return NetworkThread()


@pytest.fixture
def start(network: NetworkThread) -> Iterator[Callable[..., Disk]]:
    disks: List[Disk] = []

    def start(*, system: System | None = None, **settings: int) -> Disk:
        disk = Disk(Settings(**settings), network.post, system=system or os)  # type: ignore[arg-type]
        disk.start()
        disks.append(disk)
        return disk

    yield start
    for disk in disks:
        assert disk.close(30)


def workers() -> List[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-disk"))


def test_one_worker_more_than_may_check(start: Callable[..., Disk]) -> None:
    start(disk_threads=2)
    assert workers() == ["bittorrent-disk-1", "bittorrent-disk-2", "bittorrent-disk-3"]


def test_open_touches_no_file(start: Callable[..., Disk], t: Torrent, tmp_path: Path) -> None:
    system = System()
    start(system=system).open(t.metainfo, str(tmp_path / "folder"))
    assert system.calls == []
    assert not (tmp_path / "folder").exists()


def test_resume_data_goes_beside_the_data_or_elsewhere(
    start: Callable[..., Disk], network: NetworkThread, t: Torrent, tmp_path: Path
) -> None:
    disk = start()
    resume = Resume(t.metainfo.infohash, b"\0\0", (None,))
    name = f"{t.metainfo.infohash.hex()}.resume"
    network.ask(disk.open(t.metainfo, str(tmp_path / "1")).remember, resume)
    assert (tmp_path / "1" / ".bittorrent_threads" / name).is_file()
    elsewhere = disk.open(t.metainfo, str(tmp_path / "2"), resume_dir=str(tmp_path / "resume"))
    network.ask(elsewhere.remember, resume)
    assert (tmp_path / "resume" / name).is_file()
    assert not (tmp_path / "2").exists()


def test_many_torrents_share_few_open_files(start: Callable[..., Disk], network: NetworkThread, tmp_path: Path) -> None:
    disk = start(max_open_files=5)
    torrents = [torrent([("a", 100), ("b", 100)], 100, seed=seed) for seed in range(6)]
    storages = [disk.open(each.metainfo, str(tmp_path / str(seed))) for seed, each in enumerate(torrents)]
    for each, storage in zip(torrents, storages):
        network.ask(storage.prepare, [True, True], [True, True])
        network.ask(storage.save, each.buffers(0, 1))
    for each, storage in zip(torrents, storages):
        assert network.ask(storage.load, [(1, 0, 100)])[0].data == each.piece(1)
    assert len(disk._files) == 5


def test_close_ends_the_workers_and_closes_the_files(
    start: Callable[..., Disk], network: NetworkThread, t: Torrent, tmp_path: Path
) -> None:
    disk = start()
    storage = disk.open(t.metainfo, str(tmp_path))
    network.ask(storage.prepare, [True], [True])
    network.ask(storage.save, t.buffers(0))
    network.ask(storage.load, [(0, 0, 1)])
    assert len(disk._files) == 1
    assert disk.close(30)
    assert workers() == []
    assert len(disk._files) == 0


def test_a_hung_disk_does_not_hang_close(
    start: Callable[..., Disk], network: NetworkThread, t: Torrent, tmp_path: Path
) -> None:
    system, go_on, begun = System(), threading.Event(), threading.Event()

    def hung(*arguments: object) -> int:
        begun.set()
        assert go_on.wait(30)
        return 100

    system.use("pwritev", hung)
    disk = start(system=system)
    disk.open(t.metainfo, str(tmp_path)).save(t.buffers(0), lambda saved: None)
    assert begun.wait(30)
    assert disk.close(0.05) is False
    go_on.set()
    assert disk.close(30)
    assert len(disk._files) == 0, "the last worker closed them"


def test_reads_do_not_wait_for_hash_checks(
    start: Callable[..., Disk], network: NetworkThread, t: Torrent, tmp_path: Path
) -> None:
    system, go_on, begun = System(), threading.Event(), threading.Semaphore(0)
    t.seed(tmp_path)
    disk = start(system=system)
    storage = disk.open(t.metainfo, str(tmp_path))
    network.ask(storage.check_files)
    network.ask(storage.prepare, [True], [True])

    def slow(fd: int, buffers: list[memoryview], offset: int) -> int:
        begun.release()
        assert go_on.wait(30)
        return os.preadv(fd, buffers, offset)

    system.use("preadv", slow)
    checked: List[object] = []
    for index in range(8):
        storage.check([index], checked.append)
    assert begun.acquire(timeout=30)
    assert begun.acquire(timeout=30), "two checks at once"
    assert network.ask(storage.load, [(9, 0, 100)])[0].data == t.piece(9)
    assert checked == []
    assert disk.waiting == 6
    go_on.set()
    network.turn_until(lambda: len(checked) == 8)


def test_a_forgotten_disk_lets_go_of_everything(network: NetworkThread, t: Torrent, tmp_path: Path) -> None:
    disk = Disk(Settings(), network.post)
    disk.start()
    network.ask(disk.open(t.metainfo, str(tmp_path)).prepare, [True], [True])
    threads = [thread for thread in threading.enumerate() if thread.name in workers()]
    alive = weakref.ref(disk)
    disk.close()
    for thread in threads:
        thread.join(30)
    del disk
    gc.collect()
    assert workers() == []
    assert alive() is None


def test_plain_data_of_the_session_is_kept_in_a_file(
    start: Callable[..., Disk], network: NetworkThread, tmp_path: Path
) -> None:
    disk, path, state = start(), str(tmp_path / "state"), {"nodes": [["10.0.0.1", 6881]]}
    assert network.ask(disk.load_state, path) == (None, None)
    assert network.ask(disk.store_state, path, state).error is None
    assert network.ask(disk.load_state, path) == (state, None)
    below = os.path.join(path, "below")
    for answer in (network.ask(disk.store_state, below, state), network.ask(disk.load_state, below)):
        assert answer.error is not None
        assert answer.error.path
        assert answer.error.__traceback__ is None


def test_what_takes_long_is_computed_by_a_worker(start: Callable[..., Disk], network: NetworkThread) -> None:
    disk = start()
    outcomes: List[Outcome[str]] = []
    disk.compute(lambda: threading.current_thread().name, outcomes.append)
    disk.compute(lambda: str(1 // 0), outcomes.append)
    network.turn_until(lambda: len(outcomes) == 2)
    names = [outcome.value(lambda error: type(error).__name__) for outcome in outcomes]
    assert "ZeroDivisionError" in names
    assert any(name.startswith("bittorrent-disk-") for name in names)
    assert disk.close(30)
    disk.compute(str, outcomes.append)
    assert len(outcomes) == 2, "the disk is closed"
