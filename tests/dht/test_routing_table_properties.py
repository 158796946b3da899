"""What always holds of a routing table, whatever nodes do."""

from __future__ import annotations

from typing import List, Tuple

from hypothesis import given
from hypothesis import strategies as st
from support.dht_places import place

from bittorrent_threads.dht.bucket import K
from bittorrent_threads.dht.node_id import common_bits
from bittorrent_threads.dht.routing_table import RoutingTable, size_of

OWN = 0x5A << 152
ACTIONS = ("replied", "replied", "replied", "queried", "heard", "failed", "renamed", "candidate", "moved")

# Few ids and hosts, so that they meet again; some ids close to ours, some local hosts.
identities = st.one_of(
    st.integers(0, 60).map(lambda number: number << 154), st.integers(0, 30).map(lambda number: OWN ^ number)
)
hosts = st.one_of(
    st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda pair: f"8.8.{pair[0]}.{pair[1]}"),
    st.integers(1, 200).map(lambda number: f"9.{number}.0.1"),
    st.just("10.0.0.1"),
)
steps = st.lists(st.tuples(st.sampled_from(ACTIONS), identities, hosts, st.integers(1, 3)), max_size=150)


@given(steps, st.lists(st.one_of(identities, st.integers(0, (1 << 160) - 1)), max_size=3))
def test_invariants(history: List[Tuple[str, int, str, int]], targets: List[int]) -> None:
    table = RoutingTable(OWN, 1000.0)
    replied = set()
    for at, (action, number, host, port) in enumerate(history):
        where, now = place(host, port), 1000.0 + at
        if action == "replied":
            replied.add((number, where))
            table.replied(number, where, now)
        elif action == "queried":
            table.queried(number, where, now)
        elif action == "heard":
            table.heard(number, where)
        elif action == "failed":
            table.failed(number, where, now)
        elif action == "renamed":
            table.renamed(number, where)
        elif action == "candidate":
            table.candidate()
        elif number:
            table = table.moved(table.own ^ 1 << 159, now)
    check(table)
    for target in (OWN, *targets):
        for count in (1, 3, 2 * K):
            usable = [contact for contact in table if not contact.failures]
            expected = sorted(usable, key=lambda contact: contact.number ^ target)[:count]
            assert table.closest(target, count, lambda contact: not contact.failures) == expected
    assert {(contact.number, contact.place) for contact in table} <= replied


def check(table: RoutingTable) -> None:
    contacts = [contact for bucket in table.buckets for contact in bucket.contacts]
    assert sorted(each.number for each in contacts) == sorted(each.number for each in table)
    assert len({each.number for each in contacts}) == len(contacts) == len(table)
    assert len({each.place.owner for each in contacts}) == len(contacts), "a host twice"
    assert table.usable == sum(not each.bad for each in contacts)
    last = len(table.buckets) - 1
    assert not table.buckets[last].full
    for depth, bucket in enumerate(table.buckets):
        assert len(bucket.contacts) <= size_of(depth)
        assert len(bucket.replacements) <= K
        members = [*bucket.contacts, *bucket.replacements.values()]
        assert all(min(common_bits(table.own, each.number), last) == depth for each in members)
        assert table.own not in [each.number for each in members]
        for group in (bucket.contacts, list(bucket.replacements.values())):
            assert len({each.place.network for each in group}) == len(group), "a network twice"
