"""``QueryPace``: how often one host is asked, so that it does not take us for an attacker.

libtorrent ignores a host that sends more than 50 datagrams in ten seconds, and in a small network every search of ours
asks the same hosts.
"""

from __future__ import annotations

from typing import Dict

from .place import Key

RATE = 4.0
"""Queries a second to one host."""
BURST = 10
"""Queries that may be sent to it at once after a silence."""
MAX_HOSTS = 1000
"""Hosts that are remembered; the one that was met longest ago is forgotten first."""


class QueryPace:
    """The pace of one address family."""

    def __init__(self) -> None:
        self._paid: Dict[Key, float] = {}
        """By host the time at which its silence will have made up for all queries."""

    def ready_at(self, owner: Key) -> float:
        """Return from when on a host may be asked, in monotonic seconds; ``owner`` is ``Place.owner``."""
        return self._paid.get(owner, 0.0) - (BURST - 1) / RATE

    def count(self, owner: Key, now: float) -> None:
        """Count a query to a host."""
        if len(self._paid) >= MAX_HOSTS and owner not in self._paid:
            del self._paid[next(iter(self._paid))]
        self._paid[owner] = max(now, self._paid.get(owner, 0.0)) + 1 / RATE
