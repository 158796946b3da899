"""The pace at which one host is asked: below what other clients take for an attack."""

from __future__ import annotations

from support.dht_places import public

from bittorrent_threads.dht.flood_guard import FloodGuard
from bittorrent_threads.dht.query_pace import BURST, MAX_HOSTS, QueryPace

NOW = 1000.0


def test_a_burst_and_then_four_a_second() -> None:
    pace = QueryPace()
    owner = public(1).owner
    for _ in range(BURST):
        assert pace.ready_at(owner) <= NOW
        pace.count(owner, NOW)
    assert pace.ready_at(owner) == NOW + 0.25
    assert pace.ready_at(public(2).owner) <= NOW


def test_the_flood_guard_of_another_node_never_minds() -> None:
    pace, guard = QueryPace(), FloodGuard()
    owner, now = public(1).owner, NOW
    for _ in range(500):
        now = max(now, pace.ready_at(owner))
        pace.count(owner, now)
        assert guard.admit(owner, now)


def test_few_hosts_are_remembered() -> None:
    pace = QueryPace()
    for number in range(2 * MAX_HOSTS):
        pace.count(public(number).owner, NOW)
    assert len(pace._paid) == MAX_HOSTS
    pace.count(public(2 * MAX_HOSTS - 1).owner, NOW)
    assert len(pace._paid) == MAX_HOSTS
