"""Files cut, changed, replaced or removed behind a client: nothing false is served, hashcheck() makes it good."""

from __future__ import annotations

import errno
import shutil
import time
from pathlib import Path
from typing import Callable, Set

import pytest
from support.damage import Watched, indexes, overwrite, remove, replace, right_pieces, truncate
from support.pairs import LOCAL, PATIENCE, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

CONTENT = SampleTorrent({"a": 1_500_001, "b": 1_000_000}, piece_length=32 * KIB, name="content")
A_PIECES = range(1_500_001 // (32 * KIB) + 1)

Fault = Callable[[Path], None]

FAULTS = pytest.mark.parametrize("fault", [truncate, overwrite, replace, remove])
QUICK = LOCAL.replace(sync_interval=0.1, disk_retry_interval=0.2, disk_retry_max=0.5)
SLOWLY = 400_000
"""Bytes a second at which a download is under way for some seconds yet when a fault is done to it."""


def leech(source: bt.Client, folder: Path, **options: object) -> bt.Client:
    """A client that knows only ``source``."""
    peers = [("127.0.0.1", source.port)]
    return bt.Client(CONTENT.metainfo(), folder, settings=LOCAL, peers=peers, **options)  # type: ignore[arg-type]


@FAULTS
def test_under_a_running_seeder(tmp_path: Path, fault: Fault) -> None:
    folder = tmp_path / "seed"
    path = CONTENT.path(folder, "a")
    with seeder(folder, CONTENT, settings=QUICK) as seed, leech(seed, tmp_path / "down") as down:
        seed_saw, down_saw = Watched(seed), Watched(down)
        seed.add_peer("127.0.0.1", down.port)
        down.wait(timeout=PATIENCE)
        down.close()
        fault(path)
        with leech(seed, tmp_path / "late") as late:
            late_saw = Watched(late)
            failed = seed_saw.happened(events.StorageFailed)
            assert failed.path == str(path)
            assert failed.errno in (errno.ENOENT, errno.ESTALE)
            true = right(folder, fault)
            seed.wait(lambda status: not status.checking and set(indexes(status.bitfield)) <= true, timeout=PATIENCE)
            # Whatever was right is served, and nothing else was.
            late.wait(lambda status: set(indexes(status.bitfield)) >= set(indexes(seed.bitfield)), timeout=PATIENCE)
            assert not late_saw.seen(events.PieceFailed)
            assert not late_saw.seen(events.PeerBanned)
            assert not late.complete
            assert not seed.complete
            assert seed.status().pieces_have >= 30
            path.write_bytes(CONTENT.data("a"))
            assert seed.hashcheck().failed == ()
            assert seed.complete
            seed.wait(lambda status: not status.error, timeout=PATIENCE)
            late.wait(timeout=PATIENCE)
            assert not late_saw.seen(events.PieceFailed)
            assert not down_saw.seen(events.PieceFailed)
    assert CONTENT.differences(tmp_path / "late") == []


def right(folder: Path, fault: Fault) -> Set[int]:
    """What a client may claim while the file is as the fault has left it."""
    present = set(right_pieces(CONTENT, folder))
    return present - set(A_PIECES) if fault is remove else present


def strike(client: bt.Client, fault: Fault, path: Path) -> None:
    """Do it between two writes of the client: what is changed within the tick of file times of one goes unseen."""
    client.pause()
    client.wait(lambda status: not client._handle.torrent.content.downloads.saving, timeout=PATIENCE)
    client.wait(lambda status: time.time_ns() - path.stat().st_mtime_ns > 50_000_000, timeout=PATIENCE)
    fault(path)
    client.start()


@FAULTS
def test_under_a_running_downloader(tmp_path: Path, fault: Fault) -> None:
    folder = tmp_path / "down"
    path = CONTENT.path(folder, "a")
    with pair(tmp_path, CONTENT, settings=QUICK, download_limit=SLOWLY, sequential=True) as (_, down):
        watched = Watched(down)
        down.wait(lambda status: status.pieces_have >= 20, timeout=PATIENCE)
        with leech(down, tmp_path / "late") as late:
            late_saw = Watched(late)
            late.wait(lambda status: status.pieces_have > 0, timeout=PATIENCE)
            if fault is overwrite:
                strike(down, fault, path)
            else:
                fault(path)
            failed = watched.happened(events.StorageFailed)
            assert failed.path == str(path)
            assert failed.errno in (errno.ENOENT, errno.ESTALE)
            down.download_limit = 0
            if fault in (replace, remove):
                down.wait(lambda status: bool(status.error), timeout=PATIENCE)
                assert fault is not remove or not path.exists(), "no file is made anew where one was removed"
                down.hashcheck()
            down.wait(timeout=PATIENCE)
            late.wait(timeout=PATIENCE)
            assert down.hashcheck().failed == ()
            for seen in (watched, late_saw):
                assert not [event for event in seen.seen(events.PieceFailed) if event.peers]
                assert not seen.seen(events.PeerBanned)
    assert CONTENT.differences(folder) == []
    assert CONTENT.differences(tmp_path / "late") == []


@pytest.mark.parametrize("fault", [truncate, overwrite])
def test_under_a_downloader_that_nobody_reads(tmp_path: Path, fault: Fault) -> None:
    folder = tmp_path / "down"
    path = CONTENT.path(folder, "a")
    with pair(tmp_path, CONTENT, settings=QUICK, download_limit=SLOWLY, sequential=True) as (_, down):
        watched = Watched(down)
        down.wait(lambda status: status.pieces_have >= 20, timeout=PATIENCE)
        strike(down, fault, path)
        failed = watched.happened(events.StorageFailed)
        assert (failed.path, failed.errno, failed.retry_in) == (str(path), errno.ESTALE, 0.0)
        down.download_limit = 0
        down.wait(timeout=PATIENCE)
        assert down.hashcheck().failed == ()
        assert len(watched.seen(events.StorageFailed)) == 1, "once a change"
        assert not [event for event in watched.seen(events.PieceFailed) if event.peers]
    assert CONTENT.differences(folder) == []


def test_a_folder_removed_under_a_seeder_is_not_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "seed"
    with pair(tmp_path, CONTENT) as (seed, down):
        down.wait(timeout=PATIENCE)
        shutil.rmtree(folder / CONTENT.name)
        with leech(seed, tmp_path / "late") as late:
            failed = Watched(seed).happened(events.StorageFailed)
            assert failed.errno == errno.ENOENT
            assert failed.path.startswith(str(folder))
            seed.add_peer("127.0.0.1", down.port)
            late.add_peer("127.0.0.1", down.port)
            late.wait(timeout=PATIENCE)
            assert not Watched(late).seen(events.PieceFailed)
        assert not (folder / CONTENT.name).exists()
        CONTENT.write(folder)
        assert seed.hashcheck().failed == ()
        assert seed.complete


BOTH = SampleTorrent({"a": 300_001, "b": 120_000}, piece_length=32 * KIB, name="both")
"""Piece 9 has bytes of both."""


@pytest.mark.parametrize(
    ("name", "gone"), [("a", range(10)), ("b", range(9, 13)), ("", range(9, 13))], ids=["a", "b", "the folder"]
)
def test_moved_away_under_a_seeder_and_back(tmp_path: Path, name: str, gone: range) -> None:
    folder = tmp_path / "seed"
    path = BOTH.path(folder, name)
    aside = tmp_path / "aside"
    one_open = QUICK.replace(max_open_files=1)
    with seeder(tmp_path / "other", BOTH) as other, seeder(folder, BOTH, settings=one_open) as seed:
        seed.add_peer("127.0.0.1", other.port)
        watched = Watched(seed)
        seed.hashcheck(range(10, 13) if name == "a" else range(9))  # a file that is open would be read on
        path.rename(aside)
        with bt.Client(BOTH.metainfo(), tmp_path / "late", settings=LOCAL, peers=[("127.0.0.1", seed.port)]) as late:
            seed.wait(lambda status: not status.checking and "gone" in status.error, timeout=PATIENCE)
            told = len(watched.seen(events.StorageFailed))
            seed.wait(lambda status: len(watched.seen(events.StorageFailed)) >= told + 2, timeout=PATIENCE)
            assert not path.exists()
            assert not seed.complete
            claimed = {*indexes(seed.bitfield)}
            assert not claimed & {*gone}, "nothing is claimed of what is gone"
            assert name == "" or claimed == {*range(13)} - {*gone}
            aside.rename(path)
            seed.wait("seed", timeout=PATIENCE)
            seed.wait(lambda status: not status.error, timeout=PATIENCE)
            assert watched.seen(events.StorageRecovered)
            assert seed.downloaded == 0
            late.add_peer("127.0.0.1", seed.port)
            late.wait("seed", timeout=PATIENCE)
            assert not Watched(late).seen(events.PieceFailed)
    assert BOTH.differences(tmp_path / "late") == []


def test_moved_away_under_a_downloader_and_back(tmp_path: Path) -> None:
    folder = tmp_path / "down"
    path = CONTENT.path(folder, "a")
    with pair(tmp_path, CONTENT, settings=QUICK, download_limit=SLOWLY, sequential=True) as (_, down):
        watched = Watched(down)
        down.wait(lambda status: status.pieces_have >= 20, timeout=PATIENCE)
        path.rename(tmp_path / "aside")
        down.wait(lambda status: not status.checking and "gone" in status.error, timeout=PATIENCE)
        told = len(watched.seen(events.StorageFailed))
        down.wait(lambda status: len(watched.seen(events.StorageFailed)) >= told + 2, timeout=PATIENCE)
        assert not path.exists()
        assert not watched.seen(events.PieceFailed)
        (tmp_path / "aside").rename(path)
        down.download_limit = 0
        down.wait("seed", timeout=PATIENCE)
        # What came meanwhile could not be written.
        assert down.downloaded < CONTENT.size + 20 * CONTENT.piece_length
    assert CONTENT.differences(folder) == []


PAIR = SampleTorrent({"a": 500_001, "b": 100_000}, piece_length=32 * KIB, name="pair")
OTHER = SampleTorrent(500_000, piece_length=32 * KIB, name="other")


@FAULTS
@pytest.mark.parametrize("seeding", [True, False], ids=["seeder", "downloader"])
def test_other_torrents_of_the_session_go_on(tmp_path: Path, fault: Fault, seeding: bool) -> None:
    path = PAIR.path(tmp_path / "one", "a")
    if seeding:
        PAIR.write(tmp_path / "one")
    with seeder(tmp_path / "seed", PAIR) as one, seeder(tmp_path / "seed", OTHER) as two, bt.Session(QUICK) as session:
        peers = [] if seeding else [("127.0.0.1", one.port)]
        first = session.add(PAIR.metainfo(), tmp_path / "one", peers=peers, download_limit=300_000, sequential=True)
        second = session.add(
            OTHER.metainfo(), tmp_path / "two", peers=[("127.0.0.1", two.port)], download_limit=200_000
        )
        watched = Watched(first)
        first.wait(lambda status: status.pieces_have >= 5 and not status.checking, timeout=PATIENCE)
        strike(first, fault, path)
        with bt.Client(PAIR.metainfo(), tmp_path / "late", settings=LOCAL, peers=[("127.0.0.1", first.port)]):
            assert watched.happened(events.StorageFailed).path == str(path)
        second.wait(timeout=PATIENCE)
        assert not second.status().error
        assert not Watched(second).seen(events.StorageFailed)
    assert OTHER.differences(tmp_path / "two") == []
