"""Fixtures for pytest: the test kit, ready made.

pytest loads this module in every project of an environment that has the library, so it imports nothing else of the
library before a test asks for a fixture.  None of the fixtures is used by itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator

import pytest

if TYPE_CHECKING:
    from ..client import Client
    from ..settings import Settings
    from .sample_torrent import SampleTorrent
    from .simulated_world import SimulatedWorld
    from .swarms import Swarm
    from .temporary_torrents import TemporaryTorrent
    from .tracker import Tracker


@pytest.fixture
def bt_settings() -> Settings:
    """Settings of a session that speaks to no stranger, on loopback (``quiet_settings``)."""
    from .quiet import quiet_settings

    return quiet_settings()


@pytest.fixture
def bt_quiet() -> Iterator[None]:
    """All sessions of the test are quiet, wherever they are made (``quiet_defaults``)."""
    from .quiet import quiet_defaults

    with quiet_defaults():
        yield


@pytest.fixture
def bt_sample() -> SampleTorrent:
    """The torrent that the other fixtures share: 100,000 bytes in one file.  Override it for another one."""
    from .sample_torrent import SampleTorrent

    return SampleTorrent()


@pytest.fixture
def bt_tracker() -> Iterator[Tracker]:
    """A tracker for HTTP and UDP on loopback, which fails when told so (``Tracker``)."""
    from .tracker import Tracker

    with Tracker() as tracker:
        yield tracker


@pytest.fixture
def bt_torrent(bt_sample: SampleTorrent, bt_tracker: Tracker, tmp_path: Path) -> TemporaryTorrent:
    """``bt_sample`` on the disk: its files, a folder for a download, and a .torrent that names ``bt_tracker``."""
    from .temporary_torrents import place

    return place(bt_sample, tmp_path / "bt_torrent", bt_tracker.url)


@pytest.fixture
def bt_seeder(bt_torrent: TemporaryTorrent, bt_tracker: Tracker) -> Iterator[Client]:
    """A client that seeds ``bt_torrent``, known to ``bt_tracker`` (``seeder``)."""
    from .seeders import seeder

    with seeder(bt_torrent.sample, folder=bt_torrent.data, trackers=[bt_tracker.url]) as client:
        bt_tracker.wait_until(lambda: bt_tracker.swarm(bt_torrent.infohash))
        yield client


@pytest.fixture
def bt_swarm(bt_sample: SampleTorrent, tmp_path: Path) -> Iterator[Callable[..., Swarm]]:
    """A function with the arguments of ``swarm``: it runs a swarm of ``bt_sample`` until the end of the test."""
    from .swarms import swarm

    with contextlib.ExitStack() as stack:
        number = 0

        def start(count: int = 3, **options: Any) -> Swarm:  # noqa: ANN401  # those of ``swarm``
            nonlocal number
            number += 1
            options.setdefault("folder", tmp_path / f"bt_swarm-{number}")
            options.setdefault("sample", bt_sample)
            return stack.enter_context(swarm(count, **options))

        yield start


@pytest.fixture
def bt_world() -> SimulatedWorld:
    """A simulated world with a torrent of 4 MiB and no client yet (``SimulatedWorld``)."""
    from .simulated_world import SimulatedWorld

    return SimulatedWorld()


@pytest.fixture
def bt_no_leaks() -> Iterator[None]:
    """The test fails if it leaves a thread of the library, a socket or a temporary file open (``no_leaks``)."""
    from .leaks import no_leaks

    with no_leaks():
        yield
