"""The torrent that most swarms exchange."""

from __future__ import annotations

import pytest

from bittorrent_threads.testing.simulation.swarm import TRACKER
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent


@pytest.fixture(scope="session")
def torrent() -> SimTorrent:
    """32 pieces of 64 KiB, and one of 777 bytes."""
    return make_torrent(size=32 * 65536 + 777, piece_length=65536, trackers=[TRACKER])
