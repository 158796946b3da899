"""``download``: everything in one call, and what ends it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.pairs import PATIENCE, SMALL, seeder

import bittorrent_threads as bt


def test_it_tells_what_it_did(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        result = bt.download(SMALL.metainfo(), tmp_path / "down", peers=[("127.0.0.1", seed.port)], timeout=PATIENCE)
    assert (result.name, result.infohash, result.size) == ("small", SMALL.infohash, SMALL.size)
    assert result.downloaded >= SMALL.size and result.seconds > 0
    assert [Path(path).is_file() for path in result.files] == [True] * 3
    assert SMALL.differences(tmp_path / "down") == []


def test_only_wanted_files_are_named(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        peers = [("127.0.0.1", seed.port)]
        result = bt.download(SMALL.metainfo(), tmp_path / "down", peers=peers, priorities=[0, 1, 0], timeout=PATIENCE)
    assert [Path(path).name for path in result.files] == ["b.bin"]


def test_a_folder_that_cannot_be_made_ends_it(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"a file")
    with pytest.raises(bt.StorageError) as caught:
        bt.download(SMALL.metainfo(), tmp_path / "taken", timeout=PATIENCE)
    assert str(tmp_path / "taken") in caught.value.path and caught.value.reason


def test_files_that_are_gone_end_it_instead_of_being_downloaded_anew(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        peers = [("127.0.0.1", seed.port)]
        bt.download(SMALL.metainfo(), tmp_path / "down", peers=peers, timeout=PATIENCE)
        shutil.rmtree(tmp_path / "down" / "small")
        with pytest.raises(bt.StorageError, match="is gone"):
            bt.download(SMALL.metainfo(), tmp_path / "down", peers=peers, timeout=PATIENCE)


def test_the_time_is_bounded_and_the_message_says_what_was_missing(tmp_path: Path) -> None:
    for timeout in (0.2, 2, 20):  # as long as it takes a busy machine to look at the disk
        with pytest.raises(bt.WaitTimeout, match=rf"was not complete after {timeout:g} s: ") as caught:
            bt.download(SMALL.metainfo(), tmp_path, timeout=timeout)
        if "looked up" not in str(caught.value):
            break
    assert "s: no peer is known" in str(caught.value)
