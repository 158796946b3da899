"""The plugin: each fixture works, none is used by itself, and pytest of others hardly notices it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

from support.loopback import ROOT

import bittorrent_threads as bt
from bittorrent_threads.testing import SampleTorrent, SimulatedWorld, Swarm, TemporaryTorrent, Tracker, pytest_plugin

EXAMPLE = ROOT / "tools" / "examples" / "mirror"


def test_a_download_with_fixtures_alone(
    bt_torrent: TemporaryTorrent, bt_seeder: bt.Client, bt_settings: bt.Settings, bt_no_leaks: None
) -> None:
    assert bt_seeder.seed
    bt.download(bt_torrent.path, bt_torrent.downloads, settings=bt_settings, timeout=30)
    assert bt_torrent.differences() == []


def test_a_swarm_of_the_sample(bt_swarm: Callable[..., Swarm], bt_sample: SampleTorrent) -> None:
    group, other = bt_swarm(3), bt_swarm(2, sample=SampleTorrent(5, name="other"))
    group.wait()
    other.wait()
    assert group.sample is bt_sample
    assert group.differences() == other.differences() == []


def test_a_tracker_that_refuses(bt_tracker: Tracker, bt_torrent: TemporaryTorrent, bt_settings: bt.Settings) -> None:
    bt_tracker.fail("closed")
    with bt.Client(bt_torrent.path, bt_torrent.downloads, settings=bt_settings) as client:
        client.wait(lambda status: "closed" in status.trackers[0].error, timeout=30)


def test_a_world(bt_world: SimulatedWorld, bt_quiet: None) -> None:
    bt_world.client(seed=True)
    peer = bt_world.client()
    bt_world.run_until(lambda: peer.complete)
    assert not bt.Settings().dht


def test_no_fixture_is_used_by_itself() -> None:
    fixtures = {name for name in vars(pytest_plugin) if name.startswith("bt_")}
    page = (ROOT / "tools" / "docs" / "howto" / "testing.rst").read_text(encoding="utf-8")
    assert {name for name in fixtures if f"``{name}``" not in page} == set()
    assert "autouse" not in Path(pytest_plugin.__file__).read_text(encoding="utf-8")


def test_loading_it_loads_nothing_of_the_library() -> None:
    program = "import sys, pytest, bittorrent_threads; before = set(sys.modules)\n"
    program += "import bittorrent_threads.testing.pytest_plugin; print(sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "['bittorrent_threads.testing', 'bittorrent_threads.testing.pytest_plugin']"


def test_the_tests_of_the_example_application_pass() -> None:
    arguments = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "bittorrent_threads.testing.pytest_plugin",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*arguments, "-c", "/dev/null", "--rootdir", str(EXAMPLE), str(EXAMPLE)],
        cwd=EXAMPLE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
