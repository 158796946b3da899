"""The outbox: what is sent, counted, within the budget."""

from __future__ import annotations

from typing import List

from bittorrent_threads.dht.outbox import Outbox
from bittorrent_threads.dht.send_budget import SendBudget
from bittorrent_threads.protocol.addresses import Address

NOW = 1000.0


def test_what_is_sent_and_counted() -> None:
    outbox = Outbox(SendBudget(8000, NOW))
    assert outbox.may_answer(NOW)
    outbox.answer(b"answer", ("1.2.3.4", 5))
    assert outbox.may_query(NOW)
    outbox.query(b"query", ("1.2.3.5", 6))
    assert outbox.drain() == [(b"answer", ("1.2.3.4", 5)), (b"query", ("1.2.3.5", 6))]
    assert outbox.drain() == []
    assert (outbox.answers, outbox.queries, outbox.refused, outbox.bytes_sent) == (1, 1, 0, 11)


def test_what_is_transmitted_at_once_is_counted_and_does_not_wait() -> None:
    left: List[bytes] = []

    def transmit(datagram: bytes, address: Address) -> bool:
        left.append(datagram)
        return address != ("1.2.3.5", 6)

    outbox = Outbox(SendBudget(8000, NOW), transmit)
    outbox.answer(b"answer", ("1.2.3.4", 5))
    outbox.query(b"query", ("1.2.3.5", 6))
    assert left == [b"answer", b"query"]
    assert outbox.drain() == [(b"query", ("1.2.3.5", 6))]
    assert (outbox.answers, outbox.queries, outbox.bytes_sent) == (1, 1, 11)


def test_answers_that_are_not_allowed_are_counted() -> None:
    outbox = Outbox(SendBudget(1000, NOW))
    for _ in range(100):
        if outbox.may_answer(NOW):
            outbox.answer(bytes(500), ("1.2.3.4", 5))
    assert outbox.answers + outbox.refused == 100
    assert outbox.bytes_sent <= 1000
    while outbox.may_query(NOW):
        outbox.query(bytes(100), ("1.2.3.4", 5))
    assert outbox.may_query_at > NOW
