"""Which address is removed when the list of peers is full: each source of addresses has a share of it.

A source that fills its share takes nothing from the others, however many addresses it tells, and its first addresses
are not replaced by its last: a flood of addresses replaces only addresses whose dials failed.

Shares are not reserved.  A source may fill the whole list until others need room; then addresses are removed of the
source with most addresses for its share.
"""

from __future__ import annotations

import enum
from typing import Dict, List, Optional

from ..protocol.addresses import Address


class Source(enum.IntEnum):
    """How an address became known; an address that several sources name counts for the lowest number."""

    USER = 0
    TRACKER = 1
    INCOMING = 2
    """The peer itself, which dialled us and told its listening port."""
    LSD = 3
    """Local service discovery: a multicast in the local network (BEP 14)."""
    RESUME = 4
    """The resume data of an earlier run."""
    PEX = 5
    """Peer exchange with a connected peer (BEP 11)."""
    DHT = 6
    """The distributed hash table (BEP 5)."""


PRIVATE_SOURCES = frozenset({Source.USER, Source.TRACKER, Source.INCOMING})
"""Sources that a private torrent accepts (BEP 27); the tracker alone decides which peers are in the swarm.

A peer that dials us has our address from that tracker, and the user may name a peer on purpose.
"""

WEIGHTS = {Source.TRACKER: 4, Source.INCOMING: 1, Source.LSD: 1, Source.RESUME: 2, Source.PEX: 2, Source.DHT: 2}
"""Shares of a full list of peers; addresses that the user names are in no share and never give way.

A tracker sees all peers of the swarm.  Resume data, peer exchange and the DHT name other peers, but an attacker can
fill them.  An incoming or local peer names only itself.
"""

WORST = 5
"""Failures from which on addresses count as equally bad."""


class SourceShares:
    """The addresses that may be removed: those that are idle, by source and by the outcome of their dials."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Source, 0)
        self._idle = {source: _Idle() for source in WEIGHTS}

    @property
    def counts(self) -> Dict[Source, int]:
        """How many addresses are listed of each source that has some."""
        return {source: count for source, count in self._counts.items() if count}

    def listed(self, source: Source) -> None:
        """Count one address more of this source."""
        self._counts[source] += 1

    def forgotten(self, source: Source) -> None:
        """Count one address less of this source; it is not idle."""
        self._counts[source] -= 1

    def idle(self, address: Address, source: Source, *, failures: int, tried: bool) -> None:
        """Add an address that is neither being dialled nor connected.

        Args:
            address: The address.
            source: How it became known.
            failures: How many dials or short connections failed in a row.
            tried: Whether it was ever dialled or connected.
        """
        if source in self._idle:
            self._idle[source].tier(failures, tried=tried)[address] = None

    def busy(self, address: Address, source: Source, *, failures: int, tried: bool) -> None:
        """Take out an address that is not idle any more; the arguments are those of ``idle``."""
        if source in self._idle:
            self._idle[source].tier(failures, tried=tried).pop(address, None)

    def replaceable(self, source: Source) -> Optional[Address]:
        """The address to be removed for a new one of ``source``; None if the new one is not to be listed."""
        counts = dict(self._counts)
        counts[source] += 1
        for largest in sorted(WEIGHTS, key=lambda each: counts[each] / WEIGHTS[each], reverse=True):
            idle = self._idle[largest]
            if idle.failed is not None:
                return idle.failed
            if largest is source:
                return None
            if idle.last is not None:
                return idle.last
        return None


class _Idle:
    """Idle addresses of one source, each tier in the order in which they became idle."""

    def __init__(self) -> None:
        self._failing: List[Dict[Address, None]] = [{} for _ in range(WORST)]
        self._untried: Dict[Address, None] = {}
        self._proven: Dict[Address, None] = {}

    def tier(self, failures: int, *, tried: bool) -> Dict[Address, None]:
        """The tier of an address."""
        if failures:
            return self._failing[min(failures, WORST) - 1]
        return self._proven if tried else self._untried

    @property
    def failed(self) -> Optional[Address]:
        """The address with most failures, the longest idle of those."""
        return next((next(iter(tier)) for tier in reversed(self._failing) if tier), None)

    @property
    def last(self) -> Optional[Address]:
        """The newest address that was never tried, else the longest idle of those that were."""
        return next(reversed(self._untried), None) or next(iter(self._proven), None)
