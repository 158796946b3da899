"""Upkeep: who is pinged and when, refreshes, and the id that our address may have."""

from __future__ import annotations

import random
from typing import List, Tuple

from support.dht_places import fitting, place, public

from bittorrent_threads.dht.bucket import FIRST_REFRESH, K
from bittorrent_threads.dht.contact import Contact
from bittorrent_threads.dht.node_id import fits
from bittorrent_threads.dht.routing_table import RoutingTable
from bittorrent_threads.dht.upkeep import (
    ANY_HOST,
    CHECK_AFTER,
    ID_LIFE,
    LONGEST_STEP,
    RETRY_AFTER,
    SHORT_STEP,
    STEP,
    Upkeep,
)
from bittorrent_threads.swarm.external_address import ExternalAddress

NOW = 1000.0
TOP = 1 << 159


class Network:
    def __init__(self) -> None:
        self.table = RoutingTable(0, NOW)
        self.may_ping = True
        self.pinged: List[int] = []
        self.refreshed: List[int] = []
        self.ids: List[Tuple[int, str]] = []

    def ping(self, contact: Contact, now: float) -> bool:
        if self.may_ping:
            self.pinged.append(contact.number)
        return self.may_ping

    def refresh(self, target: int, now: float) -> None:
        self.refreshed.append(target)

    def change_id(self, number: int, host: str, now: float) -> None:
        self.ids.append((number, host))
        self.table = self.table.moved(number, now)


def made(network: Network, own_host: ExternalAddress = None) -> Upkeep:  # type: ignore[assignment]
    return Upkeep(network, own_host or ExternalAddress(), random.Random(1), ANY_HOST[4], NOW)


def told(own_host: ExternalAddress, host: str, count: int = 3, first: int = 0) -> None:
    for number in range(first, first + count):
        own_host.report(host, public(number).address[0])


def test_an_empty_table_needs_nothing() -> None:
    network = Network()
    upkeep = made(network)
    upkeep.advance(NOW)
    upkeep.advance(NOW + STEP)
    assert (network.pinged, network.refreshed) == ([], [])
    assert STEP < upkeep.next_timeout - NOW - STEP <= LONGEST_STEP


def test_a_node_that_was_silent_for_long_is_pinged() -> None:
    network = Network()
    network.table.replied(5, public(1), NOW)
    network.table.replied(6, public(2), NOW + 20)
    upkeep = made(network)
    while upkeep.next_timeout < NOW + CHECK_AFTER:
        upkeep.advance(upkeep.next_timeout)
        assert network.pinged == []
    upkeep.advance(upkeep.next_timeout)
    assert network.pinged == [5]
    assert upkeep.next_timeout <= NOW + CHECK_AFTER + LONGEST_STEP + STEP


def test_a_node_that_failed_once_is_asked_once_more() -> None:
    network = Network()
    network.table.replied(5, public(1), NOW)
    network.table.failed(5, public(1), NOW)
    upkeep = made(network)
    upkeep.advance(NOW + RETRY_AFTER)
    assert network.pinged == [5]
    network.table.failed(5, public(1), NOW + RETRY_AFTER)
    upkeep.advance(upkeep.next_timeout)
    assert network.pinged == [5], "bad nodes are asked when they are due"


def test_nodes_that_wait_for_a_place_are_pinged_one_after_the_other() -> None:
    network = Network()
    upkeep = made(network)
    for number in range(5):
        network.table.queried(5 + number, public(number), NOW)
        upkeep.wake(NOW)
    assert upkeep.next_timeout == NOW, "the first at once"
    times = []
    for _ in range(5):
        times.append(upkeep.next_timeout)
        upkeep.advance(upkeep.next_timeout)
    assert sorted(network.pinged) == list(range(5, 10))
    assert times == [NOW + SHORT_STEP * step for step in range(5)]
    upkeep.advance(upkeep.next_timeout)
    upkeep.wake(upkeep.next_timeout - STEP)
    upkeep.wake(upkeep.next_timeout)


def test_forged_senders_make_us_send_few_pings() -> None:
    network = Network()
    upkeep = made(network)
    now = NOW
    for number in range(2000):
        now += 0.005
        if network.table.queried(random.Random(number).getrandbits(160), public(number), now):
            upkeep.wake(now)
        if now >= upkeep.next_timeout:
            upkeep.advance(now)
    assert len(network.pinged) <= 1 + 10 / SHORT_STEP


def test_what_may_not_be_sent_is_tried_again() -> None:
    network = Network()
    network.table.replied(5, public(1), NOW)
    upkeep = made(network)
    network.may_ping = False
    upkeep.advance(NOW + CHECK_AFTER)
    network.may_ping = True
    upkeep.advance(upkeep.next_timeout)
    assert network.pinged == [5]
    assert upkeep.next_timeout <= NOW + CHECK_AFTER + 2 * STEP


def test_refreshes() -> None:
    network = Network()
    chance = random.Random(1)
    for number in range(100):
        network.table.replied(chance.getrandbits(160), public(number), NOW)
    upkeep = made(network)
    upkeep.advance(NOW + STEP)
    assert network.refreshed == []
    assert upkeep.next_timeout == NOW + FIRST_REFRESH
    upkeep.advance(NOW + FIRST_REFRESH)
    assert len(network.refreshed) == 1


def test_a_full_table_idles_with_few_steps() -> None:
    network = Network()
    chance = random.Random(1)
    for number in range(3000):
        network.table.replied(chance.getrandbits(160), public(number), NOW)
    upkeep = made(network)
    steps = 0
    while upkeep.next_timeout < NOW + 3600:
        now = upkeep.next_timeout
        upkeep.advance(now)
        for number in network.pinged:
            contact = next(each for each in network.table if each.number == number)
            network.table.replied(number, contact.place, now)
        network.pinged.clear()
        steps += 1
    assert steps <= 3600 / STEP
    assert network.table.count(lambda contact: contact.good(NOW + 3600)) == len(network.table) > 8 * K


# -- our own id --------------------------------------------------------------------------------------------------------


def test_what_several_hosts_agree_on_changes_the_id() -> None:
    network, own_host = Network(), ExternalAddress()
    upkeep = made(network, own_host)
    told(own_host, "124.31.75.21", count=2)
    upkeep.advance(upkeep.next_timeout)
    assert network.ids == [], "one owner too few"
    told(own_host, "124.31.75.21", count=3)
    upkeep.advance(upkeep.next_timeout)
    ((number, host),) = network.ids
    assert host == "124.31.75.21"
    assert fits(number, place(host))
    upkeep.advance(upkeep.next_timeout)
    assert len(network.ids) == 1


def test_an_id_that_fits_stays() -> None:
    network, own_host = Network(), ExternalAddress()
    network.table = RoutingTable(fitting(place("124.31.75.21")), NOW)
    told(own_host, "124.31.75.21")
    upkeep = made(network, own_host)
    upkeep.advance(upkeep.next_timeout)
    assert network.ids == []


def test_a_local_address_changes_nothing() -> None:
    network, own_host = Network(), ExternalAddress()
    told(own_host, "10.0.0.1")
    upkeep = made(network, own_host)
    upkeep.advance(upkeep.next_timeout)
    assert network.ids == []


def test_liars_cannot_make_us_change_it_all_the_time() -> None:
    network, own_host = Network(), ExternalAddress()
    upkeep = made(network, own_host)
    while upkeep.next_timeout < NOW + 3600:
        told(own_host, public(int(upkeep.next_timeout)).address[0], count=64)
        upkeep.advance(upkeep.next_timeout)
    assert 1 < len(network.ids) <= 1 + 3600 / ID_LIFE
