"""Files that have other inodes and are the same otherwise, as on sshfs after each mount: a few pieces are hashed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.damage import Watched
from support.pairs import LOCAL, PATIENCE

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

MANY = SampleTorrent({f"{index}": 40 * KIB for index in range(40)}, piece_length=16 * KIB, name="many")
"""100 pieces."""
# What is not synced is hashed when the files are others, and a sample is too little.
NIMBLE = LOCAL.replace(disk_retry_interval=0.1, disk_retry_max=0.2, sync_at_close=True)


def opened(folder: Path, **options: Any) -> bt.Client:
    return bt.Client(MANY.metainfo(), folder, settings=NIMBLE, resume=folder.parent / "resume", **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that were seeded once, and are others now, as long and as old."""
    folder = tmp_path / "data"
    MANY.write(folder)
    with opened(folder) as client:
        client.wait("seed", timeout=PATIENCE)
    renumber(folder)
    return folder


def renumber(folder: Path) -> None:
    before = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    folder.rename(folder.parent / "before")  # whose inodes are in use then
    shutil.copytree(folder.parent / "before", folder)
    for path, stat in before.items():
        assert (path.stat().st_mtime_ns, path.stat().st_size) == (stat.st_mtime_ns, stat.st_size)
        assert path.stat().st_ino != stat.st_ino


def hashed(watched: Watched) -> int:
    return len(watched.seen(events.PiecePassed)) + len(watched.seen(events.PieceFailed))


def test_a_sample_is_hashed_once(folder: Path) -> None:
    for expected in (16, 0):
        with opened(folder, state="stopped") as client:
            watched = Watched(client)
            client.start()
            status = client.wait("seed", timeout=PATIENCE)
            assert hashed(watched) == expected
            assert not status.error


def test_one_wrong_piece_of_it_has_everything_hashed(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            stat = path.stat()
            data = bytearray(path.read_bytes())
            data[:] = bytes(len(data))
            path.write_bytes(data)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    path = MANY.path(folder, "7")
    stat = path.stat()
    path.write_bytes(MANY.data("7"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with opened(folder) as client:
        status = client.wait("checked", timeout=PATIENCE)
        assert status.pieces_have == 2 < MANY.piece_count, "those that are all in one file"


def test_one_file_that_is_another_has_it_hashed_and_no_sample(folder: Path) -> None:
    path = MANY.path(folder, "7")
    path.write_bytes(path.read_bytes())
    with opened(folder, state="stopped") as client:
        watched = Watched(client)
        client.start()
        client.wait("seed", timeout=PATIENCE)
        assert hashed(watched) == MANY.piece_count


def test_files_that_come_back_under_other_inodes_are_taken(folder: Path) -> None:
    with opened(folder) as client:
        client.wait("seed", timeout=PATIENCE)
    folder.rename(folder.parent / "away")
    with opened(folder) as client:
        client.wait(lambda status: "was there and is gone" in status.error, timeout=PATIENCE)
        watched = Watched(client)
        shutil.copytree(folder.parent / "away", folder)
        client.wait(lambda status: status.seed and not status.error, timeout=PATIENCE)
        assert hashed(watched) == 16
