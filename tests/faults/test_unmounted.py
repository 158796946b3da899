"""A file system that is not mounted, at the start or any more: nothing is made in the empty mount point, or forgotten.

What knows that something was there must not be on that file system: a client whose resume data is beside its data
begins anew.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
from support.damage import Watched, mounted
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

NIMBLE = LOCAL.replace(sync_interval=0.1, disk_retry_interval=0.1, disk_retry_max=0.2)
OTHER = SampleTorrent(200_000, piece_length=32 * KIB, name="other")


class Volume:
    """A file system that comes and goes at ``point``, and keeps what is on it."""

    def __init__(self, device: Path, point: Path) -> None:
        self._device = device
        self.point = point
        point.mkdir()
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "--bind", str(self._device), str(self.point)], check=True, timeout=20)

    def unmount(self, *options: str) -> bool:
        """Whether it could be done: not while a file on it is open, or ``-l``, after which those stay open."""
        done = subprocess.run(["umount", *options, str(self.point)], capture_output=True, timeout=20, check=False)
        return done.returncode == 0


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    with mounted(tmp_path / "device") as device:
        volume = Volume(device, tmp_path / "point")
        try:
            yield volume
        finally:
            while os.path.ismount(volume.point):
                subprocess.run(["umount", "-l", str(volume.point)], check=True, timeout=20)


class Run:
    """A session with a seeder of each torrent beside it."""

    def __init__(self, session: bt.Session, folder: Path, ports: Dict[str, int]) -> None:
        self._session = session
        self._folder = folder
        self._ports = ports

    def add(self, content: SampleTorrent, folder: Path, **options: Any) -> bt.Client:
        peers = [("127.0.0.1", self._ports[content.name])]
        return self._session.add(content.metainfo(), folder, peers=peers, **options)

    def goes_on(self) -> None:
        """See that another torrent knows nothing of the outage."""
        with self.add(OTHER, self._folder / "other") as other:
            watched = Watched(other)
            other.wait("seed", timeout=PATIENCE)
            assert not other.status().error
            assert not watched.seen(events.StorageFailed)
        assert OTHER.differences(self._folder / "other") == []


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with seeder(tmp_path / "seed") as one, seeder(tmp_path / "seed", OTHER) as two, bt.Session(NIMBLE) as session:
        yield Run(session, tmp_path, {SMALL.name: one.port, OTHER.name: two.port})


Kept = Callable[[bt.Client], Dict[str, Any]]
KEPT: Dict[str, Kept] = {
    "elsewhere": lambda client: {"resume": Path(client.basedir).parent / "resume"},
    "by value": lambda client: {"piece_cache": client.piece_cache},
}


@pytest.fixture(params=[(1, 1, 1), (1, 0, 0)], ids=["all of it", "a file"])
def priorities(request: pytest.FixtureRequest) -> Any:
    """What is wanted of the torrent that is downloaded into the volume."""
    return request.param


@pytest.fixture(params=KEPT)
def options(request: pytest.FixtureRequest, volume: Volume, run: Run, priorities: Any) -> Dict[str, Any]:
    """What a client is given that knows what was downloaded into the volume, which is not mounted any more."""
    with run.add(SMALL, volume.point, resume=volume.point.parent / "resume", priorities=priorities) as client:
        client.wait(timeout=PATIENCE)
        client.close()
        kept = KEPT[request.param](client)
    assert volume.unmount()
    assert os.listdir(volume.point) == []
    return {**kept, "priorities": priorities}


def refused(client: bt.Client, run: Run) -> None:
    """See that the client has nothing, takes nothing, and says why."""
    failed = Watched(client).happened(events.StorageFailed)
    assert failed.errno == errno.ENOENT
    assert failed.path == str(SMALL.path(Path(client.basedir), "a.bin"))
    assert "was there and is gone" in failed.reason
    client.wait(lambda status: status.connected == 1, timeout=PATIENCE)
    run.goes_on()
    with pytest.raises(bt.Stalled, match=r"a\.bin: was there and is gone"):
        client.wait(stall_timeout=0.3)
    status = client.status()
    assert status.pieces_have == 0 == status.downloaded
    assert not any(status.bitfield)
    assert not status.complete
    assert not any(file.complete for file in client.files)
    assert os.listdir(client.basedir) == []


def restarted(client: bt.Client) -> None:
    """Stop the client, and start it again."""
    client.stop()
    client.start()


def waited(client: bt.Client) -> None:
    """Let the client find it out by itself."""


def missing(client: bt.Client) -> int:
    """Bytes that the client does not have, wanted or not."""
    status = client.status()
    return 0 if status.seed else SMALL.size - status.pieces_have * SMALL.piece_length


def whole(client: bt.Client) -> None:
    """See that what was there is there again, and that of the rest nothing more than that is fetched."""
    left = missing(client)
    assert client.downloaded == 0
    assert client.complete
    client.set_priorities({0: 1, 1: 1, 2: 1})
    client.wait("seed", timeout=PATIENCE)
    assert client.downloaded == left


def test_nothing_is_fetched_and_mounted_again_a_hash_check_finds_all(
    volume: Volume, run: Run, options: Dict[str, Any]
) -> None:
    with run.add(SMALL, volume.point, **options) as client:
        refused(client, run)
        watched = Watched(client)
        volume.mount()
        client.hashcheck()
        assert watched.happened(events.StorageRecovered)
        assert not client.status().error
        whole(client)
    assert SMALL.differences(volume.point) == []


@pytest.mark.parametrize("then", [waited, restarted])
def test_mounted_again_it_goes_on_as_if_nothing_had_been(
    volume: Volume, run: Run, options: Dict[str, Any], then: Callable[[bt.Client], None]
) -> None:
    with run.add(SMALL, volume.point, **options) as client:
        refused(client, run)
        before = client.piece_cache
        restarted(client)
        refused(client, run)
        watched = Watched(client)
        told = len(watched.seen(events.StorageFailed))
        assert all(0 < failed.retry_in <= NIMBLE.disk_retry_max for failed in watched.seen(events.StorageFailed))
        client.wait(lambda status: len(watched.seen(events.StorageFailed)) > told, timeout=PATIENCE)
        assert client.piece_cache == before
        assert os.listdir(volume.point) == []
        volume.mount()
        then(client)
        client.wait(timeout=PATIENCE)
        client.wait(lambda status: not status.error, timeout=PATIENCE)
        assert watched.happened(events.StorageRecovered)
        assert not watched.seen(events.HashcheckFinished)
        whole(client)
    assert SMALL.differences(volume.point) == []


def test_mounted_again_the_next_start_finds_all(volume: Volume, run: Run, options: Dict[str, Any]) -> None:
    for _ in range(2):  # a restart changes nothing of it
        with run.add(SMALL, volume.point, **options) as client:
            refused(client, run)
        assert os.listdir(volume.point) == [], "resume data of the empty folder would be believed later"
    volume.mount()
    with run.add(SMALL, volume.point, **options) as client:
        watched = Watched(client)
        client.wait(timeout=PATIENCE)
        assert not watched.seen(events.HashcheckProgressed)
        assert not watched.seen(events.StorageFailed)
        whole(client)
    assert SMALL.differences(volume.point) == []


@pytest.mark.parametrize("beside", [False, True])
def test_the_same_client_started_again(tmp_path: Path, volume: Volume, run: Run, priorities: Any, beside: bool) -> None:
    resume = True if beside else tmp_path / "resume"
    with run.add(SMALL, volume.point, resume=resume, priorities=priorities) as client:
        client.wait(timeout=PATIENCE)
        before, left = client.downloaded, missing(client)
        client.stop()
        client.wait(lambda status: volume.unmount(), timeout=PATIENCE)
        watched = Watched(client)
        client.start()
        failed = watched.happened(events.StorageFailed)
        assert failed.errno == errno.ENOENT
        assert failed.path == str(SMALL.path(volume.point, "a.bin"))
        client.set_priorities({0: 1, 1: 1, 2: 1})
        run.goes_on()
        client.wait(lambda status: len(watched.seen(events.StorageFailed)) >= 3, timeout=PATIENCE)
        assert client.downloaded == before
        assert set(os.listdir(volume.point)) <= ({HIDDEN_FOLDER} if beside else set())
        assert not any(file.complete for file in client.files)
        volume.mount()
        client.wait("seed", timeout=PATIENCE)
        client.wait(lambda status: not status.error, timeout=PATIENCE)
        assert watched.happened(events.StorageRecovered)
        assert client.downloaded == before + left
    assert SMALL.differences(volume.point) == []


def test_resume_data_beside_the_data_is_gone_with_it(tmp_path: Path, volume: Volume, run: Run) -> None:
    with run.add(SMALL, volume.point) as client:
        client.wait(timeout=PATIENCE)
    assert volume.unmount()
    with run.add(SMALL, volume.point) as client:
        watched = Watched(client)
        client.wait(timeout=PATIENCE)
        run.goes_on()
        assert client.downloaded == SMALL.size, "nothing says that anything ever was there"
        assert not watched.seen(events.StorageFailed)
        assert not client.status().error
    assert SMALL.differences(volume.point) == []
    volume.mount()  # over what was made meanwhile
    with run.add(SMALL, volume.point) as client:
        client.wait("seed", timeout=PATIENCE)
        assert client.downloaded == 0
        assert not Watched(client).seen(events.HashcheckProgressed)


# -- while it runs -----------------------------------------------------------------------------------------------------

LONG = SampleTorrent({"a": 1_500_001, "b": 1_000_000}, piece_length=32 * KIB, name="long")
ONE_OPEN = NIMBLE.replace(max_open_files=1)
"""So that the files of a volume are not all open, which would be read on."""


def noticed(client: bt.Client, volume: Volume) -> Watched:
    """Wait until it is known that files are gone, and has been tried again; see that nothing is made."""
    watched = Watched(client)
    client.wait(lambda status: not status.checking and "gone" in status.error, timeout=PATIENCE)
    told = len(watched.seen(events.StorageFailed))
    client.wait(lambda status: len(watched.seen(events.StorageFailed)) > told + 2, timeout=PATIENCE)
    assert watched.seen(events.StorageFailed)[-1].errno == errno.ENOENT
    assert not watched.seen(events.PieceFailed)
    assert os.listdir(volume.point) == []
    return watched


@pytest.mark.parametrize("then", [waited, restarted])
def test_under_a_seeder(tmp_path: Path, volume: Volume, then: Callable[[bt.Client], None]) -> None:
    with seeder(tmp_path / "other", LONG) as other:
        LONG.write(volume.point)
        peers = [("127.0.0.1", other.port)]
        with bt.Client(LONG.metainfo(), volume.point, settings=ONE_OPEN, resume=tmp_path / "resume") as seed:
            seed.wait("seed", timeout=PATIENCE)
            before = seed.piece_cache
            assert volume.unmount("-l")
            with bt.Client(
                LONG.metainfo(), tmp_path / "late", settings=LOCAL, peers=[("127.0.0.1", seed.port)]
            ) as late:
                watched, late_saw = noticed(seed, volume), Watched(late)
                seed.add_peer(*peers[0])
                seed.wait(lambda status: status.connected > 0, timeout=PATIENCE)
                assert not seed.complete
                assert seed.downloaded == 0
                assert seed.piece_cache == before
                volume.mount()
                then(seed)
                seed.wait("seed", timeout=PATIENCE)
                assert watched.happened(events.StorageRecovered)
                assert seed.downloaded == 0
                seed.wait(lambda status: not status.error, timeout=PATIENCE)
                late.add_peer("127.0.0.1", seed.port)
                late.wait("seed", timeout=PATIENCE)
                assert not late_saw.seen(events.PieceFailed)
                assert not late_saw.seen(events.PeerBanned)
        with bt.Client(LONG.metainfo(), volume.point, settings=LOCAL, resume=tmp_path / "resume") as again:
            again.wait("seed", timeout=PATIENCE)
            assert not Watched(again).seen(events.HashcheckFinished)
    assert LONG.differences(volume.point) == [] == LONG.differences(tmp_path / "late")


@pytest.mark.parametrize("end", [waited, restarted, bt.Client.close], ids=["waited", "restarted", "closed"])
def test_under_a_downloader(tmp_path: Path, volume: Volume, end: Callable[[bt.Client], None]) -> None:
    with seeder(tmp_path / "seed", LONG) as seed:
        options: Dict[str, Any] = {"peers": [("127.0.0.1", seed.port)], "resume": tmp_path / "resume"}
        slow: Dict[str, Any] = {"download_limit": 300_000, "sequential": True}
        with bt.Client(LONG.metainfo(), volume.point, settings=NIMBLE, **options, **slow) as down:
            down.wait(lambda status: status.pieces_have >= 15, timeout=PATIENCE)
            assert volume.unmount("-l")
            noticed(down, volume)
            fetched = down.downloaded
            down.download_limit = 0
            volume.mount()
            end(down)
            if end is not bt.Client.close:
                down.wait("seed", timeout=PATIENCE)
                fetched = down.downloaded
        with bt.Client(LONG.metainfo(), volume.point, settings=NIMBLE, **options) as again:
            again.wait("seed", timeout=PATIENCE)
            # What came while the volume was away could not be written, and some blocks come twice at any stop.
            assert fetched + again.downloaded < LONG.size + 20 * LONG.piece_length
    assert LONG.differences(volume.point) == []


@pytest.mark.parametrize("by_value", [False, True])
@pytest.mark.parametrize("remembered", [False, True])
def test_a_stop_that_finds_it_out_forgets_nothing(
    tmp_path: Path, volume: Volume, by_value: bool, remembered: bool
) -> None:
    with seeder(tmp_path / "seed", LONG) as seed:
        kept: Dict[str, Any] = {"resume": False if by_value else tmp_path / "resume"}
        options: Dict[str, Any] = {"settings": LOCAL, "peers": [("127.0.0.1", seed.port)]}
        with bt.Client(LONG.metainfo(), volume.point, download_limit=300_000, **options, **kept) as down:
            down.wait(lambda status: status.pieces_have >= 10, timeout=PATIENCE)
            if remembered:
                assert down.piece_cache["have"] != "00" * 10
            down.wait(lambda status: status.pieces_have >= 15, timeout=PATIENCE)
            assert volume.unmount("-l")
            down.stop()
            assert Watched(down).happened(events.StorageFailed).errno == errno.ENOENT
            there, fetched = down.status().pieces_have, down.downloaded
            if by_value:
                kept["piece_cache"] = down.piece_cache
        volume.mount()
        with bt.Client(LONG.metainfo(), volume.point, **options, **kept) as again:
            again.wait("checked", timeout=PATIENCE)
            assert again.status().pieces_have >= there
            again.wait("seed", timeout=PATIENCE)
            assert fetched + again.downloaded < LONG.size + 20 * LONG.piece_length
    assert LONG.differences(volume.point) == []
