"""Pieces that are not whole survive a clean stop and a new process; large ones stay inside the memory budget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

import pytest
from support.children import Child, seeders
from support.pairs import LOCAL, PATIENCE, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

BIG = SampleTorrent({"a": 5 * MIB, "b": 3 * MIB + 5}, piece_length=4 * MIB, name="big")

FIRST_RUN = """
    import sys
    import bittorrent_threads as bt

    settings = bt.Settings(host="127.0.0.1", piece_memory=int(sys.argv[4]))
    peers = [("127.0.0.1", int(sys.argv[3]))]
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings, peers=peers, download_limit=3_000_000) as client:
        client.wait(lambda status: status.downloaded > 2_500_000, timeout=30)
        client.stop()
    status = client.status()
    print(status.downloaded - status.wasted, status.pieces_have)
"""


@pytest.mark.parametrize("memory", [64 * MIB, 4 * MIB], ids=["whole", "in stripes"])
def test_they_survive_a_stop_and_a_new_process(tmp_path: Path, memory: int) -> None:
    torrent, folder = BIG.write_torrent(tmp_path), tmp_path / "down"
    with seeder(tmp_path / "seed", BIG) as seed:
        with Child(FIRST_RUN, torrent, folder, seed.port, memory) as child:
            first, pieces = map(int, child.line().split())
            child.end()
        assert first > 2_000_000
        settings = LOCAL.replace(piece_memory=memory)
        with bt.Client(torrent, folder, settings=settings, peers=[("127.0.0.1", seed.port)]) as client:
            client.wait(timeout=PATIENCE)
            assert client.downloaded <= BIG.size - first + 64 * KIB, pieces
    assert BIG.differences(folder) == []


def test_they_survive_many_stops(tmp_path: Path) -> None:
    with pair(tmp_path, BIG, download_limit=2_000_000) as (_, down):
        kept = []
        for part in range(1, 5):
            down.wait(lambda status, part=part: status.downloaded > part * 1_500_000, timeout=PATIENCE)  # type: ignore[misc]
            down.stop()
            kept.append(down.piece_cache["unfinished"])  # asking for it changes nothing
            down.start()
        down.download_limit = 0
        down.wait(timeout=PATIENCE)
        assert any(kept)
        assert down.downloaded <= BIG.size + 5 * 128 * KIB
    assert BIG.differences(tmp_path / "down") == []


DOWNLOADER = """
    import sys
    import bittorrent_threads as bt
    from bittorrent_threads import client, session
    from support.loopback import memory

    settings = bt.Settings(host="127.0.0.1")
    peers = [("127.0.0.1", int(port)) for port in sys.argv[3:]]
    senders = set()

    def shared(status):
        senders.update(peer.address for peer in status.peers if peer.downloaded)
        return len(senders) > 1 or status.complete

    before = memory("VmRSS")
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings, peers=peers, download_limit=10_000_000) as client:
        client.wait(shared, timeout=30)  # slowly, as what each peer sent is told once a second
        client._handle.torrent.limits.read_throttle.rate = 0
        client.wait(timeout=90)
    print(memory("VmHWM") - before - settings.piece_memory, len(senders.intersection(peers)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("piece_length", "pieces"), [(16 * MIB, 10), (64 * MIB, 3)])
def test_large_pieces_stay_inside_the_memory_budget(tmp_path: Path, piece_length: int, pieces: int) -> None:
    content = SampleTorrent(
        {"a": piece_length * pieces // 2 + 1, "b": piece_length * pieces // 2}, piece_length=piece_length, name="large"
    )
    torrent, folder = content.write_torrent(tmp_path), content.write(tmp_path / "seed")
    with seeders(3, torrent, folder) as ports, Child(DOWNLOADER, torrent, tmp_path / "down", *ports) as child:
        beyond, senders = map(int, child.line().split())
        child.end()
    assert beyond <= 32 * MIB, f"{beyond / MIB:.1f} MiB more than the budget"
    assert senders >= 2, "it came from several peers"
    assert differences(content, tmp_path) == []


def differences(content: SampleTorrent, folder: Path) -> List[str]:
    """The files that differ from those of the seeders, which cost time to make again."""
    pairs = [(content.path(folder / "seed", path), content.path(folder / "down", path)) for path, _ in content.files]
    return [str(down) for seed, down in pairs if seed.read_bytes() != down.read_bytes()]
