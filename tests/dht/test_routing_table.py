"""The routing table: who comes in, who is told, what is refreshed; sybils stay out."""

from __future__ import annotations

import random
from typing import List

import pytest
from support.dht_places import local, place, public

from bittorrent_threads.dht.bucket import FIRST_REFRESH, K
from bittorrent_threads.dht.node_id import common_bits
from bittorrent_threads.dht.routing_table import FORGET, RoutingTable, size_of

NOW = 1000.0
TOP = 1 << 159
FIRST = size_of(0)
"""Nodes of the first bucket."""


def usable(contact: object) -> bool:
    return True


def numbers(table: RoutingTable) -> List[int]:
    return sorted(contact.number for contact in table)


def test_who_replies_comes_in() -> None:
    table = RoutingTable(0, NOW)
    table.replied(5, public(1), NOW)
    assert (numbers(table), len(table), table.usable) == ([5], 1, 1)
    table.replied(0, public(2), NOW)
    assert numbers(table) == [5], "we are not in our own table"


def test_who_only_asks_waits() -> None:
    table = RoutingTable(0, NOW)
    assert table.queried(5, public(1), NOW)
    assert not table.queried(0, public(1), NOW)
    assert numbers(table) == []
    found = table.candidate()
    assert found is not None
    assert (found.number, found.queried) == (5, NOW)
    assert table.candidate() is None
    table.replied(5, public(1), NOW)
    assert not table.queried(5, public(1), NOW + 5)
    assert not table.queried(5, public(2), NOW + 9), "another address with its id"
    assert [contact.queried for contact in table] == [NOW + 5]


def test_who_is_told_waits_if_there_is_a_place() -> None:
    table = RoutingTable(0, NOW)
    assert table.heard(5, public(1))
    assert not table.heard(5, public(1)), "it waits already"
    table.replied(5, public(1), NOW)
    assert not table.heard(5, public(1))
    assert not table.heard(6, public(1)), "its host is in the table"
    for number in range(FIRST):
        table.replied(TOP + number, public(10 + number), NOW)
    assert not table.heard(TOP + FIRST, public(999))


