"""A process that may open few files: a torrent of many is downloaded, moved and remembered all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.children import Child
from support.pairs import LOCAL, PATIENCE, seeder

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

MANY = SampleTorrent(
    {f"d{number % 7}/{number}": 10_000 + number for number in range(120)}, piece_length=16 * KIB, name="many"
)

DOWNLOADER = """
    import os, resource, sys
    import bittorrent_threads as bt
    from bittorrent_threads import events

    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, used + 40))
    peers = [("127.0.0.1", int(sys.argv[4]))]
    settings = bt.Settings(host="127.0.0.1")
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings, peers=peers, priorities=[1, 0] * 60) as client:
        client.wait(timeout=30)
        client.set_priorities(dict.fromkeys(range(120), 1))
        client.wait("seed", timeout=30)
        assert client.hashcheck().failed == ()
        client.move(sys.argv[3])
        client.files[3].rename("many/other")
        assert client.hashcheck().failed == ()
        client.stop()
    failed = [event for event in client if isinstance(event, events.StorageFailed)]
    print(failed, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_life_with_few_descriptors(tmp_path: Path) -> None:
    torrent = MANY.write_torrent(tmp_path)
    places = tmp_path / "down", tmp_path / "moved"
    with seeder(tmp_path / "seed", MANY) as seed, Child(DOWNLOADER, torrent, *places, seed.port) as child:
        assert child.line() == "[]"
        child.end()
    with bt.Client(torrent, tmp_path / "moved", settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        assert (tmp_path / "moved" / "many" / "other").read_bytes() == MANY.data("d3/3")
