"""A thousand DHT nodes of ours in virtual time: lookups converge in log n steps, also when a third is dead or lies."""

from __future__ import annotations

import hashlib
import math
import random
from typing import List, Tuple

import pytest
from support.dht_network import DhtNetwork, SimulatedNode, addresses, liar

from bittorrent_threads.dht.bucket import K
from bittorrent_threads.dht.krpc import MAX_SENT
from bittorrent_threads.dht.limits import Limits
from bittorrent_threads.dht.lookup import MAX_QUERIES
from bittorrent_threads.dht.node_id import id_for
from bittorrent_threads.dht.peer_search import PeerSearch
from bittorrent_threads.dht.place import place_of
from bittorrent_threads.protocol.addresses import Address

NODES = 1000
SEARCHES = 8
LOSS = 0.01
"""Share of the datagrams that are lost once the network has grown."""


@pytest.fixture(scope="module")
def network() -> DhtNetwork:
    """A network that grew from one node, each new one joining through one of the first five."""
    found = DhtNetwork(delay=(0.01, 0.1))
    hosts = addresses(NODES)
    for count, host in enumerate(hosts):
        node = found.add(host, routers=[found.random.choice(hosts[: min(5, count)])] if count else [])
        if count == 1:
            # Somebody has to tell the first node of the second.
            found.nodes[hosts[0]].dht.add_node(node.address, found.now)
            found.nodes[hosts[0]].settle()
        found.run(0.05)
    found.run(8)
    found.loss = LOSS
    return found


def searched(network: DhtNetwork, node: SimulatedNode, infohash: bytes, port: int = 0) -> Tuple[PeerSearch, float]:
    """A search that has ended, and how long it took."""
    begin = network.now
    search = node.dht.get_peers(infohash, begin, announce_port=port)
    node.settle()
    network.run(90, until=lambda: search.ended)
    assert search.ended
    return search, network.now - begin


def closest(network: DhtNetwork, infohash: bytes) -> List[SimulatedNode]:
    """The eight nodes that should store the peers of an infohash."""
    target = int.from_bytes(infohash, "big")
    return sorted(network.nodes.values(), key=lambda node: node.number ^ target)[:K]


def stored(node: SimulatedNode, infohash: bytes) -> bool:
    return infohash in node.dht._stores[4]._swarms


def check_rates(network: DhtNetwork) -> None:
    """No node ever took another for an attacker, and none sent more than it may."""
    seconds = network.now - network.began
    for node in network.nodes.values():
        found = node.dht.statistics()
        assert (found.floods, found.blocked_hosts, found.malformed) == (0, 0, 0)
        assert found.bytes_sent <= Limits().upload_rate * (seconds + 2)
    assert network.largest <= MAX_SENT


def test_lookups_converge_in_log_n_steps(network: DhtNetwork) -> None:
    assert min(node.dht.node_count(4) for node in network.nodes.values()) >= K
    nodes = list(network.nodes.values())
    steps, hits = [], 0
    for number in range(SEARCHES):
        infohash = hashlib.sha1(b"%d" % number).digest()
        announced, _ = searched(network, network.random.choice(nodes), infohash, port=7000)
        assert announced.announced >= K - 2, "some datagrams are lost"
        hits += sum(stored(node, infohash) for node in closest(network, infohash))
        found, seconds = searched(network, network.random.choice(nodes), infohash)
        assert found.peers == 1
        assert seconds < 10
        steps += [announced.steps, found.steps]
    assert max(steps) <= math.log2(NODES)
    assert hits >= 0.8 * K * SEARCHES, "the closest nodes of all were found"
    check_rates(network)


def test_nodes_join_while_a_third_of_all_datagrams_is_lost() -> None:
    network = DhtNetwork(seed=3, loss=0.3)
    hosts = addresses(40, seed=3)
    for count, host in enumerate(hosts):
        network.add(host, routers=hosts[:3] if count else hosts[1:2])
        network.run(1.0)
    network.run(120)
    assert min(node.dht.node_count(4) for node in network.nodes.values()) >= K
    for number in range(4):
        infohash = hashlib.sha1(b"lost %d" % number).digest()
        announced, _ = searched(network, network.random.choice(list(network.nodes.values())), infohash, port=7000)
        assert announced.announced
        found, seconds = searched(network, network.random.choice(list(network.nodes.values())), infohash)
        assert found.peers == 1
        assert seconds < 30
    check_rates(network)


def test_a_third_of_the_nodes_is_dead_or_lies(network: DhtNetwork) -> None:
    hosts = list(network.nodes)
    chance = random.Random(7)
    chance.shuffle(hosts)
    third = len(hosts) // 3
    infohashes = [hashlib.sha1(b"third %d" % number).digest() for number in range(SEARCHES)]
    lying = hosts[: third // 2]

    def lies(net: DhtNetwork, target: int) -> List[Tuple[int, Address]]:
        # Nodes that are not there, with ids next to the target; half of them with ids that their addresses may have.
        told = []
        for number in range(K):
            host = f"{chance.randrange(100, 120)}.{chance.randrange(256)}.{chance.randrange(256)}.1"
            place = place_of((host, 6881))
            assert place is not None
            told.append((target ^ chance.getrandbits(100) if number % 2 else id_for(place, chance), (host, 6881)))
        return told

    for host in hosts[:third]:
        network.remove(host)
    for host in lying:
        network.others[host] = liar(lies)
    nodes = list(network.nodes.values())
    steps, queries, seconds, hits = [], [], [], 0
    for infohash in infohashes:
        announced, _ = searched(network, network.random.choice(nodes), infohash, port=7000)
        hits += sum(stored(node, infohash) for node in closest(network, infohash))
        found, took = searched(network, network.random.choice(nodes), infohash)
        assert found.peers == 1, "found in spite of them"
        steps += [announced.steps, found.steps]
        queries += [announced.queries, found.queries]
        seconds.append(took)
    assert max(steps) <= math.log2(NODES)
    assert max(queries) < MAX_QUERIES
    assert sum(seconds) / len(seconds) < 15
    assert hits >= 0.6 * K * SEARCHES
    check_rates(network)
