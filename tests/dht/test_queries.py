"""Sending queries: what is in them, and what has to wait."""

from __future__ import annotations

from support.dht_places import public
from support.dht_recorder import NOW, OWN, Line, Recorder

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.krpc import Question
from bittorrent_threads.dht.transactions import MAX_OPEN, TIMEOUT


def send(line: Line, number: int = 1, **changes: bool) -> None:
    line.queries.send(
        Question(krpc.PING, {}), public(number), number, asker=Recorder(), subject="s", now=NOW, **changes
    )


def test_a_query() -> None:
    line = Line()
    send(line)
    (asked,) = line.asked()
    assert (asked.query.method, asked.query.sender, asked.query.read_only) == (krpc.PING, OWN, False)
    transaction = asked.transaction
    assert (transaction.place, transaction.number, transaction.subject) == (public(1), 1, "s")
    assert (transaction.sent, transaction.listed) == (NOW, True)


def test_a_read_only_node_says_so() -> None:
    line = Line()
    line.queries.read_only = True
    send(line, listed=False)
    (asked,) = line.asked()
    assert asked.query.read_only
    assert not asked.transaction.listed


def test_a_host_is_asked_in_moderation() -> None:
    line = Line()
    while line.queries.ready_at(public(1), NOW) <= NOW:
        send(line)
    assert len(line.asked()) == 10
    assert NOW < line.queries.ready_at(public(1), NOW) < NOW + 1
    assert line.queries.ready_at(public(2), NOW) <= NOW


def test_the_budget_is_kept() -> None:
    line = Line(rate=1000)
    number = 0
    while line.queries.ready_at(public(number), NOW) <= NOW:
        send(line, number)
        number += 1
    assert line.outbox.bytes_sent <= 2000
    at = line.queries.ready_at(public(number), NOW)
    assert line.queries.ready_at(public(number), at) <= at


def test_so_many_queries_are_open() -> None:
    line = Line(rate=10**9)
    for number in range(MAX_OPEN):
        assert line.queries.ready_at(public(number), NOW) <= NOW
        send(line, number)
    assert line.transactions.full
    at = line.queries.ready_at(public(5000), NOW)
    assert NOW < at <= NOW + TIMEOUT
