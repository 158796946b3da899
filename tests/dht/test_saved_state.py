"""The saved state: what is kept, and that damaged state does no harm."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dht_places import place, public

from bittorrent_threads.dht.routing_table import RoutingTable
from bittorrent_threads.dht.saved_state import MAX_NODES, load, save
from bittorrent_threads.metainfo import bencode

NOW = 1000.0
PLAIN = st.recursive(
    st.none() | st.integers() | st.text(max_size=60) | st.just("aa" * 26) | st.floats() | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["version", "ipv4", "ipv6", "id", "nodes"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def table() -> RoutingTable:
    found = RoutingTable(5, NOW)
    found.replied(6, public(1), NOW)
    found.replied(7, public(2), NOW + 1)
    found.replied(8, public(3), NOW)
    for _ in range(2):
        found.failed(8, public(3), NOW)
    return found


def test_ids_and_nodes_come_back() -> None:
    six = RoutingTable(9, NOW)
    six.replied(6, place("2001:4860::1"), NOW)
    state = json.loads(json.dumps(save({4: table(), 6: six})))
    assert bencode.encode(state)
    loaded = load(state, 4)
    assert loaded.number == 5
    assert loaded.nodes == [(7, public(2)), (6, public(1))], "the last that replied first, none that is bad"
    assert load(state, 6) == (9, [(6, place("2001:4860::1"))])


def test_its_size_has_a_bound() -> None:
    chance = random.Random(1)
    found = RoutingTable(0, NOW)
    for depth in range(150):
        for number in range(8):
            identity = 1 << (159 - depth) | chance.getrandbits(max(1, 159 - depth)) >> 1
            found.replied(identity, public(10 * depth + number), NOW)
    assert len(found) > MAX_NODES
    state = save({4: found, 6: found})
    assert len(state["ipv4"]["nodes"]) == MAX_NODES
    assert len(json.dumps(state)) < 40_000
    state["ipv4"]["nodes"] *= 9
    assert len(load(state, 4).nodes) == MAX_NODES


NODE = "aa" * 20 + "08080808" + "1ae1"


@pytest.mark.parametrize(
    ("state", "number", "nodes"),
    [
        *((None, None, 0), ({}, None, 0), ([], None, 0), ({"version": 2, "ipv4": {"id": "aa" * 20}}, None, 0)),
        ({"version": 1}, None, 0),
        ({"version": 1, "ipv4": []}, None, 0),
        ({"version": 1, "ipv4": {"id": "aa", "nodes": NODE}}, None, 0),
        ({"version": 1, "ipv4": {"id": "zz" * 20, "nodes": [NODE, 5, "zz", "aa"]}}, None, 1),
        ({"version": 1, "ipv4": {"id": "aa" * 20, "nodes": [NODE[:-4] + "0000"]}}, int("aa" * 20, 16), 0),
        ({"version": 1, "ipv4": {"nodes": ["aa" * 20 + "e0000001" + "1ae1"]}}, None, 0),
    ],
)
def test_damaged_state(state: Any, number: Any, nodes: int) -> None:
    loaded = load(state, 4)
    assert loaded.number == number
    assert len(loaded.nodes) == nodes


def test_an_ipv4_address_in_ipv6_form_is_no_node_of_ipv6() -> None:
    entry = "aa" * 20 + "00" * 10 + "ffff" + "08080808" + "1ae1"
    assert load({"version": 1, "ipv6": {"nodes": [entry]}}, 6).nodes == []


@given(PLAIN)
def test_anything_may_be_loaded(state: object) -> None:
    for family in (4, 6):
        loaded = load(state, family)
        assert len(loaded.nodes) <= MAX_NODES
