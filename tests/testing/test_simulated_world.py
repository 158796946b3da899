"""The simulated world: hours pass in tenths of a second, the same way each time."""

from __future__ import annotations

import pytest

import bittorrent_threads as bt
from bittorrent_threads.testing import SimulatedWorld, Stuck


def finished(seed: int) -> float:
    world = SimulatedWorld(size=500_000, piece_length=32_768, seed=seed)
    world.client(seed=True, up=50_000)
    peers = [world.client(up=20_000, latency=0.05) for _ in range(3)]
    return world.run_until(lambda: all(peer.complete for peer in peers))


def test_a_swarm_finishes_at_the_same_time_each_time() -> None:
    assert finished(1) == finished(1) != finished(2)
    assert 10 < finished(1) < 60  # 500,000 bytes from a line of 50,000 a second


def test_clients_tell_what_a_client_tells() -> None:
    world = SimulatedWorld(size=300_000)
    seed, peer = world.client(seed=True), world.client(pieces=[0, 2])
    assert (seed.pieces, peer.pieces) == (0, 0)
    world.run_until(lambda: seed.complete and peer.pieces == 2)
    assert (seed.pieces, peer.pieces, world.piece_count, world.clients) == (5, 2, 5, (seed, peer))
    assert seed.complete
    world.run_until(lambda: peer.complete)
    assert peer.completed_at == world.now
    assert peer.status.progress == 1
    assert any(isinstance(event, bt.events.Completed) for event in peer.events)
    assert peer.address != seed.address
    assert repr(peer) == f"<SimulatedClient {peer.address[0]}: 5 pieces>"


def test_cables_trackers_and_processes_fail() -> None:
    world = SimulatedWorld(size=300_000)
    world.tracker_works = False
    seed, peer = world.client(seed=True), world.client(started=False)
    peer.start()
    world.run(60)
    assert peer.pieces == 0
    world.tracker_works = True
    world.run_until(lambda: peer.pieces > 0)
    seed.online = False
    assert (world.tracker_works, seed.online) == (True, False)
    with pytest.raises(Stuck, match="nothing came of it in 100 virtual seconds"):
        world.run_until(lambda: peer.complete and not seed.online and False, limit=100)
    seed.online = True
    seed.restart()
    world.run_until(lambda: peer.complete)
    peer.stop()
    world.run(10)
    assert peer.status.state == "stopped"


def test_settings_and_what_cannot_be() -> None:
    world = SimulatedWorld(size=300_000, settings=bt.Settings(download_limit=10_000))
    world.client(seed=True)
    slow = world.client()
    quick = world.client(settings=bt.Settings())
    world.run_until(lambda: quick.complete)
    assert not slow.complete
    with pytest.raises(ValueError, match="numbered from 0 to 4"):
        world.client(pieces=[5])
