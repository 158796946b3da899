"""Whole swarms without a tracker: nodes that find each other by peer exchange, or in their local network."""

from __future__ import annotations

from typing import Tuple

import pytest

from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.simulation.swarm import PORT, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.world import World

NODES = 20


@pytest.fixture(scope="module")
def torrent() -> SimTorrent:
    """32 pieces of 64 KiB that no tracker knows."""
    return make_torrent(size=32 * 65536, piece_length=65536)


def sources(swarm: Swarm) -> Tuple[int, int]:
    """How many nodes but the first know addresses by exchange, and how many know more than one peer."""
    lists = [node.torrent.peerlist for node in swarm.nodes[1:]]
    return sum(Source.PEX in each.by_source for each in lists), sum(each.counts.known > 1 for each in lists)


def star(torrent: SimTorrent, *, pex: bool = True) -> Swarm:
    """Start a swarm in which every node knows the address of the first one, which has all pieces and a thin line."""
    swarm = make_swarm(World(1), torrent, nodes=NODES, settings=Settings(pex=pex))
    swarm.nodes[0].network.upload.rate = 150_000
    for node in swarm.nodes[1:]:
        node.act(node.torrent.add_peer, swarm.nodes[0].network.name, PORT)
    swarm.start()
    return swarm


def test_twenty_nodes_of_which_nineteen_know_one_address(torrent: SimTorrent) -> None:
    swarm = star(torrent)
    swarm.run(limit=200)
    swarm.check()
    assert swarm.availability() == [NODES] * torrent.metainfo.piece_count
    by_exchange, acquainted = sources(swarm)
    assert acquainted == NODES - 1
    assert by_exchange > NODES / 2, "the others were dialled first by those that they were told of"
    uploaded = swarm.nodes[0].status.uploaded
    assert uploaded < NODES / 2 * torrent.metainfo.total_size, "the others have it from each other"


def test_without_exchange_they_meet_nobody(torrent: SimTorrent) -> None:
    swarm = star(torrent, pex=False)
    swarm.world.run(120)
    assert sources(swarm) == (0, 0)
