"""``Pings``: asks addresses that somebody named whether there is a node.

The rule: addresses come from peers and torrents, so they wait in a short queue, and few are asked in a second.
"""

from __future__ import annotations

import math
from typing import Dict, Optional, Tuple

from ..protocol.addresses import Address
from .krpc import PING, Question, Reply
from .place import Place
from .queries import Queries
from .transactions import Transaction

MAX_WAITING = 256
"""Addresses that wait; more are ignored."""
PAUSE = 0.25
"""Seconds between two of them."""


class Pings:
    """The pings of one address family.

    Args:
        queries: Sends them.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._question = Question(PING, {})
        self._waiting: Dict[Address, Tuple[Optional[int], Place]] = {}
        self._next = -math.inf

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, number: Optional[int], place: Place) -> None:
        """Ping a node soon.

        Args:
            number: Its id; None if it is not known.
            place: Its address.
        """
        if len(self._waiting) < MAX_WAITING:
            self._waiting.setdefault(place.address, (number, place))

    def advance(self, now: float) -> None:
        """Send what is due."""
        if self._waiting and now >= self._next:
            number, place = self._waiting.pop(next(iter(self._waiting)))
            self._next = now + PAUSE
            if not self.send(number, place, now):
                self.add(number, place)

    @property
    def next_timeout(self) -> float:
        """When to call :meth:`advance`, in monotonic seconds; infinite if nothing waits."""
        return self._next if self._waiting else math.inf

    def send(self, number: Optional[int], place: Place, now: float) -> bool:
        """Ping a node now; the routing table learns by itself whether it answers.

        Returns:
            False if nothing may be sent now.
        """
        if self._queries.ready_at(place, now) > now:
            return False
        self._queries.send(self._question, place, number, asker=self, subject=None, now=now)
        return True

    # -- called with the outcome of a ping -----------------------------------------------------------------------------

    def on_reply(self, transaction: Transaction, reply: Reply, now: float) -> None:
        """Nothing is left to do."""

    def on_slow(self, transaction: Transaction, now: float) -> None:
        """Nothing waits for the answer."""

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """Nothing is left to do."""