def test_only_the_bucket_around_our_own_id_is_split() -> None:
    table = RoutingTable(0, NOW)
    for number in range(FIRST + K):
        table.replied(TOP + number, public(number), NOW)
    assert [len(bucket.contacts) for bucket in table.buckets] == [FIRST, 0]
    for number in range(FIRST):
        table.replied(TOP // 2 + number, public(1000 + number), NOW)
    assert [len(bucket.contacts) for bucket in table.buckets] == [FIRST, size_of(1), 0]
    assert all(common_bits(0, each.number) == 0 for each in table.buckets[0].contacts)
    assert len(table.buckets[0].replacements) == K


def test_ids_that_differ_in_the_last_bits_only() -> None:
    table = RoutingTable(0, NOW)
    for number in range(1, 300):
        table.replied(number, local(number), NOW)
    assert len(table.buckets) == 158
    assert numbers(table)[:15] == list(range(1, 16))
    assert [contact.number for contact in table.closest(3, 4, usable)] == [3, 2, 1, 7]


def test_waiting_nodes_move_with_a_split() -> None:
    table = RoutingTable(0, NOW)
    table.queried(TOP + FIRST, public(999), NOW)
    table.queried(99, public(998), NOW)
    for number in range(FIRST):
        table.replied(TOP + number, public(number), NOW)
    assert [list(bucket.replacements) for bucket in table.buckets] == [[TOP + FIRST], [99]]


@pytest.mark.parametrize("target", [0, 5, TOP, TOP + 7, TOP // 2, 2**160 - 1, 1 << 100])
def test_the_closest_are_told(target: int) -> None:
    chance = random.Random(target)
    table = RoutingTable(chance.getrandbits(160), NOW)
    for number in range(500):
        table.replied(chance.getrandbits(160), public(number), NOW)
    everyone = sorted(table, key=lambda contact: contact.number ^ target)
    assert table.closest(target, 8, usable) == everyone[:8]
    assert table.closest(target, 1000, usable) == everyone
    some = [contact for contact in everyone if contact.number % 3 == 0]
    assert table.closest(target, 8, lambda contact: contact.number % 3 == 0) == some[:8]


# -- sybils ------------------------------------------------------------------------------------------------------------


def test_a_host_has_one_place() -> None:
    table = RoutingTable(0, NOW)
    for number in range(1, 200):
        table.replied(number << 150, public(1, port=1000 + number), NOW)
    assert numbers(table) == [1 << 150]
    table = RoutingTable(0, NOW)
    for number in range(1, 200):
        table.replied(number << 150, place(f"2001:4860:1:1::{number:x}"), NOW)
    assert len(table) == 1


def test_a_network_has_one_place_in_a_bucket() -> None:
    table = RoutingTable(0, NOW)
    for number in range(200):
        table.replied(TOP + number, place(f"8.8.8.{number + 1}"), NOW)
    assert numbers(table) == [TOP]
    for number in range(200):
        table.replied(TOP + number, place(f"2001:4860:1:{number:x}::1"), NOW)
    assert len(table) == 2


def test_local_nodes_have_a_place_each() -> None:
    table = RoutingTable(0, NOW)
    for number in range(1, 6):
        table.replied(number, local(number), NOW)
    assert len(table) == 5


def test_a_thousand_addresses_of_ten_networks_fill_few_places() -> None:
    chance = random.Random(3)
    table = RoutingTable(chance.getrandbits(160), NOW)
    for number in range(30):
        table.replied(chance.getrandbits(160), public(1000 + number), NOW)
    before = numbers(table)
    for number in range(1000):
        table.replied(chance.getrandbits(160), place(f"8.8.{number % 10}.{1 + number // 10}"), NOW)
    assert set(before) <= set(numbers(table)), "good nodes stay"
    assert len(table) - len(before) <= 10 * len(table.buckets)


def test_an_id_cannot_be_taken_over() -> None:
    table = RoutingTable(0, NOW)
    table.replied(5, public(1), NOW)
    table.replied(5, public(2), NOW)
    assert [contact.place for contact in table] == [public(1)]
    table.failed(5, public(2), NOW)
    assert [contact.failures for contact in table] == [0], "another node failed"
    for _ in range(2):
        table.failed(5, public(1), NOW)
    table.replied(5, public(2), NOW)
    assert [contact.place for contact in table] == [public(2)], "the first was bad"


def test_a_bad_node_that_is_back_at_another_port() -> None:
    table = RoutingTable(0, NOW)
    table.replied(5, public(1), NOW)
    for _ in range(2):
        table.failed(5, public(1), NOW)
    table.replied(5, public(1, port=7), NOW)
    assert [contact.place for contact in table] == [public(1, port=7)]


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_bad_node_keeps_its_place_until_another_takes_it() -> None:
    table = RoutingTable(0, NOW)
    for number in range(FIRST):
        table.replied(TOP + number, public(number), NOW)
    table.failed(TOP, public(0), NOW)
    assert table.usable == FIRST
    table.failed(TOP, public(0), NOW)
    assert (len(table), table.usable) == (FIRST, FIRST - 1)
    table.replied(TOP, public(0), NOW)
    assert table.usable == FIRST, "it is back"
    for _ in range(2):
        table.failed(TOP, public(0), NOW)
    table.replied(TOP + FIRST, public(999), NOW)
    assert (len(table), table.usable) == (FIRST, FIRST)
    assert TOP not in numbers(table)


def test_a_bad_neighbour_is_replaced() -> None:
    table = RoutingTable(0, NOW)
    table.replied(TOP, place("8.8.8.8"), NOW)
    for _ in range(2):
        table.failed(TOP, place("8.8.8.8"), NOW)
    table.replied(TOP + 1, place("8.8.8.9"), NOW)
    assert numbers(table) == [TOP + 1]


def test_a_node_that_never_answers_again_is_forgotten() -> None:
    table = RoutingTable(0, NOW)
    table.replied(5, public(1), NOW)
    for count in range(FORGET):
        assert len(table) == 1, count
        table.failed(5, public(1), NOW)
    assert (len(table), table.usable) == (0, 0)
    table.failed(5, public(1), NOW)


def test_refused_hosts_are_forgotten() -> None:
    table = RoutingTable(0, NOW)
    for number in (1, 2):
        table.replied(number, public(number), NOW)
        table.queried(10 + number, public(10 + number), NOW)
    table.forget(lambda host: host in (public(1).address[0], public(11).address[0]))
    assert (numbers(table), table.usable) == ([2], 1)
    assert [number for bucket in table.buckets for number in bucket.replacements] == [12]


def test_a_node_with_a_new_id() -> None:
    table = RoutingTable(0, NOW)
    table.replied(5, public(1), NOW)
    table.replied(6, public(1), NOW)
    assert numbers(table) == [6], "the same address told another id"
    table.renamed(6, public(2))
    assert numbers(table) == [6]
    table.renamed(6, public(1))
    table.renamed(6, public(1))
    assert numbers(table) == []


# -- upkeep ------------------------------------------------------------------------------------------------------------


def test_the_stalest() -> None:
    table = RoutingTable(0, NOW)
    assert table.stalest() is None
    table.replied(5, public(1), NOW)
    table.replied(6, public(2), NOW + 1)
    table.replied(5, public(1), NOW + 2)
    stalest = table.stalest()
    assert stalest is not None
    assert stalest.number == 6


def test_refreshes() -> None:
    chance = random.Random(1)
    own = chance.getrandbits(160)
    table = RoutingTable(own, NOW)
    for number in range(200):
        table.replied(chance.getrandbits(160), public(number), NOW)
    assert table.refresh_target(NOW, chance) is None
    assert table.refresh_at == NOW + FIRST_REFRESH, "the last bucket has free places"
    targets = []
    while True:
        target = table.refresh_target(NOW + 900, chance)
        if target is None:
            break
        targets.append(target)
    last = len(table.buckets) - 1
    assert [min(common_bits(own, target), last) for target in targets] == list(range(last + 1))
    assert table.refresh_at > NOW + 900


def test_the_candidate_closest_to_us_comes_first() -> None:
    table = RoutingTable(0, NOW)
    for number in range(FIRST):
        table.replied(TOP + number, public(number), NOW)
    table.failed(TOP, public(0), NOW)
    table.failed(TOP, public(0), NOW)
    table.queried(TOP + FIRST, public(999), NOW)
    table.queried(99, public(998), NOW)
    found = [table.candidate(), table.candidate()]
    assert [each.number for each in found if each is not None] == [99, TOP + FIRST]


def test_another_own_id_keeps_the_nodes() -> None:
    chance = random.Random(1)
    table = RoutingTable(0, NOW)
    for number in range(300):
        table.replied(chance.getrandbits(160), public(number), NOW)
    kept = next(iter(table)).number
    moved = table.moved(kept, NOW + 5)
    assert moved.own == kept
    assert kept not in numbers(moved)
    assert set(numbers(moved)) < set(numbers(table))
    assert len(moved) >= K
