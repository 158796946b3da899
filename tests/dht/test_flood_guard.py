"""Hosts that send too much are ignored."""

from __future__ import annotations

from support.dht_places import local, place, public

from bittorrent_threads.dht.flood_guard import BLOCK_TIME, MAX_DATAGRAMS, MAX_HOSTS, WINDOW, FloodGuard

NOW = 1000.0


def test_a_flood_ends_in_five_minutes_of_silence() -> None:
    guard = FloodGuard()
    owner = public(1).owner
    admitted = [guard.admit(owner, NOW + number / 1000) for number in range(MAX_DATAGRAMS + 1)]
    assert admitted == [True] * MAX_DATAGRAMS + [False]
    assert guard.ignores(owner, NOW + 1)
    assert not guard.ignores(public(2).owner, NOW + 1)
    assert guard.blocked(NOW + 1) == 1
    assert guard.ignores(owner, NOW + BLOCK_TIME - 1)
    assert not guard.ignores(owner, NOW + BLOCK_TIME + 1)
    assert guard.admit(owner, NOW + BLOCK_TIME + 1)
    assert guard.blocked(NOW + BLOCK_TIME + 1) == 0


def test_five_a_second_are_fine_for_ever() -> None:
    guard = FloodGuard()
    assert all(guard.admit(public(1).owner, NOW + number * WINDOW / MAX_DATAGRAMS) for number in range(2000))


def test_all_addresses_of_a_host_count_together() -> None:
    guard = FloodGuard()
    owners = [place(f"2001:4860:1:1::{number:x}", 1000 + number).owner for number in range(1, MAX_DATAGRAMS + 2)]
    assert not all([guard.admit(owner, NOW) for owner in owners])
    assert guard.ignores(place("2001:4860:1:1::ffff").owner, NOW)


def test_a_local_host_may_have_many_nodes() -> None:
    guard = FloodGuard()
    assert all(guard.admit(local(1 + number).owner, NOW) for number in range(5 * MAX_DATAGRAMS))


def test_the_count_of_those_ignored() -> None:
    guard = FloodGuard()
    for number, start in ((1, NOW), (2, NOW + 100)):
        for _ in range(MAX_DATAGRAMS + 1):
            guard.admit(public(number).owner, start)
    assert guard.blocked(NOW + 100) == 2
    assert guard.blocked(NOW + BLOCK_TIME + 1) == 1


def test_forged_senders_take_bounded_memory() -> None:
    guard = FloodGuard()
    for number in range(3 * MAX_HOSTS):
        for _ in range(MAX_DATAGRAMS + 1 if number % 3 else 1):
            guard.admit(public(number).owner, NOW)
    assert len(guard._windows) <= MAX_HOSTS
    assert len(guard._blocked) <= MAX_HOSTS
    for number in range(2 * MAX_HOSTS):
        guard.admit(public(10_000 + number).owner, NOW)
    assert len(guard._windows) <= MAX_HOSTS
