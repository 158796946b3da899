"""``Transactions``: the queries that we sent and that are not answered yet.

The rule: an answer counts only if it has the id of a query and comes from the address to which the query went.  The ids
are random, so an answer cannot be forged without seeing the query.  A query is ``slow`` after a second, when its place
in a lookup is given to another node, and ends after five.
"""

from __future__ import annotations

import collections
import math
from typing import Any, Deque, Dict, List, Optional, Protocol

from ..protocol.addresses import Address
from .krpc import Reply
from .node_id import Random
from .place import Place

SLOW = 1.0
"""Seconds after which an answer is late."""
TIMEOUT = 5.0
"""Seconds after which none is awaited."""
MAX_OPEN = 512
"""Queries of one address family that wait for an answer."""
ID_SIZE = 4
"""Bytes of a transaction id: an attacker needs 2**32 answers to hit one of them."""
DRAWN = 32
"""Ids that are drawn at once: the random bits of a real node come from the system, by a call."""


class Asker(Protocol):
    """What sent a query."""

    def on_reply(self, transaction: Transaction, reply: Reply, now: float) -> None:
        """Handle the answer, which has the id that the node was asked as."""

    def on_slow(self, transaction: Transaction, now: float) -> None:
        """Handle that the answer is late; it may still come."""

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """Handle that no answer will come, or that the node refused or lied."""


class Transaction:
    """One query.

    Attributes:
        place: Where it went.
        number: The id of the node; None if it is not known.
        asker: What sent it.
        subject: Whatever the asker connects with it.
        sent: When it was sent.
        listed: Whether the node may come into the routing table when it replies.
    """

    __slots__ = ("asker", "id", "listed", "number", "place", "sent", "subject")

    def __init__(
        self, place: Place, number: Optional[int], asker: Asker, subject: Any, *, sent: float, listed: bool
    ) -> None:
        self.id = b""
        self.place = place
        self.number = number
        self.asker = asker
        self.subject = subject
        self.sent = sent
        self.listed = listed


class Transactions:
    """The open queries of one address family.

    Args:
        random: Source of the ids.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._open: Dict[bytes, Transaction] = {}
        """By id, the first that was sent first."""
        self._punctual: Deque[Transaction] = collections.deque()
        """Those that are not slow yet, and some that are answered."""
        self._ids: List[bytes] = []
        """Ids that were drawn and not used."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether no more queries may be sent now."""
        return len(self._open) >= MAX_OPEN

    def open(self, transaction: Transaction) -> bytes:
        """Add a query that is being sent; return its new id."""
        while not transaction.id or transaction.id in self._open:
            if not self._ids:
                drawn = self._random.getrandbits(8 * ID_SIZE * DRAWN).to_bytes(ID_SIZE * DRAWN, "big")
                self._ids = [drawn[at : at + ID_SIZE] for at in range(0, len(drawn), ID_SIZE)]
            transaction.id = self._ids.pop()
        self._open[transaction.id] = transaction
        self._punctual.append(transaction)
        return transaction.id

    def close(self, transaction_id: bytes, sender: Address) -> Optional[Transaction]:
        """Remove and return the query of an answer; None if there is none with this id to this address."""
        found = self._open.get(transaction_id)
        if found is None or found.place.address != sender:
            return None
        return self._open.pop(transaction_id)

    def unsent(self, address: Address) -> List[Transaction]:
        """Remove and return the queries to an address that the system cannot reach."""
        found = [each for each in self._open.values() if each.place.address == address]
        for each in found:
            del self._open[each.id]
        return found

    def slow(self, now: float) -> List[Transaction]:
        """Return the queries whose answer is late since the last call."""
        found = []
        while self._punctual and self._punctual[0].sent + SLOW <= now:
            transaction = self._punctual.popleft()
            if transaction.id in self._open:
                found.append(transaction)
        return found

    def expired(self, now: float) -> List[Transaction]:
        """Remove and return the queries that nobody will answer any more."""
        found = []
        for transaction in self._open.values():
            if transaction.sent + TIMEOUT > now:
                break
            found.append(transaction)
        for transaction in found:
            del self._open[transaction.id]
        return found

    @property
    def next_timeout(self) -> float:
        """When a query becomes slow or expires, in monotonic seconds; infinite if none is open."""
        while self._punctual and self._punctual[0].id not in self._open:
            self._punctual.popleft()
        slow = self._punctual[0].sent + SLOW if self._punctual else math.inf
        first = next(iter(self._open.values()), None)
        return slow if first is None else min(slow, first.sent + TIMEOUT)
