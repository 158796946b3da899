"""``Outbox``: the datagrams that are to be sent, within the budget."""

from __future__ import annotations

from typing import Callable, List, Tuple

from ..protocol.addresses import Address
from .send_budget import SendBudget

Transmit = Callable[[bytes, Address], bool]


class Outbox:
    """What the node of a session sends, in both address families.

    Args:
        budget: Bounds the bytes.
        transmit: Sends a datagram while the next one is made; or returns False, and then :meth:`drain` returns it.
    """

    def __init__(self, budget: SendBudget, transmit: Transmit = lambda datagram, address: False) -> None:
        self._budget = budget
        self._transmit = transmit
        self.bytes_sent = 0
        self.answers = 0
        """Answers that were sent."""
        self.queries = 0
        """Queries that were sent."""
        self.refused = 0
        """Answers that the budget did not allow."""
        self._datagrams: List[Tuple[bytes, Address]] = []

    def may_answer(self, now: float) -> bool:
        """Return whether an answer may be sent; it is counted if not."""
        ready = self._budget.answer_ready(now)
        self.refused += not ready
        return ready

    def answer(self, datagram: bytes, address: Address) -> None:
        """Send an answer, after :meth:`may_answer`."""
        self.answers += 1
        self._add(datagram, address)

    def may_query(self, now: float) -> bool:
        """Return whether a query may be sent."""
        return self._budget.query_ready(now)

    @property
    def may_query_at(self) -> float:
        """When a query may be sent, in monotonic seconds."""
        return self._budget.query_ready_at

    def query(self, datagram: bytes, address: Address) -> None:
        """Send a query, after :meth:`may_query`."""
        self.queries += 1
        self._add(datagram, address)

    def drain(self) -> List[Tuple[bytes, Address]]:
        """Remove and return what is to be sent."""
        drained, self._datagrams = self._datagrams, []
        return drained

    def _add(self, datagram: bytes, address: Address) -> None:
        self._budget.take(len(datagram))
        self.bytes_sent += len(datagram)
        if not self._transmit(datagram, address):
            self._datagrams.append((datagram, address))
