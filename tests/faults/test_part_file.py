"""Files that are not wanted: they never appear, what of them is needed goes to the part file, and moves when wanted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from support.damage import Watched, indexes
from support.pairs import LOCAL, PATIENCE, pair, seeder
from support.torrents import torrent

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

LENGTH = 32 * KIB
MIXED = SampleTorrent({"a": 100_000, "b": 50_000, "c": 10, "d": 90_000}, piece_length=LENGTH, name="mixed")
"""Eight pieces: 0-3 have a, 3-4 b, 4 c, 4-7 d."""
assert MIXED.piece_count == 8

PARTS = Path(HIDDEN_FOLDER) / f"{MIXED.infohash.hex()}.parts"


def present(folder: Path) -> List[str]:
    """The files of the torrent that are there."""
    return [path for path, _ in MIXED.files if MIXED.path(folder, path).exists()]


def test_an_unwanted_file_never_appears(tmp_path: Path) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, MIXED, priorities=[0, 1, 0, 0]) as (_, down):
        watched = Watched(down)
        assert indexes(down.wanted) == [3, 4]
        down.wait(timeout=PATIENCE)
        status = down.status()
        assert indexes(status.bitfield) == [3, 4]
        assert status.left == 0
        assert status.complete
        assert not status.seed
        assert down.downloaded == 2 * LENGTH
        a, b, c, d = down.files
        assert b.complete
        assert b.progress == 1
        assert b.downloaded == 50_000
        assert a.downloaded == 100_000 - 3 * LENGTH
        assert not a.complete
        assert c.downloaded == 10
        assert c.progress == 1
        assert not c.complete, "all of it is in the part file"
        assert d.downloaded == 5 * LENGTH - 150_010
        down.close()
        assert told(watched) == [1]
    assert present(folder) == ["b"]
    assert (folder / PARTS).is_file()
    assert MIXED.path(folder, "b").read_bytes() == MIXED.data("b")


def told(watched: Watched) -> List[int]:
    """The files told as complete, each of which is there and right at that moment."""
    found = watched.seen(events.FileCompleted)
    for event in found:
        assert Path(event.path).read_bytes() == MIXED.data(MIXED.files[event.index][0])
    return [event.index for event in found]


@pytest.mark.parametrize("restart", [False, True])
def test_a_file_wholly_in_the_part_file_is_complete_when_it_has_moved(tmp_path: Path, restart: bool) -> None:
    with pair(tmp_path, MIXED, priorities=[0, 1, 0, 0]) as (_, down):
        down.wait(timeout=PATIENCE)
        client = down
        if restart:
            down.close()
            client = bt.Client(MIXED.metainfo(), down.basedir, settings=LOCAL, priorities=[0, 1, 0, 0])
        with client:
            client.wait("checked", timeout=PATIENCE)
            watched = Watched(client)
            client.wait(lambda status: told(watched) == [1], timeout=PATIENCE)
            assert [file.complete for file in client.files] == [False, True, False, False]
            client.files[2].priority = 1
            client.wait(lambda status: told(watched) == [1, 2], timeout=PATIENCE)
            assert [file.complete for file in client.files] == [False, True, True, False]
            client.files[2].priority = 0
            assert client.files[2].complete, "what was made stays"
            client.files[2].priority = 1
    assert told(watched) == [1, 2], "each once"


def test_wanted_from_the_start_on_it_is_told_when_it_has_moved(tmp_path: Path) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, MIXED, priorities=[0, 1, 0, 0]) as (_, down):
        down.wait(timeout=PATIENCE)
    with bt.Client(MIXED.metainfo(), folder, settings=LOCAL, priorities=[0, 1, 1, 0], state="stopped") as client:
        client.hashcheck()
        assert [file.complete for file in client.files] == [False, True, False, False]
        client.start()
        watched = Watched(client)
        client.wait(lambda status: sorted(told(watched)) == [1, 2], timeout=PATIENCE)
        assert client.downloaded == 0
        assert present(folder) == ["b", "c"]


def test_what_an_earlier_run_made_is_told_though_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, MIXED, priorities=[0, 1, 0, 1]) as (_, down):
        down.wait(timeout=PATIENCE)
    for priorities in ([0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]):
        with bt.Client(MIXED.metainfo(), folder, settings=LOCAL, priorities=priorities, resume=False) as client:
            client.wait("checked", timeout=PATIENCE)
            watched = Watched(client)
            client.wait(lambda status, watched=watched: len(told(watched)) == 2, timeout=PATIENCE)  # type: ignore[misc]
            complete = [file.index for file in client.files if file.complete]
        assert sorted(told(watched)) == complete == [1, 3], "and not the one that the part file has"


def test_complete_is_what_is_there(tmp_path: Path) -> None:
    with seeder(tmp_path, MIXED) as seed:
        assert all(file.complete for file in seed.files)
        MIXED.path(tmp_path, "c").unlink()
        os.truncate(MIXED.path(tmp_path, "a"), 99_999)
        assert [file.complete for file in seed.files] == [False, True, False, True]


def test_padding_is_never_there(tmp_path: Path) -> None:
    padded = torrent([("a", LENGTH + 1), (".pad/1", LENGTH - 1), ("b", 10)], LENGTH)
    padded.seed(tmp_path)
    with bt.Client(padded.metainfo, tmp_path, settings=LOCAL) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        client.wait(lambda status: len(watched.seen(events.FileCompleted)) > 1, timeout=PATIENCE)
        assert [event.index for event in watched.seen(events.FileCompleted)] == [0, 2]
        assert [(file.progress, file.complete) for file in client.files] == [(1, True), (1, False), (1, True)]


def test_what_is_left_is_exact(tmp_path: Path) -> None:
    last = MIXED.size - 7 * LENGTH
    with bt.Client(MIXED.metainfo(), tmp_path, state="stopped", priorities=[0, 0, 0, 1]) as client:
        assert indexes(client.wanted) == [4, 5, 6, 7]
        assert client.left == 3 * LENGTH + last
        client.set_priorities({3: 0, 2: 1})
        assert indexes(client.wanted) == [4]
        assert client.left == LENGTH
        client.set_priorities({0: 1})
        assert indexes(client.wanted) == [0, 1, 2, 3, 4]
        assert client.left == 5 * LENGTH
        client.set_priorities({0: 0, 2: 0})
        assert indexes(client.wanted) == []
        assert client.left == 0
        assert client.complete


def wanted_in_the_same_run(down: bt.Client, reopen: Callable[[], bt.Client]) -> bt.Client:
    return down


def wanted_after_a_restart(down: bt.Client, reopen: Callable[[], bt.Client]) -> bt.Client:
    down.close()
    return reopen()


@pytest.mark.parametrize("how", [wanted_in_the_same_run, wanted_after_a_restart])
def test_what_is_there_of_a_file_moves_when_it_becomes_wanted(
    tmp_path: Path, how: Callable[[bt.Client, Callable[[], bt.Client]], bt.Client]
) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, MIXED, priorities=[0, 1, 0, 0]) as (seed, down):
        down.wait(timeout=PATIENCE)
        before = down.downloaded
        peers = [("127.0.0.1", seed.port)]
        options = {"settings": LOCAL, "peers": peers, "priorities": [0, 1, 0, 0]}
        client = how(down, lambda: bt.Client(MIXED.metainfo(), folder, **options))  # type: ignore[arg-type]
        with client:
            client.wait("checked", timeout=PATIENCE)
            assert client.complete
            assert indexes(client.bitfield) == [3, 4]
            before = before if client is down else 0
            client.set_priorities({3: 1})
            client.wait(timeout=PATIENCE)
            assert client.downloaded == before + MIXED.size - 5 * LENGTH, "its first piece was there"
            assert client.hashcheck(range(3, 8)).failed == ()
            assert present(folder) == ["b", "d"]
            client.set_priorities({0: 1, 2: 1})
            client.wait("seed", timeout=PATIENCE)
    assert MIXED.differences(folder) == []
    assert not (folder / PARTS).exists()


def test_blocks_in_the_part_file_are_served(tmp_path: Path) -> None:
    with pair(tmp_path, MIXED, priorities=[0, 1, 0, 0]) as (_, down):
        down.wait(timeout=PATIENCE)
        with bt.Client(MIXED.metainfo(), tmp_path / "late", settings=LOCAL, peers=[("127.0.0.1", down.port)]) as late:
            late.wait(lambda status: indexes(status.bitfield) == [3, 4], timeout=PATIENCE)


def test_a_file_not_wanted_any_more_keeps_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, MIXED, sequential=True, download_limit=120_000) as (_, down):
        down.wait(lambda status: status.pieces_have >= 1, timeout=PATIENCE)
        before = indexes(down.bitfield)
        down.set_priorities({0: 0, 1: 0, 2: 0})
        assert set(indexes(down.wanted)) == {4, 5, 6, 7}
        down.wait(timeout=PATIENCE)
        down.stop()  # what the disk still works on is done then
        have = indexes(down.bitfield)
        assert set(have) >= {*before, 4, 5, 6, 7}
    with bt.Client(MIXED.metainfo(), folder, settings=LOCAL, priorities=[0, 0, 0, 1]) as again:
        assert indexes(again.wait("checked", timeout=PATIENCE).bitfield) == have
        assert set(have) <= set(again.hashcheck().passed)


@pytest.mark.parametrize("checked", [(), (4,)], ids=["all", "a piece"])
def test_a_file_not_wanted_any_more_that_was_removed_does_not_appear_again(
    tmp_path: Path, checked: Tuple[int, ...]
) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, MIXED) as (_, down):
        down.wait("seed", timeout=PATIENCE)
        watched = Watched(down)
        down.wait(lambda status: sorted(told(watched)) == [0, 1, 2, 3], timeout=PATIENCE)
        down.pause()
        down.set_priorities({2: 0, 3: 0})
        MIXED.path(folder, "c").unlink()
        MIXED.path(folder, "d").unlink()
        assert 4 in down.hashcheck(*checked).failed
        before = down.downloaded
        down.start()
        down.wait(timeout=PATIENCE)
        assert down.downloaded == before + LENGTH
        assert present(folder) == ["a", "b"]
        assert not down.files[2].complete
        down.close()
        seen = [event.index for event in watched.seen(events.FileCompleted)]
        assert seen.count(2) == seen.count(3) == 1, "they were, and are no more"
    assert (folder / PARTS).is_file()


def test_the_part_file_lost_or_spoiled(tmp_path: Path) -> None:
    folder = tmp_path / "down"
    with seeder(tmp_path / "seed", MIXED) as seed:
        spoils: List[Callable[[Path], object]] = [Path.unlink, lambda path: path.write_bytes(b"noise" * 99)]
        for spoil in spoils:
            peers = [("127.0.0.1", seed.port)]
            options: Dict[str, Any] = {"settings": LOCAL, "peers": peers, "priorities": [0, 1, 0, 0]}
            with bt.Client(MIXED.metainfo(), folder, **options) as client:
                client.wait(timeout=PATIENCE)
            spoil(folder / PARTS)
            with bt.Client(MIXED.metainfo(), folder, **options) as client:
                client.wait(timeout=PATIENCE)
                assert client.downloaded == 2 * LENGTH, "both pieces had bytes in it"
                assert client.hashcheck(3, 4).failed == ()
