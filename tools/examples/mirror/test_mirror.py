"""The tests of the example application, without the network; pytest finds the fixtures by itself.

python -m pytest tools/examples/mirror
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from mirror import mirror

import bittorrent_threads as bt
from bittorrent_threads import testing

pytestmark = pytest.mark.usefixtures("bt_no_leaks")


@pytest.fixture
def bt_sample() -> testing.SampleTorrent:
    """What this application's tests download: a folder of two files, in pieces of 16 KiB."""
    return testing.SampleTorrent({"index.html": 3_000, "images/large.png": 200_000}, name="site")


def test_a_torrent_with_a_seeder(
    bt_torrent: testing.TemporaryTorrent, bt_seeder: bt.Client, bt_settings: bt.Settings
) -> None:
    path = str(bt_torrent.path)
    assert mirror([path], str(bt_torrent.downloads), settings=bt_settings, timeout=30) == {path: "complete"}
    assert bt_torrent.differences() == []


def test_a_tracker_that_answers_late(
    bt_torrent: testing.TemporaryTorrent,
    bt_seeder: bt.Client,
    bt_tracker: testing.Tracker,
    bt_settings: bt.Settings,
) -> None:
    bt_tracker.delay(0.3)
    path = str(bt_torrent.path)
    assert mirror([path], str(bt_torrent.downloads), settings=bt_settings, timeout=30) == {path: "complete"}


def test_a_tracker_that_refuses_is_named_in_the_report(
    bt_torrent: testing.TemporaryTorrent, bt_tracker: testing.Tracker, bt_settings: bt.Settings
) -> None:
    bt_tracker.fail("not registered")
    path = str(bt_torrent.path)
    report = mirror([path], str(bt_torrent.downloads), settings=bt_settings, timeout=30, stall_timeout=0.5)
    assert "not registered" in report[path]


def test_a_liar_does_no_harm(
    bt_torrent: testing.TemporaryTorrent, bt_seeder: bt.Client, bt_settings: bt.Settings
) -> None:
    with testing.CorruptSeeder(bt_torrent.sample) as liar, testing.Relay(liar.address, round_trip=0.02) as relay:
        report = mirror(
            [str(bt_torrent.path)], str(bt_torrent.downloads), peers=[relay.address], settings=bt_settings, timeout=60
        )
    assert list(report.values()) == ["complete"]
    assert bt_torrent.differences() == []


def test_what_is_no_torrent_does_not_stop_the_others(
    tmp_path: Path, bt_swarm: Callable[..., testing.Swarm], bt_settings: bt.Settings
) -> None:
    (tmp_path / "bad.torrent").write_bytes(b"no torrent")
    group = bt_swarm(2)
    good = tmp_path / "good.torrent"
    good.write_bytes(group.metainfo)
    paths = [str(tmp_path / "bad.torrent"), str(tmp_path / "missing.torrent"), str(good)]
    report = mirror(paths, str(tmp_path / "site"), settings=bt_settings, timeout=30)
    assert report[paths[2]] == "complete"
    assert "missing.torrent" in report[paths[1]]
    assert report[paths[0]] != "complete"
