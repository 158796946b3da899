"""``Joining``: finds the first nodes: by a lookup of our own id, from saved nodes or bootstrap nodes (BEP 5).

The rule: while fewer than eight nodes answer, ``NodesNeeded`` asks for addresses to begin with, at longer and longer
intervals, so an offline machine does nothing in between.
"""

from __future__ import annotations

import math
from typing import Callable, Iterable, List, Optional, Protocol, Tuple

from .bucket import K
from .place import Place

FIRST_PAUSE = 15.0
"""Seconds from one ``NodesNeeded`` to the next; doubled with each."""
LONGEST_PAUSE = 900.0
"""Seconds that this pause does not exceed."""

Seed = Tuple[Optional[int], Place]


class Network(Protocol):
    """The node that joins."""

    @property
    def usable(self) -> int:
        """Nodes in its table that are not bad."""

    def find_self(self, seeds: Iterable[Seed], on_end: Callable[[float], None], now: float) -> None:
        """Look up its own id, beginning with the nodes of the table and ``seeds``."""

    def need_nodes(self) -> None:
        """Ask for addresses."""

    def joined(self) -> None:
        """The first lookup ended with nodes in the table."""


class Joining:
    """The joining of one address family.

    Args:
        network: What joins.
        saved: Nodes of an earlier run.
        now: Monotonic seconds.
    """

    def __init__(self, network: Network, saved: Iterable[Seed], now: float) -> None:
        self.done = False
        """A lookup of our own id has found nodes."""
        self.hope_until = now + FIRST_PAUSE
        """Until when it may be done in a moment, in monotonic seconds: at the start, addresses are being resolved."""
        self._network = network
        self._seeds: List[Seed] = list(saved)
        self._running = False
        self._pause = FIRST_PAUSE
        self._next = now

    @property
    def next_timeout(self) -> float:
        """When to call :meth:`advance`, in monotonic seconds."""
        return math.inf if self._running or self._network.usable >= K else self._next

    def bootstrap(self, seeds: Iterable[Seed], now: float) -> None:
        """Begin with nodes whose addresses were asked for; ignored while there are enough nodes."""
        if self._network.usable < K:
            self._seeds += seeds
            self.advance(now)

    def advance(self, now: float) -> None:
        """Begin a lookup if there are nodes to begin with; ask for some if there are too few and it is time to."""
        if self._running:
            return
        if self._seeds or (not self.done and self._network.usable):
            self._running = True
            seeds, self._seeds = self._seeds, []
            self._network.find_self(seeds, self._on_end, now)
        elif now >= self._next and self._network.usable < K:
            self._next = now + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._network.need_nodes()

    def _on_end(self, now: float) -> None:
        self._running = False
        found = self._network.usable > 0
        if found and not self.done:
            self._network.joined()
            self._next = max(self._next, now + FIRST_PAUSE)
        self.done = found
        self.advance(now)
