"""``Upkeep``: keeps the routing table of one family true: pings, refreshes, and the id that our address may have.

The rule: a step sends at most one ping and begins at most one lookup.  There are two seconds between two steps, less
while nodes wait for a free place, and up to a minute when nothing is due.
"""

from __future__ import annotations

import math
from typing import Optional, Protocol

from .contact import Contact
from .node_id import Random, fits, id_for
from .place import place_of
from .routing_table import RoutingTable

STEP = 2.0
"""Seconds between two steps: the 400 nodes of a full table are all pinged in 15 minutes."""
SHORT_STEP = 0.25
"""Seconds between two steps while there are free places in the table, and nodes that may take them."""
LONGEST_STEP = 60.0
"""Seconds between two steps when nothing is due."""
CHECK_AFTER = 600.0
"""Seconds without a sign of life after which a node is pinged, so that it is good again before it is questionable."""
RETRY_AFTER = 3.0
"""Seconds after which a node that did not answer once is asked once more (BEP 5)."""
ID_LIFE = 600.0
"""Seconds for which an id is kept at least, however often others see us at a new address."""

ANY_HOST = {4: "0.0.0.0", 6: "::"}
"""Of each family a host with which ``OwnHost.seen_by`` is asked for ours."""


class OwnHost(Protocol):
    """Our own address as others see it."""

    def report(self, host: str, reporter: str) -> None:
        """Count what the host ``reporter`` says."""

    def seen_by(self, peer: str) -> str:
        """Return our host in the family of ``peer`` that enough others agree on; empty if it is not known."""


class Network(Protocol):
    """The node that is kept."""

    @property
    def table(self) -> RoutingTable:
        """Its routing table."""

    def ping(self, contact: Contact, now: float) -> bool:
        """Ask a node whether it is there; false if that has to wait."""

    def refresh(self, target: int, now: float) -> None:
        """Look up an id, unless such a lookup runs."""

    def change_id(self, number: int, host: str, now: float) -> None:
        """Take another id."""


class Upkeep:
    """The upkeep of one address family.

    Args:
        network: What is kept.
        own_host: Knows our address.
        random: Source of ids.
        any_host: A numeric host of the family.
        now: Monotonic seconds.
    """

    def __init__(self, network: Network, own_host: OwnHost, random: Random, any_host: str, now: float) -> None:
        self.next_timeout = now + STEP
        """When to call :meth:`advance`, in monotonic seconds."""
        self._network = network
        self._own_host = own_host
        self._random = random
        self._any_host = any_host
        self._id_until = now
        self._last = -math.inf
        """When the last step was."""

    def advance(self, now: float) -> None:
        """Do what is due."""
        if now < self.next_timeout:
            return
        self._last = now
        self._check_id(now)
        table = self._network.table
        target = table.refresh_target(now, self._random) if len(table) else None
        if target is not None:
            self._network.refresh(target, now)
        candidate = table.candidate()
        contact = candidate or self._due(now)
        if contact is not None and self._network.ping(contact, now):
            self.next_timeout = now + (STEP if candidate is None else SHORT_STEP)
        else:
            self.next_timeout = min(now + LONGEST_STEP, max(now + STEP, self._next_due()))

    def wake(self, now: float) -> None:
        """A node waits for a free place."""
        self.next_timeout = min(self.next_timeout, max(now, self._last + SHORT_STEP))

    def _due(self, now: float) -> Optional[Contact]:
        """The node of the table to ping: one that failed once, or one that was not heard of for long."""
        table = self._network.table
        for contact in table:
            if contact.failures and not contact.bad and now - contact.checked >= RETRY_AFTER:
                return contact
        stalest = table.stalest()
        return stalest if stalest is not None and now - stalest.checked >= CHECK_AFTER else None

    def _next_due(self) -> float:
        table = self._network.table
        stalest = table.stalest()
        return math.inf if stalest is None else min(table.refresh_at, stalest.checked + CHECK_AFTER)

    def _check_id(self, now: float) -> None:
        host = self._own_host.seen_by(self._any_host) if now >= self._id_until else ""
        place = place_of((host, 1)) if host else None
        if place is not None and not fits(self._network.table.own, place):
            self._id_until = now + ID_LIFE
            self._network.change_id(id_for(place, self._random), host, now)
