"""Joining: from saved nodes, from bootstrap nodes, and when nobody answers."""

from __future__ import annotations

import math
from typing import Callable, Iterable, List

from support.dht_places import public

from bittorrent_threads.dht.bucket import K
from bittorrent_threads.dht.joining import FIRST_PAUSE, LONGEST_PAUSE, Joining, Seed

NOW = 1000.0
ROUTER: Seed = (None, public(1))
SAVED: Seed = (5, public(2))


class Network:
    def __init__(self) -> None:
        self.usable = 0
        self.searched: List[List[Seed]] = []
        self.told: List[str] = []
        self.on_end: Callable[[float], None] = lambda now: None

    def find_self(self, seeds: Iterable[Seed], on_end: Callable[[float], None], now: float) -> None:
        self.searched.append(list(seeds))
        self.on_end = on_end

    def need_nodes(self) -> None:
        self.told.append("need")

    def joined(self) -> None:
        self.told.append("joined")


def test_a_first_start_asks_for_addresses() -> None:
    network = Network()
    joining = Joining(network, [], NOW)
    assert joining.next_timeout == NOW
    joining.advance(NOW)
    assert (network.told, network.searched) == (["need"], [])
    joining.bootstrap([ROUTER], NOW + 1)
    assert network.searched == [[ROUTER]]
    assert joining.next_timeout == math.inf
    joining.advance(NOW + 100)
    assert network.told == ["need"], "the lookup runs"
    network.usable = K
    network.on_end(NOW + 101)
    assert network.told == ["need", "joined"]
    assert joining.done
    assert joining.next_timeout == math.inf
    joining.bootstrap([ROUTER], NOW + 200)
    assert network.searched == [[ROUTER]], "there are enough nodes"


def test_saved_nodes_come_first() -> None:
    network = Network()
    joining = Joining(network, [SAVED], NOW)
    joining.advance(NOW)
    assert (network.told, network.searched) == ([], [[SAVED]])
    network.on_end(NOW + 5)
    assert network.told == ["need"], "none of them answered"


def test_addresses_that_come_during_a_lookup_are_the_next_to_try() -> None:
    network = Network()
    joining = Joining(network, [SAVED], NOW)
    joining.advance(NOW)
    joining.bootstrap([ROUTER], NOW + 1)
    assert network.searched == [[SAVED]]
    network.on_end(NOW + 5)
    assert network.searched == [[SAVED], [ROUTER]]


def test_a_first_node_by_other_ways_begins_a_lookup() -> None:
    network = Network()
    joining = Joining(network, [], NOW)
    joining.advance(NOW)
    network.usable = 1
    joining.advance(NOW + 1)
    assert network.searched == [[]]


def test_offline_it_asks_less_and_less_often() -> None:
    network = Network()
    joining = Joining(network, [], NOW)
    times = []
    now = NOW
    while now < NOW + 24 * 3600:
        joining.advance(now)
        assert joining.next_timeout > now
        times.append(now)
        joining.bootstrap([ROUTER], now)
        network.on_end(now + 6)
        now = joining.next_timeout
    pauses = [later - earlier for earlier, later in zip(times, times[1:])]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE
    assert network.told == ["need"] * len(times)


def test_few_nodes_are_joined_and_more_are_asked_for() -> None:
    network = Network()
    joining = Joining(network, [], NOW)
    joining.advance(NOW)
    joining.bootstrap([ROUTER], NOW)
    network.usable = 1
    network.on_end(NOW + 1)
    assert network.told == ["need", "joined"]
    assert joining.next_timeout == NOW + 1 + FIRST_PAUSE
    joining.advance(joining.next_timeout)
    joining.bootstrap([ROUTER], NOW + 20)
    network.on_end(NOW + 21)
    assert network.told == ["need", "joined", "need"], "joined is told once"


def test_when_all_nodes_are_gone_it_begins_again() -> None:
    network = Network()
    joining = Joining(network, [], NOW)
    network.usable = K
    joining.advance(NOW)
    network.on_end(NOW + 1)
    network.usable = 0
    joining.advance(NOW + 5000)
    joining.bootstrap([ROUTER], NOW + 5001)
    network.on_end(NOW + 5010)
    assert not joining.done
    assert network.told == ["joined", "need"]
