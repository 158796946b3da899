"""Contacts: good, questionable and bad (BEP 5)."""

from __future__ import annotations

from support.dht_places import fitting, public

from bittorrent_threads.dht.contact import BAD, FRESH, Contact


def test_a_node_that_never_replied_is_not_good() -> None:
    contact = Contact(5, public(1))
    contact.queried = 1000.0
    assert not contact.good(1000.0)
    assert not contact.verified


def test_a_reply_makes_it_good_for_fifteen_minutes() -> None:
    contact = Contact(5, public(1))
    contact.replied = 1000.0
    assert contact.good(1000.0 + FRESH - 1)
    assert not contact.good(1000.0 + FRESH)
    contact.queried = 1000.0 + FRESH
    assert contact.good(1000.0 + FRESH), "it replied once, and queries us"


def test_failures_make_it_questionable_and_then_bad() -> None:
    contact = Contact(5, public(1))
    contact.replied = 1000.0
    contact.failures = 1
    assert not contact.good(1000.0)
    assert not contact.bad
    contact.failures = BAD
    assert contact.bad


def test_compact_node_info() -> None:
    contact = Contact(5, public(1, port=258))
    assert contact.compact == bytes(19) + b"\5" + public(1).packed + b"\1\2"
    assert not contact.fits
    assert Contact(fitting(public(1)), public(1)).fits
