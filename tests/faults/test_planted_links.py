"""Planted links under real clients: nothing is done to where they lead, and nothing of it is served."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.damage import Watched, snapshot
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.resume_file import ResumeFile
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER

NIMBLE = LOCAL.replace(sync_interval=0.1, disk_retry_interval=0.1, disk_retry_max=0.2)

LINKS = pytest.mark.parametrize("linked", ["a.bin", "sub"])
"""What is a link: a file, or the folder of one."""
VICTIMS = {"a.bin": (0, "a.bin"), "sub": (1, "sub/b.bin")}
"""Index and path of the file of the torrent that it leads astray."""


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that links lead to, with files of the right names and lengths; nothing may happen to it."""
    folder = SMALL.write_garbage(tmp_path / "outside") / SMALL.name
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def plant(link: Path, target: Path) -> Path:
    """Put a link in the place of a file or folder, or where nothing is yet."""
    link.parent.mkdir(parents=True, exist_ok=True)
    for number in range(1000):
        if link.is_dir() and not link.is_symlink():
            link.rename(link.with_name(f"aside-{number}"))
        draft = link.with_name("draft")
        draft.symlink_to(target)
        try:
            draft.replace(link)
        except IsADirectoryError:  # the client made it anew meanwhile
            draft.unlink()
        else:
            return link
    raise AssertionError(f"{link} comes back again and again")


def mend(link: Path, linked: str) -> None:
    """Put what belongs there in the place of a link."""
    link.unlink()
    path = SMALL.path(link.parents[1], VICTIMS[linked][1])
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(SMALL.data(VICTIMS[linked][1]))


def leech(source: bt.Client, folder: Path, **options: Any) -> bt.Client:
    """A client that knows only ``source``."""
    peers = [("127.0.0.1", source.port)]
    return bt.Client(SMALL.metainfo(), folder, settings=NIMBLE, peers=peers, **options)


def astray(watched: Watched, folder: Path, linked: str) -> bool:
    """Whether the first failure told names the file; waits for it."""
    failed: events.StorageFailed = watched.happened(events.StorageFailed)
    return failed.path == str(SMALL.path(folder, VICTIMS[linked][1]))


def blamed(*clients: Watched) -> bool:
    """Whether anybody was sent what is not right."""
    return any([event for event in seen.seen(events.PieceFailed) if event.peers] for seen in clients)


@LINKS
@pytest.mark.parametrize("target", ["there", "dangling"])
def test_a_link_planted_before_a_downloader_starts(tmp_path: Path, outside: Path, linked: str, target: str) -> None:
    folder = tmp_path / "down"
    link = plant(folder / SMALL.name / linked, (outside if target == "there" else outside / "nowhere") / linked)
    with seeder(tmp_path / "seed") as seed, leech(seed, folder) as down:
        watched = Watched(down)
        assert astray(watched, folder, linked)
        assert not down.complete
        assert link.is_symlink()
        link.unlink()
        down.wait("seed", timeout=PATIENCE)
        assert not blamed(watched)
    assert SMALL.differences(folder) == []


@LINKS
def test_a_link_planted_under_a_downloader(tmp_path: Path, outside: Path, linked: str) -> None:
    folder = tmp_path / "down"
    with pair(tmp_path, settings=NIMBLE, download_limit=60_000, sequential=True) as (_, down):
        watched = Watched(down)
        down.wait(lambda status: 0 < status.pieces_have < SMALL.piece_count, timeout=PATIENCE)
        link = plant(folder / SMALL.name / linked, outside / linked)
        assert astray(watched, folder, linked)
        assert not down.complete
        assert link.is_symlink()
        down.download_limit = 0
        link.unlink()
        shutil.rmtree(link.with_name("aside-0"), ignore_errors=True)
        down.hashcheck()
        down.wait("seed", timeout=PATIENCE)
        assert not blamed(watched)
    assert SMALL.differences(folder) == []


def serve_again(seed: bt.Client, late: bt.Client) -> None:
    """The link is gone: all that the seeder has is right, and the other gets it."""
    seed.hashcheck()
    seed.wait("seed", timeout=PATIENCE)
    seed.add_peer("127.0.0.1", late.port)
    late.wait("seed", timeout=PATIENCE)


@LINKS
@pytest.mark.parametrize("right", [True, False], ids=["right bytes", "wrong bytes"])
def test_a_link_planted_before_a_seeder_starts(tmp_path: Path, outside: Path, linked: str, right: bool) -> None:
    folder = SMALL.write(tmp_path / "seed")
    copy = SMALL.write(tmp_path / "copy") / SMALL.name
    before = snapshot(copy)
    link = plant(folder / SMALL.name / linked, (copy if right else outside) / linked)
    with bt.Client(SMALL.metainfo(), folder, settings=NIMBLE) as seed:
        assert astray(Watched(seed), folder, linked)
        with leech(seed, tmp_path / "late") as late:
            late_saw = Watched(late)
            assert seed.files[VICTIMS[linked][0]].downloaded == 0
            assert not late.complete
            mend(link, linked)
            serve_again(seed, late)
            assert not blamed(late_saw)
    assert snapshot(copy) == before


@LINKS
@pytest.mark.parametrize("open_files", [64, 1])
def test_a_link_planted_under_a_seeder(tmp_path: Path, outside: Path, linked: str, open_files: int) -> None:
    folder = tmp_path / "seed"
    with seeder(folder, settings=NIMBLE.replace(max_open_files=open_files)) as seed:
        victim = SMALL.path(folder, VICTIMS[linked][1])
        victim.unlink()  # what stays open is not moved aside: it would be right, and rightly served
        link = plant(folder / SMALL.name / linked, outside / linked)
        with leech(seed, tmp_path / "late") as late:
            late_saw = Watched(late)
            assert astray(Watched(seed), folder, linked)
            assert not late.complete
            mend(link, linked)
            serve_again(seed, late)
            assert not blamed(late_saw)
    assert SMALL.differences(tmp_path / "late") == []


