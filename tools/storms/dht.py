"""A program that looks for peers in the distributed hash table."""

from __future__ import annotations

import time

import bittorrent_threads as bt

from .ground import LOCAL, PATIENCE, Ground
from .program import Storm

DHT = LOCAL.replace(dht=True, dht_routers=())


def searched(ground: Ground, storm: Storm) -> None:
    """Look for peers in a DHT of two nodes."""
    with bt.Session(DHT) as other, bt.Session(DHT) as session:
        other.dht.add_node("127.0.0.1", 1)
        while not other.dht.status().families:
            time.sleep(0.01)
        node = ("127.0.0.1", other.dht.status().families[0].port)

        def call() -> None:
            session.dht.add_node(*node)
            with session.dht.get_peers(bytes(20), PATIENCE) as peers:
                assert list(peers) == []
                assert peers.ended
                assert peers.replies >= 0
            peers.close()
            assert repr(peers)
            status = session.dht.status()
            assert status.searches >= 0
            assert status.nodes >= status.good_nodes

        storm(call)
