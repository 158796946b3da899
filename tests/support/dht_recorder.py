"""What parts of a DHT node are given in tests: real queries and an outbox, and recorders of what comes of them."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Tuple

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.krpc import Query, Reply
from bittorrent_threads.dht.outbox import Outbox
from bittorrent_threads.dht.place import Place
from bittorrent_threads.dht.queries import Queries
from bittorrent_threads.dht.send_budget import SendBudget
from bittorrent_threads.dht.transactions import Transaction, Transactions

NOW = 1000.0
OWN = 0x77 << 152


class Asked:
    """One query that was sent."""

    def __init__(self, query: Query, transaction: Transaction) -> None:
        self.query = query
        self.transaction = transaction

    @property
    def place(self) -> Place:
        return self.transaction.place

    def answer(self, values: Dict[bytes, Any], now: float = NOW) -> None:
        """Hand the asker a reply of the node that was asked."""
        number = self.transaction.number or 99
        reply = Reply(self.transaction.id, number, "", {b"id": bytes(20), **values})
        self.transaction.asker.on_reply(self.transaction, reply, now)

    def slow(self, now: float = NOW) -> None:
        self.transaction.asker.on_slow(self.transaction, now)

    def fail(self, now: float = NOW) -> None:
        self.transaction.asker.on_failure(self.transaction, now)


class Line:
    """Sends queries into a list."""

    def __init__(self, rate: int = 1_000_000) -> None:
        self.transactions = Transactions(random.Random(1))
        self.outbox = Outbox(SendBudget(rate, NOW))
        self.queries = Queries(self.transactions, self.outbox, OWN)

    def asked(self) -> List[Asked]:
        """The queries since the last call."""
        found = []
        for datagram, address in self.outbox.drain():
            query = krpc.parse(datagram)
            assert isinstance(query, Query)
            transaction = self.transactions.close(query.transaction, address)
            assert transaction is not None
            found.append(Asked(query, transaction))
        return found


class Recorder:
    """An asker that records what it is told."""

    def __init__(self) -> None:
        self.told: List[Tuple[str, Transaction]] = []

    def on_reply(self, transaction: Transaction, reply: Reply, now: float) -> None:
        self.told.append(("reply", transaction))

    def on_slow(self, transaction: Transaction, now: float) -> None:
        self.told.append(("slow", transaction))

    def on_failure(self, transaction: Transaction, now: float) -> None:
        self.told.append(("failure", transaction))
