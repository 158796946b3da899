"""Two torrents that have a file of one name, in one folder: it is one torrent's, and the other is told so at once."""

from __future__ import annotations

import contextlib
import errno
import json
import random
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from support.children import Child
from support.damage import Watched, make_read_only, mounted
from support.pairs import LOCAL, PATIENCE, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.cli import main
from bittorrent_threads.disk.claim_file import SUFFIX, _claims_in
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

NIMBLE = LOCAL.replace(disk_retry_interval=0.1, disk_retry_max=0.2)
ONE = SampleTorrent({"cover.jpg": 100 * KIB, "1.mp3": 200 * KIB}, piece_length=16 * KIB, name="album")


class Other(SampleTorrent):
    """Files of the same names with other bytes."""

    def data(self, path: str = "") -> bytes:
        return random.Random(f"other/{path}").randbytes(dict(self.files)[path])


TWO = Other({"cover.jpg": 90 * KIB, "2.mp3": 150 * KIB}, piece_length=16 * KIB, name="album")
COVER = "album/cover.jpg"


@contextlib.contextmanager
def swarm(tmp_path: Path) -> Iterator[Tuple[Any, Any]]:
    """A seed of each; what a client of each is to be given."""
    with seeder(tmp_path / "one", ONE) as one, seeder(tmp_path / "two", TWO) as two:
        yield (
            (ONE.metainfo(), {"peers": [("127.0.0.1", one.port)]}),
            (TWO.metainfo(), {"peers": [("127.0.0.1", two.port)]}),
        )


def writers(folder: Path) -> List[str]:
    """The infohashes of the torrents that have claimed files of this folder for writing, as other processes see it."""
    while True:
        with contextlib.suppress(ValueError):  # read while it was written
            texts = [path.read_bytes() for path in (folder / HIDDEN_FOLDER).glob(f"*{SUFFIX}")]
            claims = [claim for text in texts for claim in _claims_in([json.loads(line) for line in text.splitlines()])]
            return [claim.infohash for claim in claims if claim.writing]


