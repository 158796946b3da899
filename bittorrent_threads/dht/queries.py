"""``Queries``: sends the queries of one address family."""

from __future__ import annotations

from typing import Any, Optional

from .krpc import Question
from .outbox import Outbox
from .place import Place
from .query_pace import QueryPace
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
        self._pace = QueryPace()
        self._transactions = transactions
        self._outbox = outbox

    def ready_at(self, place: Place, now: float) -> float:
        """Return when a query may be sent to an address, in monotonic seconds: not after ``now`` if it may be now."""
        if self._transactions.full:
            return self._transactions.next_timeout
        at = self._pace.ready_at(place.owner)
        return at if at > now or self._outbox.may_query(now) else self._outbox.may_query_at

    def send(
        self,
        question: Question,
        place: Place,
        number: Optional[int],
        *,
        asker: Asker,
        subject: Any,
        now: float,
        listed: bool = True,
    ) -> None:
        """Send a query, for which :meth:`ready_at` has come.

        Args:
            question: What to ask.
            place: The address of the node.
            number: The id of the node; None if it is not known.
            asker: Is told the outcome.
            subject: What the asker connects with the query.
            now: Monotonic seconds.
            listed: Whether the node may come into the routing table when it replies.
        """
        self._pace.count(place.owner, now)
        transaction = Transaction(place, number, asker, subject, sent=now, listed=listed)
        transaction_id = self._transactions.open(transaction)
        self._outbox.query(question.datagram(transaction_id, self.own, read_only=self.read_only), place.address)
