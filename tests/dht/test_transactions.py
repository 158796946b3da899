"""Open queries: answers count by id and address, and nothing waits for ever."""

from __future__ import annotations

import math
import random
from typing import Any

from support.dht_places import public

from bittorrent_threads.dht.place import Place
from bittorrent_threads.dht.transactions import MAX_OPEN, SLOW, TIMEOUT, Transaction, Transactions

NOW = 1000.0


class Asker:
    def on_reply(self, transaction: Transaction, reply: Any, now: float) -> None: ...

    def on_slow(self, transaction: Transaction, now: float) -> None: ...

    def on_failure(self, transaction: Transaction, now: float) -> None: ...


def sent(transactions: Transactions, where: Place, now: float = NOW) -> Transaction:
    transaction = Transaction(where, 5, Asker(), None, sent=now, listed=True)
    transactions.open(transaction)
    return transaction


def test_an_answer_needs_the_id_and_the_address() -> None:
    transactions = Transactions(random.Random(1))
    query = sent(transactions, public(1))
    assert transactions.close(b"????", public(1).address) is None
    assert transactions.close(query.id, public(2).address) is None
    assert transactions.close(query.id, public(1, port=7).address) is None
    assert transactions.close(query.id, public(1).address) is query
    assert transactions.close(query.id, public(1).address) is None, "once only"


def test_ids_are_different_and_cannot_be_guessed() -> None:
    transactions = Transactions(random.Random(1))
    ids = [sent(transactions, public(1)).id for _ in range(MAX_OPEN)]
    assert len({*ids}) == MAX_OPEN
    assert transactions.full
    guesses = random.Random(2)
    assert not any(
        transactions.close(guesses.getrandbits(32).to_bytes(4, "big"), public(1).address) for _ in range(10_000)
    )
    assert len(transactions) == MAX_OPEN


def test_an_id_that_is_in_use_is_not_given_again() -> None:
    class Repeating:
        """Draws the same ids again and again, and then a new one."""

        def __init__(self) -> None:
            self.left = [7, 7, 8]

        def getrandbits(self, k: int, /) -> int:
            number = self.left.pop(0).to_bytes(4, "big")
            return int.from_bytes(number * (k // 32), "big")

    transactions = Transactions(Repeating())
    assert sent(transactions, public(1)).id == b"\0\0\0\7"
    assert sent(transactions, public(1)).id == b"\0\0\0\x08"


def test_time() -> None:
    transactions = Transactions(random.Random(1))
    assert transactions.next_timeout == math.inf
    first, second = sent(transactions, public(1)), sent(transactions, public(2), NOW + 0.5)
    assert transactions.next_timeout == NOW + SLOW
    assert transactions.slow(NOW + SLOW) == [first]
    assert transactions.slow(NOW + SLOW) == []
    transactions.close(second.id, public(2).address)
    assert transactions.next_timeout == NOW + TIMEOUT, "what was answered is not slow"
    third = sent(transactions, public(3), NOW + 0.6)
    transactions.close(third.id, public(3).address)
    assert transactions.slow(NOW + 2) == []
    assert transactions.expired(NOW + TIMEOUT - 0.1) == []
    assert transactions.expired(NOW + TIMEOUT) == [first]
    assert len(transactions) == 0
    assert transactions.next_timeout == math.inf


def test_what_the_system_could_not_send() -> None:
    transactions = Transactions(random.Random(1))
    queries = [sent(transactions, public(1)), sent(transactions, public(2)), sent(transactions, public(1))]
    assert transactions.unsent(public(1).address) == [queries[0], queries[2]]
    assert len(transactions) == 1
