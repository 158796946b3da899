"""``Queries``: sends the queries of one address family."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

from . import krpc
from .outbox import Outbox
from .place import Place
from .transactions import Asker, Transaction, Transactions


class Queries:
    """Encodes and counts queries.

    Args:
        transactions: The open queries of the family.
        outbox: Takes the datagrams.
        own: Our own id in the family.
    """

    def __init__(self, transactions: Transactions, outbox: Outbox, own: int) -> None:
        self.own = own
        self.read_only = False
        """We answer no queries, and say so (BEP 43)."""
        self._transactions = transactions
        self._outbox = outbox

    def ready(self, now: float) -> bool:
        """Return whether a query may be sent now."""
        return not self._transactions.full and self._outbox.may_query(now)

    @property
    def ready_at(self) -> float:
        """When the budget allows a query, in monotonic seconds; infinite if answers must come or time out first."""
        return math.inf if self._transactions.full else self._outbox.may_query_at

    def send(
        self,
        method: bytes,
        arguments: Dict[bytes, Any],
        place: Place,
        number: Optional[int],
        *,
        asker: Asker,
        subject: Any,
        now: float,
        listed: bool = True,
    ) -> None:
        """Send a query, for which :meth:`ready` is true.

        Args:
            method: What to ask.
            arguments: Its arguments but our id.
            place: The address of the node.
            number: The id of the node; None if it is not known.
            asker: Is told the outcome.
            subject: What the asker connects with the query.
            now: Monotonic seconds.
            listed: Whether the node may come into the routing table when it replies.
        """
        transaction = Transaction(place, number, asker, subject, sent=now, listed=listed)
        transaction_id = self._transactions.open(transaction)
        datagram = krpc.query(method, transaction_id, self.own, arguments, read_only=self.read_only)
        self._outbox.query(datagram, place.address)
