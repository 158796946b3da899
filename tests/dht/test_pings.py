"""Pings of addresses that somebody named: few in a second, and a short queue."""

from __future__ import annotations

import math

from support.dht_places import public
from support.dht_recorder import NOW, Line

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.pings import MAX_WAITING, PAUSE, Pings


def test_addresses_are_asked_one_after_the_other() -> None:
    line = Line()
    pings = Pings(line.queries)
    assert pings.next_timeout == math.inf
    for number in (1, 2, 1):
        pings.add(None, public(number))
    assert len(pings) == 2
    pings.advance(NOW)
    pings.advance(NOW)
    (asked,) = line.asked()
    assert (asked.query.method, asked.place, asked.transaction.listed) == (krpc.PING, public(1), True)
    assert pings.next_timeout == NOW + PAUSE
    pings.advance(NOW + PAUSE)
    (other,) = line.asked()
    assert other.place == public(2)
    assert pings.next_timeout == math.inf
    asked.answer({})
    asked.slow()
    asked.fail()
    assert line.asked() == []


def test_a_flood_of_addresses_waits_in_a_short_queue() -> None:
    line = Line()
    pings = Pings(line.queries)
    for number in range(5 * MAX_WAITING):
        pings.add(None, public(number))
    assert len(pings) == MAX_WAITING
    for tick in range(100):
        pings.advance(NOW + tick / 10)
    assert len(line.asked()) <= 1 + 10 / PAUSE


def test_what_may_not_be_sent_waits() -> None:
    line = Line(rate=1000)
    pings = Pings(line.queries)
    while line.queries.ready_at(public(1), NOW) <= NOW:
        line.outbox.query(bytes(100), public(1).address)
    line.outbox.drain()
    assert not pings.send(5, public(1), NOW)
    pings.add(5, public(1))
    pings.advance(NOW)
    assert line.asked() == []
    assert len(pings) == 1
    pings.advance(NOW + 5)
    assert [each.transaction.number for each in line.asked()] == [5]
