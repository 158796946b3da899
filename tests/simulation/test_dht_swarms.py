"""Whole swarms that know no tracker and no peer: they find each other by the DHT alone."""

from __future__ import annotations

import pytest
from support.dht import PORT, dht_settings

from bittorrent_threads import events
from bittorrent_threads.testing.simulation.host import Faults
from bittorrent_threads.testing.simulation.swarm import Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World

ROUTER = ("10.0.0.1", PORT)
"""The first node of a swarm, which is its seed."""


def swarm_of(nodes: int, *, seed: int = 1) -> Swarm:
    """A swarm without a tracker."""
    torrent = make_torrent(size=16 * 65536, piece_length=65536)
    return make_swarm(World(seed), torrent, nodes=nodes, settings=dht_settings(ROUTER))


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_a_swarm_meets_by_the_dht_alone(loss: float) -> None:
    swarm = swarm_of(12)
    for node in swarm.nodes:
        node.network.faults = Faults(loss=loss, duplication=loss / 4, jitter=loss)
    swarm.start()
    swarm.run()
    swarm.check()
    swarm.world.run(swarm.world.now + 60)
    for node in swarm.nodes:
        assert not node.seen(events.InternalFailed)
        assert node.engine.dht.status.good_nodes


def test_it_outlives_the_node_through_which_it_met() -> None:
    swarm = swarm_of(8)
    late = swarm.nodes.pop()
    swarm.start()
    swarm.run()
    first = swarm.nodes[0]
    first.leave()
    swarm.world.run(swarm.world.now + 60)
    late.engine.dht.bootstrap.hint([swarm.nodes[3].address])
    late.start()
    swarm.run([late])
    assert late.complete


def test_equal_seeds_give_equal_runs() -> None:
    digests = set()
    for _ in range(2):
        swarm = swarm_of(5, seed=3)
        swarm.start()
        swarm.run()
        digests.add(swarm.world.digest)
    assert len(digests) == 1