def test_the_hidden_folder_is_a_link_before_the_start(tmp_path: Path, outside: Path) -> None:
    folder = tmp_path / "down"
    link = plant(folder / HIDDEN_FOLDER, outside)
    with seeder(tmp_path / "seed") as seed:
        for resume in (False, tmp_path / "resume", True):
            with leech(seed, folder, priorities=[0, 1, 1], resume=resume) as down:
                assert Path(Watched(down).happened(events.StorageFailed).path).parent == link
                assert not down.complete
                if resume is True:
                    link.unlink()
                    down.wait(timeout=PATIENCE)
    assert link.is_dir()
    assert not link.is_symlink()


def test_the_hidden_folder_becomes_a_link_under_a_downloader(tmp_path: Path, outside: Path) -> None:
    folder = tmp_path / "down"
    link = folder / HIDDEN_FOLDER
    with pair(tmp_path, settings=NIMBLE, download_limit=60_000) as (_, down):
        watched = Watched(down)
        down.wait(lambda status: link.is_dir(), timeout=PATIENCE)
        plant(link, outside)
        assert Path(watched.happened(events.StorageFailed).path).parent == link
        down.download_limit = 0
        down.stop()
        link.unlink()
        down.start()
        down.wait("seed", timeout=PATIENCE)
        assert not blamed(watched)
    assert SMALL.differences(folder) == []


@pytest.mark.parametrize("suffix", ["resume", "resume.bak", "resume.new", "parts"])
def test_a_file_of_ours_is_a_link(tmp_path: Path, outside: Path, suffix: str) -> None:
    folder = tmp_path / "down"
    link = plant(folder / HIDDEN_FOLDER / f"{SMALL.infohash.hex()}.{suffix}", outside / "a.bin")
    with seeder(tmp_path / "seed") as seed, leech(seed, folder, priorities=[0, 1, 1]) as down:
        if suffix in ("resume", "parts"):
            assert Watched(down).happened(events.StorageFailed).path == str(link)
            link.unlink()
        down.wait(timeout=PATIENCE)
        down.stop()
        assert not link.is_symlink() or suffix == "resume.bak", "renamed over, or removed by us"


@pytest.mark.parametrize("name", [HIDDEN_FOLDER, SMALL.name, f"{SMALL.name}/sub", f"{SMALL.name}/a.bin"])
def test_a_move_to_a_folder_with_a_link_in_it(tmp_path: Path, outside: Path, name: str) -> None:
    with seeder(tmp_path / "seed") as seed:
        link = plant(tmp_path / "moved" / name, outside)
        with pytest.raises(bt.StorageError) as caught:
            seed.move(tmp_path / "moved", timeout=PATIENCE)
        assert caught.value.path.startswith(str(link))
        assert seed.basedir == str(tmp_path / "seed")
        assert seed.hashcheck().failed == ()
        assert not [path for path in (tmp_path / "moved").rglob("*") if path.is_file() and not path.is_symlink()]
    assert SMALL.differences(tmp_path / "seed") == []


def test_a_move_from_a_folder_that_became_a_link(tmp_path: Path, outside: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        plant(tmp_path / "seed" / SMALL.name / "sub", outside / "sub")
        with pytest.raises(bt.StorageError) as caught:
            seed.move(tmp_path / "moved", timeout=PATIENCE)
        assert caught.value.path == str(SMALL.path(tmp_path / "seed", "sub/b.bin"))
        assert seed.basedir == str(tmp_path / "seed")
        assert not any(path.is_file() for path in (tmp_path / "moved").rglob("*"))


def test_a_rename_through_a_link(tmp_path: Path, outside: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        plant(tmp_path / "seed" / "planted", outside)
        for path in ("planted/new.bin", "planted/deep/new.bin", "planted"):
            with pytest.raises(bt.StorageError) as caught:
                seed.files[0].rename(path, timeout=PATIENCE)
            assert caught.value.path == str(tmp_path / "seed" / path)
        assert seed.hashcheck().failed == ()
    assert SMALL.differences(tmp_path / "seed") == []


@pytest.mark.parametrize(
    "parts", [["..", "outside", "x"], ["/canary"], ["small", "sub", "b.bin"], [HIDDEN_FOLDER, "x"]]
)
def test_resume_data_with_hostile_names(tmp_path: Path, outside: Path, parts: List[str]) -> None:
    folder = tmp_path / "seed"
    with seeder(folder) as seed:
        cache = seed.piece_cache
    cache["names"] = [[0, parts]]
    with pytest.raises(bt.StateError, match="piece_cache"):
        bt.Client(SMALL.metainfo(), folder, settings=LOCAL, piece_cache=cache)
    stored = ResumeFile(Folder(str(folder)), (HIDDEN_FOLDER, f"{SMALL.infohash.hex()}.resume"))
    resume, _ = stored.load(bt.Metainfo.parse(SMALL.metainfo()))
    assert resume is not None
    for _ in range(2):  # the one before it likewise
        stored.store(resume._replace(names=((0, tuple(parts)),)))
    with bt.Client(SMALL.metainfo(), folder, settings=LOCAL) as client:
        assert len(Watched(client).happened(events.ResumeIgnored).reasons) == 2
        client.wait("seed", timeout=PATIENCE)
        assert client.files[0].path == str(SMALL.path(folder, "a.bin"))
