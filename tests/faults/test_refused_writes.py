"""A folder that cannot be written, and a worker that raises: one clear error, the pool lives, other torrents go on."""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from support.damage import Watched, make_read_only, mounted
from support.pairs import LOCAL, PATIENCE, SMALL, let_pass, seeder
from support.system import System

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

OTHER = SampleTorrent(500_000, piece_length=32 * KIB, name="other")
SLOW_RETRY = LOCAL.replace(disk_retry_interval=1.0)


class Spoiled:
    """What a system call does to files of a folder and to what is below it, while it is spoiled."""

    def __init__(self, name: str, folder: Path, error: Callable[[], Exception]) -> None:
        self.on = True
        self._real = getattr(os, name)
        self._folder = str(folder)
        self._error = error

    def __call__(self, file: Any, *arguments: Any, **options: Any) -> Any:
        fd = file if isinstance(file, int) else options["dir_fd"]
        if self.on and os.readlink(f"/proc/self/fd/{fd}").startswith(self._folder):
            raise self._error()
        return self._real(file, *arguments, **options)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """The system calls of the sessions made from now on."""
    system = System()
    monkeypatch.setattr("bittorrent_threads.runtime.Disk", functools.partial(Disk, system=system))
    return system


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Tuple[int, int]]:
    """A seeder of each torrent."""
    with seeder(tmp_path / "seed") as one, seeder(tmp_path / "seed", OTHER) as two:
        yield one.port, two.port


def test_a_read_only_disk(tmp_path: Path, ports: Tuple[int, int]) -> None:
    slower = LOCAL.replace(disk_retry_interval=60.0)
    with mounted(tmp_path / "down") as folder, bt.Session(slower) as session:
        make_read_only(folder)
        client = session.add(SMALL.metainfo(), folder, peers=[("127.0.0.1", ports[0])])
        watched = Watched(client)
        failed = watched.happened(events.StorageFailed)
        assert failed.errno == errno.EROFS
        assert failed.path.startswith(str(folder))
        other = session.add(OTHER.metainfo(), tmp_path / "other", peers=[("127.0.0.1", ports[1])])
        other.wait(timeout=PATIENCE)
        assert not client.status().pieces_have
        assert client.status().error
        assert len(watched.seen(events.StorageFailed)) == 1
        make_read_only(folder, on=False)
        let_pass(session, 60.0)
        client.wait(timeout=PATIENCE)
        client.wait(lambda status: not status.error, timeout=PATIENCE)
        assert SMALL.differences(folder) == []
        session.close()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_writes_that_are_refused(tmp_path: Path, ports: Tuple[int, int], system: System, number: int) -> None:
    spoiled = Spoiled("pwritev", tmp_path / "down", lambda: OSError(number, os.strerror(number)))
    system.use("pwritev", spoiled)
    go_on(tmp_path, ports, spoiled, number)


@pytest.mark.parametrize("call", ["mkdir", "pwritev", "fdatasync"], ids=["prepare", "save", "sync"])
def test_a_worker_that_raises(
    tmp_path: Path, ports: Tuple[int, int], system: System, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    spoiled = Spoiled(call, tmp_path / "down", mistake)
    system.use(call, spoiled)
    failed = go_on(tmp_path, ports, spoiled, 0)
    assert failed.path == str(tmp_path / "down")
    assert "RuntimeError: a mistake" in failed.reason
    assert logged(caplog) == ["RuntimeError('a mistake')"]


@pytest.mark.parametrize("call", ["pread", "preadv"], ids=["load", "check"])
def test_a_worker_that_raises_under_a_seeder(
    tmp_path: Path, ports: Tuple[int, int], system: System, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    spoiled = Spoiled(call, tmp_path / "one", mistake)
    spoiled.on = False
    system.use(call, spoiled)
    with bt.Session(LOCAL.replace(disk_retry_interval=0.1)) as session:
        seed = session.add(SMALL.metainfo(), SMALL.write(tmp_path / "one"))
        seed.wait("seed", timeout=PATIENCE)
        watched = Watched(seed)
        spoiled.on = True
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, peers=peers) as down:
            if call == "preadv":
                error = seed.hashcheck().error
                assert error is not None
                assert error.path == str(tmp_path / "one")
            failed = watched.happened(events.StorageFailed)
            assert (failed.path, failed.errno) == (str(tmp_path / "one"), 0)
            assert "a mistake" in failed.reason
            other = session.add(OTHER.metainfo(), tmp_path / "other", peers=[("127.0.0.1", ports[1])])
            other.wait(timeout=PATIENCE)
            assert not other.status().error
            spoiled.on = False
            assert not seed.hashcheck().failed
            down.add_peer(*peers[0])
            down.wait(timeout=PATIENCE)
            assert not Watched(down).seen(events.PieceFailed)
    assert logged(caplog) == ["RuntimeError('a mistake')"]


def mistake() -> Exception:
    return RuntimeError("a mistake")


def logged(caplog: pytest.LogCaptureFixture) -> List[str]:
    """The exceptions that were logged with their tracebacks; it is well that they were."""
    assert "Traceback" in caplog.text
    assert "in __call__" in caplog.text
    errors = [repr(record.exc_info[1]) for record in caplog.records if record.exc_info]
    caplog.clear()
    return errors


def go_on(tmp_path: Path, ports: Tuple[int, int], spoiled: Spoiled, number: int) -> events.StorageFailed:
    with bt.Session(SLOW_RETRY) as session:
        client = session.add(SMALL.metainfo(), tmp_path / "down", peers=[("127.0.0.1", ports[0])])
        watched = Watched(client)
        failed = watched.happened(events.StorageFailed)
        assert failed.errno == number
        other = session.add(OTHER.metainfo(), tmp_path / "other", peers=[("127.0.0.1", ports[1])])
        other.wait(timeout=PATIENCE)
        assert not other.status().error
        assert client.status().error
        spoiled.on = False
        client.wait(timeout=PATIENCE)
        assert watched.happened(events.StorageRecovered)
        assert not watched.seen(events.PieceFailed)
        assert not watched.seen(events.PeerBanned)
    assert SMALL.differences(tmp_path / "down") == []
    return failed


def test_reads_that_fail_under_a_seeder(tmp_path: Path, system: System) -> None:
    spoiled = Spoiled("pread", tmp_path / "seed", lambda: OSError(errno.EIO, os.strerror(errno.EIO)))
    spoiled.on = False
    system.use("pread", spoiled)
    with seeder(tmp_path / "seed", settings=LOCAL.replace(disk_retry_interval=0.1)) as seed:
        watched = Watched(seed)
        spoiled.on = True
        with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, peers=[("127.0.0.1", seed.port)]) as down:
            failed = watched.happened(events.StorageFailed)
            assert failed.errno == errno.EIO
            assert failed.path.startswith(str(tmp_path / "seed"))
            spoiled.on = False
            seed.wait("checked", timeout=PATIENCE)
            assert not seed.hashcheck().failed
            down.add_peer("127.0.0.1", seed.port)
            seed.add_peer("127.0.0.1", down.port)
            down.wait(timeout=PATIENCE)
            assert not Watched(down).seen(events.PieceFailed)