@pytest.mark.parametrize("sessions", [1, 2])
def test_the_second_is_told_whose_the_file_is(tmp_path: Path, sessions: int) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (first, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        made = [stack.enter_context(bt.Session(NIMBLE)) for _ in range(sessions)]
        one = made[0].add(first, folder, **to_first)
        one.wait(timeout=PATIENCE)
        two = made[-1].add(second, folder, **to_second)
        failed = Watched(two).happened(events.StorageFailed)
        assert (failed.errno, failed.path) == (errno.EBUSY, str(folder / COVER))
        assert "another torrent" in failed.reason
        assert ONE.infohash.hex() in failed.reason
        assert not two.status().pieces_have
        assert not (folder / "album" / "2.mp3").exists()
        assert ONE.differences(folder) == []
        assert one.seed
        one.close()
        # No torrent uses the file now, and it has no data of the second torrent: it is still not overwritten.
        Watched(two).happened(events.StorageFailed)
        assert ONE.differences(folder) == []


INNER = Other(90 * KIB, piece_length=16 * KIB, name="cover.jpg")
"""Below ``both/album`` its file is the one that ``ONE`` has below ``both``."""


@pytest.mark.parametrize("inner_first", [False, True])
@pytest.mark.parametrize("sessions", [1, 2])
def test_in_folders_inside_each_other(tmp_path: Path, sessions: int, inner_first: bool) -> None:
    both = [(ONE, tmp_path / "both"), (INNER, tmp_path / "both" / "album")]
    (first, home), (second, place) = both[::-1] if inner_first else both
    with contextlib.ExitStack() as stack:
        seed = stack.enter_context(seeder(tmp_path / "seed", first))
        made = [stack.enter_context(bt.Session(NIMBLE)) for _ in range(sessions)]
        one = made[0].add(first.metainfo(), home, peers=[("127.0.0.1", seed.port)])
        one.wait(timeout=PATIENCE)
        two = made[-1].add(second.metainfo(), place)
        failed = Watched(two).happened(events.StorageFailed)
        assert (failed.errno, failed.path) == (errno.EBUSY, str(tmp_path / "both" / COVER))
        assert first.infohash.hex() in failed.reason
        one.stop()
        (tmp_path / "both" / COVER).unlink()
        two.wait(lambda status: not status.error and (tmp_path / "both" / COVER).exists(), timeout=PATIENCE)


def test_whoever_waits_or_asks_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (first, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        stack.enter_context(bt.Client(first, folder, settings=NIMBLE, **to_first)).wait(timeout=PATIENCE)
        with bt.Client(second, folder, settings=NIMBLE, **to_second) as two:
            Watched(two).happened(events.StorageFailed)
            with pytest.raises(bt.Stalled, match=ONE.infohash.hex()) as stalled:
                two.wait(stall_timeout=0.3)
            status = two.status()
            for text in (status.error, status.stall, str(stalled.value)):
                assert str(folder / COVER) in text
                assert "another torrent, 'album'" in text
        with pytest.raises(bt.StorageError) as caught:
            bt.download(second, folder, settings=NIMBLE, timeout=PATIENCE, **to_second)
        assert (caught.value.errno, caught.value.path) == (errno.EBUSY, str(folder / COVER))
        capsys.readouterr()
        port = to_second["peers"][0][1]
        command = ["download", str(TWO.write_torrent(tmp_path)), "-d", str(folder), "--peer", f"127.0.0.1:{port}"]
        assert main([*command, "--timeout", "30"]) == 4
        lines = [line for line in capsys.readouterr().err.splitlines() if ONE.infohash.hex() in line]
        assert len(lines) == 1
        assert str(folder / COVER) in lines[0]
        assert ONE.differences(folder) == []


def test_the_same_files_for_another_tracker_are_seeded_by_both(tmp_path: Path) -> None:
    """Another ``source`` key makes another torrent of the same content."""
    folder = tmp_path / "both"
    same = ONE.metainfo()[:-2] + b"6:source1:Tee"
    with contextlib.ExitStack() as stack:
        (first, to_first), _ = stack.enter_context(swarm(tmp_path))
        session = stack.enter_context(bt.Session(NIMBLE))
        one = session.add(first, folder, **to_first)
        one.wait("seed", timeout=PATIENCE)
        two = session.add(same, folder)
        two.wait("seed", timeout=PATIENCE)
        assert one.seed
        assert two.seed
        assert two.downloaded == 0
        assert not one.status().error
        assert not two.status().error
        assert one.infohash != two.infohash
        for client in (one, two):  # a sync of what is not stored yet would find the damage before the hash check does
            client.stop()
            client.start()
            client.wait("seed", timeout=PATIENCE)
        while writers(folder):
            assert one.seed, "a worker stores that it does not write any more"
        path = folder / COVER
        path.write_bytes(bytes(path.stat().st_size))
        assert 0 in two.hashcheck().failed
        # The claim to write is stored by a worker some time after the check; if ``one`` were first, it would repair
        # the file, and neither would have anything to tell.
        while writers(folder) != [two.infohash.hex()]:
            assert two.status().pieces_have < 19
        assert 0 in one.hashcheck().failed
        one.wait(lambda status: "is being written by the same content" in status.error, timeout=PATIENCE)
        before = one.downloaded
        peers = [("127.0.0.1", two.port)]
        down = stack.enter_context(bt.Client(same, tmp_path / "other", settings=NIMBLE, peers=peers))
        ONE.write(folder)
        assert not two.hashcheck().failed
        one.wait("seed", timeout=PATIENCE)
        assert one.downloaded == before
        assert not one.status().error
        down.wait("seed", timeout=PATIENCE)


def test_from_a_folder_that_cannot_be_written_it_is_seeded(tmp_path: Path) -> None:
    folder = tmp_path / "read only"
    with contextlib.ExitStack() as stack:
        device = stack.enter_context(mounted(folder))
        ONE.write(device)
        make_read_only(device)
        one = stack.enter_context(bt.Client(ONE.metainfo(), device, settings=NIMBLE, resume=False))
        two = stack.enter_context(bt.Client(ONE.metainfo(), device, settings=NIMBLE, resume=False))
        for client in (one, two):
            client.wait("seed", timeout=PATIENCE)
            assert not client.status().error
        down = stack.enter_context(
            bt.Client(ONE.metainfo(), tmp_path / "down", settings=NIMBLE, peers=[("127.0.0.1", one.port)])
        )
        down.wait("seed", timeout=PATIENCE)


def test_at_the_same_moment_one_gets_it(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        swarms = stack.enter_context(swarm(tmp_path))
        clients = [
            stack.enter_context(bt.Client(torrent, folder, settings=NIMBLE, **options)) for torrent, options in swarms
        ]
        watched = [Watched(client) for client in clients]

        def decided(status: Any) -> bool:
            told = any([seen.seen(events.StorageFailed) for seen in watched])
            return told and any(client.complete for client in clients)

        clients[0].wait(decided, timeout=PATIENCE)
        assert [client.complete for client in clients].count(True) == 1
        winner = ONE if clients[0].complete else TWO
        assert winner.differences(folder) == []


HOLDER = """
    import sys
    import bittorrent_threads as bt

    settings = bt.Settings(host="127.0.0.1")
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings, peers=[("127.0.0.1", int(sys.argv[3]))]) as client:
        client.wait(timeout=30)
        print("complete", flush=True)
        sys.stdin.read()
"""


def test_another_process_is_told_too_until_the_first_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (_, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        child = stack.enter_context(Child(HOLDER, ONE.write_torrent(tmp_path), folder, to_first["peers"][0][1]))
        child.line()
        two = stack.enter_context(bt.Client(second, folder, settings=NIMBLE, **to_second))
        failed = Watched(two).happened(events.StorageFailed)
        assert failed.errno == errno.EBUSY
        assert f"process {child._process.pid}" in failed.reason
        child.kill()
        child._process.wait()
        (folder / COVER).unlink()
        two.wait(timeout=PATIENCE)
        assert all("1.mp3 should not be there" in difference for difference in TWO.differences(folder))


def test_the_same_content_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (first, to_first), _ = stack.enter_context(swarm(tmp_path))
        waiting = stack.enter_context(bt.Client(first, folder, settings=NIMBLE))
        Watched(waiting).happened(events.StateChanged)
        waiting.wait(lambda status: (folder / COVER).exists(), timeout=PATIENCE)
        other = stack.enter_context(bt.Client(first, folder, settings=NIMBLE, **to_first))
        Watched(other).happened(events.StorageFailed)
        assert "the same content" in other.status().error
        waiting.close()
        other.wait(timeout=PATIENCE)
        again = stack.enter_context(bt.Client(first, folder, settings=NIMBLE))
        again.wait(timeout=PATIENCE)
        assert again.seed
        assert other.seed
        assert again.downloaded == 0


def test_neither_moved_nor_renamed_onto_it(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        (first, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        session = stack.enter_context(bt.Session(NIMBLE))
        one = session.add(first, tmp_path / "both", **to_first)
        two = session.add(second, tmp_path / "aside", **to_second)
        one.wait(timeout=PATIENCE)
        two.wait(timeout=PATIENCE)
        with pytest.raises(bt.StorageError) as caught:
            two.move(tmp_path / "both")
        assert caught.value.errno == errno.EBUSY
        assert caught.value.path == str(tmp_path / "both" / COVER)
        two.files[0].rename("album/cover of two.jpg")
        two.move(tmp_path / "both")
        with pytest.raises(bt.StorageError) as caught:
            two.files[0].rename("album/1.mp3")
        assert caught.value.errno == errno.EBUSY
        assert ONE.path(tmp_path / "both", "1.mp3").read_bytes() == ONE.data("1.mp3")


def test_a_piece_found_wrong_takes_complete_back_at_once(tmp_path: Path) -> None:
    """Whoever reads the status after the failure was told never sees a seed."""
    with contextlib.ExitStack() as stack:
        (first, to_first), _ = stack.enter_context(swarm(tmp_path))
        one = stack.enter_context(bt.Client(first, tmp_path / "both", settings=NIMBLE, **to_first))
        one.wait(timeout=PATIENCE)
        one.download_limit = 1  # or it may have fetched the piece again by the time that the test looks
        seen: List[bool] = []
        watched = Watched(one)
        path = tmp_path / "both" / COVER
        path.write_bytes(bytes(len(path.read_bytes())))
        down = stack.enter_context(
            bt.Client(first, tmp_path / "down", settings=NIMBLE, peers=[("127.0.0.1", one.port)])
        )
        watched.happened(events.StorageFailed)
        seen.append(one.seed)
        assert seen == [False]
        assert not down.seed
