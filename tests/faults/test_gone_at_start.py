"""A folder that is empty or not mounted at the start: an error until the files are back, never a silent download."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Iterator

import pytest
from support.damage import Watched, truncate
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads import events

NIMBLE = LOCAL.replace(sync_interval=0.1, disk_retry_interval=0.1, disk_retry_max=0.5)


@pytest.fixture(params=["beside the data", "elsewhere"])
def resume(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """Where the resume data is kept."""
    return True if request.param == "beside the data" else tmp_path / "resume"


@pytest.fixture
def emptied(tmp_path: Path, resume: object) -> Iterator[bt.Client]:
    """A seeder of what a torrent had that was complete, before its files were taken away."""
    with pair(tmp_path, resume=resume) as (seed, down):
        down.wait(timeout=PATIENCE)
        down.close()
        (tmp_path / "down" / SMALL.name).rename(tmp_path / "aside")
        if resume is not True:
            shutil.rmtree(tmp_path / "down")
        yield seed


def begin(seed: bt.Client, folder: Path, resume: object) -> bt.Client:
    peers = [("127.0.0.1", seed.port)]
    return bt.Client(SMALL.metainfo(), folder, settings=NIMBLE, peers=peers, resume=resume)  # type: ignore[arg-type]


def refused(client: bt.Client) -> None:
    """See that nothing is downloaded and nothing made."""
    status = client.wait(lambda status: status.connected == 1, timeout=PATIENCE)
    with pytest.raises(bt.Stalled, match="was there and is gone"):
        client.wait(stall_timeout=0.5)
    assert client.downloaded == 0
    assert status.pieces_have == 0
    assert "gone" in client.status().error
    assert not (Path(client.basedir) / SMALL.name).exists(), "nothing is made in an empty mount point"


def test_nothing_is_downloaded_before_a_hashcheck(tmp_path: Path, emptied: bt.Client, resume: object) -> None:
    folder = tmp_path / "down"
    for _ in range(2):  # a restart changes nothing of it
        with begin(emptied, folder, resume) as client:
            failed = Watched(client).happened(events.StorageFailed)
            assert "a hash check accepts" in failed.reason
            assert failed.retry_in == NIMBLE.disk_retry_interval
            assert (failed.path, failed.errno) == (str(folder / SMALL.name / "a.bin"), errno.ENOENT)
            refused(client)
            client.stop()
            client.start()
    with begin(emptied, folder, resume) as client:
        watched = Watched(client)
        watched.happened(events.StorageFailed)
        check = client.hashcheck(wait=False)
        check.cancel()
        result = check.wait(PATIENCE)
        if result.cancelled:
            refused(client)
            result = client.hashcheck()
        assert not result.passed
        assert not result.cancelled
        client.wait(timeout=PATIENCE)
        assert watched.seen(events.StorageRecovered)
        assert not client.status().error
    assert SMALL.differences(folder) == []


def test_files_that_come_back_are_there_again(tmp_path: Path, emptied: bt.Client, resume: object) -> None:
    folder = tmp_path / "down"
    with begin(emptied, folder, resume) as client:
        refused(client)
        folder.mkdir(exist_ok=True)
        (tmp_path / "aside").rename(folder / SMALL.name)
        assert not client.hashcheck().failed
        assert client.complete
        assert client.downloaded == 0
    with begin(emptied, folder, resume) as client:
        client.wait("seed", timeout=PATIENCE)
        assert not Watched(client).seen(events.HashcheckProgressed)


def test_another_file_in_the_place_is_taken_by_a_start(tmp_path: Path, emptied: bt.Client, resume: object) -> None:
    folder = tmp_path / "down"
    with begin(emptied, folder, resume) as client:
        refused(client)
        watched = Watched(client)
        SMALL.write(folder)
        wrong = SMALL.path(folder, "a.bin")
        truncate(wrong)
        before = wrong.stat()
        told = len(watched.seen(events.StorageFailed))
        client.wait(lambda status: len(watched.seen(events.StorageFailed)) >= told + 2, timeout=PATIENCE)
        failed = watched.seen(events.StorageFailed)[-1]
        assert failed.errno == errno.ESTALE
        assert "is another file than before" in failed.reason
        assert client.downloaded == 0 == client.status().pieces_have
        assert wrong.stat() == before
        client.stop()
        client.start()
        client.wait("seed", timeout=PATIENCE)
        assert 0 < client.downloaded < SMALL.size, "what was right of it was found"
    assert SMALL.differences(folder) == []


def test_files_that_come_back_before_the_start(tmp_path: Path, emptied: bt.Client, resume: object) -> None:
    folder = tmp_path / "down"
    with begin(emptied, folder, resume) as client:
        refused(client)
    folder.mkdir(exist_ok=True)
    (tmp_path / "aside").rename(folder / SMALL.name)
    with begin(emptied, folder, resume) as client:
        client.wait("seed", timeout=PATIENCE)
        assert client.downloaded == 0
        assert not Watched(client).seen(events.HashcheckProgressed)


def test_one_file_gone_the_other_is_served(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
    folder = tmp_path / "down"
    gone = SMALL.path(folder, "a.bin")
    gone.unlink()
    with seeder(tmp_path / "seed") as seed, begin(seed, folder, True) as client:
        watched = Watched(client)
        failed = watched.happened(events.StorageFailed)
        assert (failed.path, failed.errno) == (str(gone), errno.ENOENT)
        kept = client.wait("checked", timeout=PATIENCE).pieces_have
        assert kept == 3
        with bt.Client(SMALL.metainfo(), tmp_path / "late", settings=LOCAL, peers=[("127.0.0.1", client.port)]) as late:
            late.wait(lambda status: status.pieces_have == kept, timeout=PATIENCE)
        assert client.downloaded == 0
        assert not gone.exists()
        client.hashcheck()
        client.wait(timeout=PATIENCE)
    assert SMALL.differences(folder) == []
