"""Files of the user's that have the name of a torrent's: never overwritten without a word."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import Any, Iterator

import pytest
from support.children import Child
from support.damage import Watched
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads import cli, events
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

NIMBLE = LOCAL.replace(disk_retry_interval=0.1, disk_retry_max=0.2)
PROFILE = SampleTorrent(200 * KIB, piece_length=16 * KIB, name=".bashrc")
MINE = b"alias ll='ls -l'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the user's, with a file of that name."""
    home = tmp_path / "home"
    home.mkdir()
    (home / PROFILE.name).write_bytes(MINE)
    return home


@contextlib.contextmanager
def seeding(content: SampleTorrent, folder: Path) -> Iterator[Any]:
    with seeder(folder, content) as seed:
        yield [("127.0.0.1", seed.port)]


def test_a_file_that_no_torrent_made_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    path = folder / PROFILE.name
    with seeding(PROFILE, tmp_path / "up") as peers:
        with pytest.raises(bt.StorageError, match="with data that is not of this torrent") as caught:
            bt.download(PROFILE.metainfo(), folder, settings=LOCAL, peers=peers, timeout=PATIENCE)
        assert (caught.value.errno, caught.value.path) == (errno.EEXIST, str(path))
        assert path.read_bytes() == MINE
        assert not (folder / HIDDEN_FOLDER).exists()
        overwriting = LOCAL.replace(overwrite=True)
        bt.download(PROFILE.metainfo(), folder, settings=overwriting, peers=peers, timeout=PATIENCE)
    assert PROFILE.differences(folder) == []


def test_it_goes_on_when_the_file_was_moved_away(folder: Path, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        peers = stack.enter_context(seeding(PROFILE, tmp_path / "up"))
        client = stack.enter_context(bt.Client(PROFILE.metainfo(), folder, settings=NIMBLE, peers=peers))
        watched = Watched(client)
        watched.happened(events.StorageFailed)
        assert "data that is not of this torrent" in client.status().error
        (folder / PROFILE.name).rename(folder / "mine")
        client.wait(timeout=PATIENCE)
        watched.happened(events.StorageRecovered)
    assert PROFILE.differences(folder) == []
    assert (folder / "mine").read_bytes() == MINE


@pytest.mark.parametrize("size", [len(MINE), 200 * KIB, 300 * KIB])
def test_a_longer_file_and_one_of_that_length_are_refused_too(folder: Path, size: int) -> None:
    mine = MINE.ljust(size, b"#")
    (folder / PROFILE.name).write_bytes(mine)
    with bt.Client(PROFILE.metainfo(), folder, settings=NIMBLE) as client:
        Watched(client).happened(events.StorageFailed)
    with bt.Client(PROFILE.metainfo(), folder, settings=NIMBLE) as client:  # and what that left changes nothing
        Watched(client).happened(events.StorageFailed)
    assert (folder / PROFILE.name).read_bytes() == mine


def test_the_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with seeding(PROFILE, tmp_path / "up") as peers:
        command = [
            "download",
            str(PROFILE.write_torrent(tmp_path)),
            "-d",
            str(folder),
            "--peer",
            f"127.0.0.1:{peers[0][1]}",
        ]
        assert cli.main(command) == 4
        assert "with data that is not of this torrent" in capsys.readouterr().err
        assert (folder / PROFILE.name).read_bytes() == MINE
        assert cli.main([*command, "--overwrite"]) == 0
    assert PROFILE.differences(folder) == []


def test_what_is_partly_right_goes_on(folder: Path, tmp_path: Path) -> None:
    data = bytearray(PROFILE.data("")[: 70 * KIB])
    data[:1] = b"?"
    (folder / PROFILE.name).write_bytes(data)
    with seeding(PROFILE, tmp_path / "up") as peers:
        bt.download(PROFILE.metainfo(), folder, settings=LOCAL, peers=peers, timeout=PATIENCE)
    assert PROFILE.differences(folder) == []


KILLED = """
    import os, signal, sys
    import bittorrent_threads as bt

    settings = bt.Settings(host="127.0.0.1")
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings, allocate=sys.argv[3]) as client:
        client.wait(lambda status: os.path.exists(client.files[0].path))
        print("made", flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize("allocate", ["sparse", "full"])
def test_a_file_that_was_begun_before_a_kill_is_our_own(tmp_path: Path, allocate: str) -> None:
    down = tmp_path / "down"
    with Child(KILLED, PROFILE.write_torrent(tmp_path), down, allocate) as child:
        child.line()
        child.kill()
    with (down / PROFILE.name).open("r+b") as file:
        file.write(b"a block of a piece that is not whole")  # as a kill leaves it
    with seeding(PROFILE, tmp_path / "up") as peers:
        bt.download(PROFILE.metainfo(), down, settings=LOCAL, peers=peers, timeout=PATIENCE)
    assert PROFILE.differences(down) == []


def test_another_file_in_the_place_of_our_own_is_refused(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
    path = SMALL.path(tmp_path / "down", "a.bin")
    path.rename(tmp_path / "aside")
    path.write_bytes(MINE)
    with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=NIMBLE) as client:
        failed = Watched(client).happened(events.StorageFailed)
    assert failed.path == str(path)
    assert path.read_bytes() == MINE
