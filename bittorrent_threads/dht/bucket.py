"""``Bucket``: the nodes of one part of the id space, and others that may replace them (BEP 5).

The rule: a bucket has at most one node of a network, and a good node is never replaced.  Nodes with an id that their
address may not have (BEP 42) are replaced by nodes that keep the rule.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from .contact import FRESH, Contact

K = 8
"""Nodes of most buckets, nodes that an answer tells, and nodes that store the peers of an infohash (BEP 5)."""
FIRST_REFRESH = 60.0
"""Seconds after which a bucket with free places is refreshed for the first time; doubled with each time.

In a small network it can never be filled, in a large one it must be soon after the start.
"""


class Bucket:
    """One bucket.

    Args:
        now: Monotonic seconds.
        size: Nodes that it can have.
    """

    def __init__(self, now: float, size: int = K) -> None:
        self.size = size
        self.contacts: List[Contact] = []
        self.replacements: Dict[int, Contact] = {}
        """By id nodes that may take a free place when they have replied; at most ``K``, the oldest first."""
        self.changed = now
        """When a node last replied, came or was replaced."""
        self.refreshed = now
        """When a lookup was last begun for it."""
        self._pause = FIRST_REFRESH

    @property
    def full(self) -> bool:
        """Whether it has no free place."""
        return len(self.contacts) >= self.size

    @property
    def refresh_at(self) -> float:
        """When a lookup should find more nodes for it: 15 minutes without a change; sooner if it has free places."""
        return max(self.changed, self.refreshed) + FRESH if self.full else self.refreshed + self._pause

    def refresh(self, now: float) -> None:
        """Count a lookup that begins."""
        self.refreshed = now
        self._pause = min(2 * self._pause, FRESH)

    def neighbour(self, contact: Contact) -> Optional[Contact]:
        """Return the node of the same network, if there is one."""
        network = contact.place.network
        return next((other for other in self.contacts if other.place.network == network), None)

    def victim(self, contact: Contact) -> Optional[Contact]:
        """Return the node that a verified one may replace; None if there is none."""
        worst = max(self.contacts, key=lambda other: other.failures)
        if worst.bad:
            return worst
        if contact.fits:
            return next((other for other in self.contacts if not other.fits), None)
        return None

    def keep(self, contact: Contact) -> None:
        """Remember a node as a replacement.

        A node that never replied may have a forged address, so it takes no place of a node that did.
        """
        network = contact.place.network
        same = [other for other in self.replacements.values() if other.place.network == network]
        if not same and len(self.replacements) >= K:
            same = [other for other in self.replacements.values() if not other.verified][:1]
            if not same and contact.verified:
                same = [next(iter(self.replacements.values()))]
            if not same:
                return
        if any(other.verified and not contact.verified for other in same):
            return
        for other in same:
            del self.replacements[other.number]
        self.replacements[contact.number] = contact

    def candidate(self) -> Optional[Contact]:
        """Remove and return a replacement that could come in if it replies; verified and recent ones first."""
        ordered = [contact for contact in self.replacements.values() if not self.full or self.victim(contact)]
        if not ordered:
            return None
        chosen = next((contact for contact in reversed(ordered) if contact.verified), ordered[-1])
        return self.replacements.pop(chosen.number)
