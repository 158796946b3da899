"""One file of several that cannot be looked at: the others are used, and it is, too, as soon as that can be."""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Tuple

import pytest
from support.damage import Watched, indexes, right_pieces
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder
from support.system import System

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk.disk import Disk

NIMBLE = LOCAL.replace(sync_interval=0.1, disk_retry_interval=0.1, disk_retry_max=0.2)
A_PIECES = set(range(10))
"""The last of them has bytes of the other file, too."""


class Bad(NamedTuple):
    """A file that is there and cannot be looked at."""

    path: Path
    mend: Callable[[], object]
    errno: int


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """The system calls of the sessions made from now on."""
    system = System()
    monkeypatch.setattr("bittorrent_threads.runtime.Disk", functools.partial(Disk, system=system))
    return system


def link(path: Path, system: System) -> Bad:
    """A symbolic link stands in its place."""
    aside = path.parents[2] / "aside"
    path.rename(aside)
    path.symlink_to(aside)
    return Bad(path, lambda: aside.replace(path), 0)


def folder(path: Path, system: System) -> Bad:
    """A folder stands in its place."""
    aside = path.parents[2] / "aside"
    path.rename(aside)
    path.mkdir()

    def mend() -> None:
        path.rmdir()
        aside.rename(path)

    return Bad(path, mend, 0)


def denied(path: Path, system: System) -> Bad:
    """The system refuses access; simulated, because root is refused nothing."""

    def stat(name: Any, *, dir_fd: Optional[int] = None, **options: Any) -> os.stat_result:
        if dir_fd is not None and os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), name) == str(path):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return os.stat(name, dir_fd=dir_fd, **options)

    system.use("stat", stat)
    return Bad(path, lambda: system.heal("stat"), errno.EACCES)


@pytest.fixture(params=[True, False], ids=["remembered", "not remembered"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tuple[bt.Client, Dict[str, Any]]]:
    """A seeder, and what a client is given that had everything before a file went bad."""
    with pair(tmp_path, resume=tmp_path / "resume") as (seed, down):
        down.wait(timeout=PATIENCE)
        down.close()
        resume = tmp_path / "resume" if request.param else False
        yield seed, {"settings": NIMBLE, "resume": resume, "peers": [("127.0.0.1", seed.port)]}


@pytest.mark.parametrize("spoil", [link, folder, denied])
def test_the_others_are_used_and_it_is_when_it_can_be(
    tmp_path: Path, system: System, before: Tuple[bt.Client, Dict[str, Any]], spoil: Callable[[Path, System], Bad]
) -> None:
    _, options = before
    root = tmp_path / "down"
    bad = spoil(SMALL.path(root, "a.bin"), system)
    with bt.Client(SMALL.metainfo(), root, **options) as client:
        watched = Watched(client)
        failed = watched.happened(events.StorageFailed)
        assert (failed.path, failed.errno) == (str(bad.path), bad.errno)
        assert 0 < failed.retry_in <= 0.2
        status = client.wait(lambda status: status.connected > 0 and not status.checking, timeout=PATIENCE)
        assert set(indexes(status.bitfield)) == set(range(13)) - A_PIECES
        with bt.Client(SMALL.metainfo(), tmp_path / "late", settings=LOCAL, peers=[("127.0.0.1", client.port)]) as late:
            late.wait(lambda status: status.pieces_have == 3, timeout=PATIENCE)
            client.wait(lambda status: len(watched.seen(events.StorageFailed)) > 3, timeout=PATIENCE)
            assert client.downloaded == 0
            assert not late.complete
            assert str(bad.path) in client.status().error
            assert {event.path for event in watched.seen(events.StorageFailed)} == {str(bad.path)}
            assert not watched.seen(events.PieceFailed)
            bad.mend()
            client.wait("seed", timeout=PATIENCE)
            client.wait(lambda status: not status.error, timeout=PATIENCE)
            assert watched.happened(events.StorageRecovered)
            assert client.downloaded == 0
            late.wait("seed", timeout=PATIENCE)
            assert not Watched(late).seen(events.PieceFailed)
    assert SMALL.differences(root) == [] == SMALL.differences(tmp_path / "late")


@pytest.mark.parametrize("remembered", [True, False])
def test_when_it_is_gone_then_only_what_was_remembered_keeps_it_from_being_fetched(
    tmp_path: Path, remembered: bool
) -> None:
    root = tmp_path / "down"
    with pair(tmp_path, settings=NIMBLE) as (seed, down):
        down.wait(timeout=PATIENCE)
        down.close()
        path = SMALL.path(root, "a.bin")
        path.unlink()
        path.symlink_to(tmp_path / "nowhere")
        with bt.Client(
            SMALL.metainfo(), root, settings=NIMBLE, resume=remembered, peers=[("127.0.0.1", seed.port)]
        ) as client:
            watched = Watched(client)
            assert watched.happened(events.StorageFailed).path == str(path)
            path.unlink()
            if remembered:
                client.wait(lambda status: "was there and is gone" in status.error, timeout=PATIENCE)
                assert client.downloaded == 0
                assert not path.exists()
                client.hashcheck()
            client.wait("seed", timeout=PATIENCE)
    assert SMALL.differences(root) == []


def test_a_downloader_makes_and_fetches_nothing_before(tmp_path: Path) -> None:
    root = tmp_path / "down"
    path = SMALL.path(root, "sub/b.bin")
    path.mkdir(parents=True)
    with (
        seeder(tmp_path / "seed") as seed,
        bt.Client(SMALL.metainfo(), root, settings=NIMBLE, peers=[("127.0.0.1", seed.port)]) as client,
    ):
        watched = Watched(client)
        assert watched.happened(events.StorageFailed).path == str(path)
        client.wait(lambda status: status.connected > 0, timeout=PATIENCE)
        client.wait(lambda status: len(watched.seen(events.StorageFailed)) > 3, timeout=PATIENCE)
        assert client.downloaded == 0
        assert right_pieces(SMALL, root) == []
        assert not SMALL.path(root, "a.bin").exists()
        path.rmdir()
        client.wait("seed", timeout=PATIENCE)
        assert not watched.seen(events.PieceFailed)
    assert SMALL.differences(root) == []
