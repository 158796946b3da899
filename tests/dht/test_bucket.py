"""Buckets: which node may replace which, and which wait."""

from __future__ import annotations

from typing import List

from support.dht_places import fitting, public

from bittorrent_threads.dht.bucket import FIRST_REFRESH, Bucket, K
from bittorrent_threads.dht.contact import FRESH, Contact


def contact(number: int, *, fits: bool = True, verified: bool = False) -> Contact:
    where = public(number)
    found = Contact(fitting(where) + (0 if fits else 1), where)
    found.replied = 1000.0 if verified else found.replied
    return found


def bucket(contacts: List[Contact]) -> Bucket:
    found = Bucket(1000.0)
    found.contacts = contacts
    return found


def full(**changes: bool) -> Bucket:
    return bucket([contact(number, verified=True, **changes) for number in range(K)])


def test_only_a_bad_node_is_replaced() -> None:
    one = full()
    assert one.victim(contact(99)) is None
    one.contacts[3].failures = 1
    assert one.victim(contact(99)) is None
    one.contacts[3].failures = 2
    one.contacts[5].failures = 3
    assert one.victim(contact(99)) is one.contacts[5]


def test_a_node_that_breaks_bep_42_makes_room_for_one_that_keeps_it() -> None:
    one = full(fits=False)
    assert one.victim(contact(99)) is one.contacts[0]
    assert one.victim(contact(99, fits=False)) is None


def test_a_network_has_one_node() -> None:
    one = bucket([contact(1)])
    assert one.neighbour(contact(1)) is one.contacts[0]
    assert one.neighbour(contact(2)) is None


def test_replacements_are_few_and_the_newest() -> None:
    one = full()
    waiting = [contact(number) for number in range(100, 120)]
    for each in waiting:
        one.keep(each)
    assert list(one.replacements.values()) == waiting[-K:]


def test_a_forged_address_takes_no_place_of_a_node_that_replied() -> None:
    one = full()
    waiting = [contact(number, verified=True) for number in range(100, 100 + K)]
    for each in waiting:
        one.keep(each)
    for number in range(200, 300):
        one.keep(contact(number))
    assert list(one.replacements.values()) == waiting
    newest = contact(300, verified=True)
    one.keep(newest)
    assert list(one.replacements.values()) == [*waiting[1:], newest]


def test_a_network_has_one_replacement() -> None:
    one = full()
    for number in range(100):
        one.keep(Contact(number, public(500, port=1000 + number)))
    assert [each.number for each in one.replacements.values()] == [99]
    replied = Contact(100, public(500))
    replied.replied = 1000.0
    one.keep(replied)
    one.keep(Contact(101, public(500)))
    assert list(one.replacements.values()) == [replied]


def test_a_candidate_is_taken_when_there_is_a_place() -> None:
    one = full()
    assert one.candidate() is None
    one.keep(contact(100))
    assert one.candidate() is None, "all are good"
    one.contacts[0].failures = 2
    found = one.candidate()
    assert found is not None
    assert found.place == public(100)
    assert one.replacements == {}


def test_verified_candidates_come_first_and_then_the_newest() -> None:
    one = bucket([])
    for each in (contact(100), contact(101, verified=True), contact(102)):
        one.keep(each)
    order = [one.candidate() for _ in range(3)]
    assert [each.place for each in order if each is not None] == [public(101), public(102), public(100)]


def test_a_bucket_with_free_places_is_refreshed_sooner() -> None:
    one = bucket([])
    assert one.refresh_at == 1000.0 + FIRST_REFRESH
    one.refresh(1100.0)
    assert one.refresh_at == 1100.0 + 2 * FIRST_REFRESH
    for _ in range(10):
        one.refresh(1100.0)
    assert one.refresh_at == 1100.0 + FRESH
    one = full()
    assert one.refresh_at == 1000.0 + FRESH
    one.changed = 1500.0
    assert one.refresh_at == 1500.0 + FRESH
