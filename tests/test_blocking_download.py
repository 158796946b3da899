"""``download``: everything in one call, and what ends it."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any, List

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads.conditions import Condition
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent
from bittorrent_threads.wait import Wait, wait_for


def test_it_tells_what_it_did(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        result = bt.download(SMALL.metainfo(), tmp_path / "down", peers=[("127.0.0.1", seed.port)], timeout=PATIENCE)
    assert (result.name, result.infohash, result.size) == ("small", SMALL.infohash, SMALL.size)
    assert result.downloaded >= SMALL.size
    assert result.seconds > 0
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
    assert str(tmp_path / "taken") in caught.value.path
    assert caught.value.reason


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


def test_another_thread_cancels_it(tmp_path: Path) -> None:
    cancel = threading.Event()
    content = SampleTorrent(600_000, piece_length=16 * KIB, name="slow")
    with seeder(tmp_path / "seed", content) as seed:
        setting = threading.Timer(0.3, cancel.set)
        setting.start()
        with pytest.raises(bt.Cancelled) as caught:
            bt.download(
                content.metainfo(),
                tmp_path / "down",
                peers=[("127.0.0.1", seed.port)],
                download_limit=20_000,
                timeout=PATIENCE,
                cancel=cancel,
            )
        setting.join()
    assert str(caught.value) == caught.value.reason == "cancelled"
    assert not isinstance(caught.value, TimeoutError)


def test_one_that_was_cancelled_before_ends_at_once(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    began = time.monotonic()
    with pytest.raises(bt.Cancelled):
        bt.download(SMALL.metainfo(), tmp_path, cancel=cancel)
    assert time.monotonic() - began < PATIENCE / 2


def test_it_sleeps_while_nothing_changes(tmp_path: Path) -> None:
    looks: List[bt.Status] = []

    def condition(status: bt.Status) -> bool:
        looks.append(status)
        return False

    options: Any = {"settings": LOCAL, "state": "stopped"}
    with bt.Client(SMALL.metainfo(), tmp_path, **options) as client, pytest.raises(bt.WaitTimeout):
        wait_for(Wait(client._handle, Condition(condition, "complete"), timeout=1.5))
    assert len(looks) <= 3, "once at the beginning, once at the end, and once for what was under way"
