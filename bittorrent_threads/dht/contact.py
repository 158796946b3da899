"""``Contact``: a node in the routing table, and whether it is good, questionable or bad (BEP 5).

A node is good if it replied to us in the last 15 minutes, or replied once and queried us in the last 15 minutes; bad if
it left two queries in a row unanswered; otherwise questionable.
"""

from __future__ import annotations

import math

from .node_id import fits, pack
from .place import Place

FRESH = 900.0
"""Seconds after a sign of life in which a node is good."""
BAD = 2
"""Queries in a row without an answer."""


class Contact:
    """One node.

    Attributes:
        number: Its id.
        place: Its address.
        compact: Id and address in compact node info (BEP 5).
        fits: Whether its address may have its id (BEP 42).
        replied: When it last replied to us; minus infinity if it never did.
        queried: When it last queried us.
        checked: When we last saw that it replies or does not.
        failures: Our queries since its last reply that it left unanswered.
    """

    __slots__ = ("checked", "compact", "failures", "fits", "number", "place", "queried", "replied")

    def __init__(self, number: int, place: Place) -> None:
        self.number = number
        self.place = place
        self.compact = pack(number) + place.compact
        self.fits = fits(number, place)
        self.replied = -math.inf
        self.queried = -math.inf
        self.checked = -math.inf
        self.failures = 0

    @property
    def bad(self) -> bool:
        """Whether it left so many queries unanswered that another node may have its place."""
        return self.failures >= BAD

    @property
    def verified(self) -> bool:
        """Whether it ever replied to us."""
        return self.replied > -math.inf

    def good(self, now: float) -> bool:
        """Whether it is known to answer."""
        if self.failures:
            return False
        return now - self.replied < FRESH or (self.verified and now - self.queried < FRESH)
