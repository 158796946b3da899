"""Which address makes room when the list of peers is full: each source of addresses has a share of it.

A source that fills its share takes nothing from the others, however many addresses it tells, and what it told first is
not pushed out by what it tells last: a flood of addresses replaces only addresses that were tried in vain.

The rule that is not obvious: shares are not reserved.  A source may fill the whole list while no other wants the room;
the source with most addresses for its share is the one that gives way then.
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
"""Failures from which on no difference is made."""


class SourceShares:
    """The addresses that may be forgotten: those that are idle, by source and by what came of dialling them."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Source, 0)
        self._idle = {source: _Idle() for source in WEIGHTS}

    def listed(self, source: Source) -> None:
        """One address more of this source."""
        self._counts[source] += 1

    def forgotten(self, source: Source) -> None:
        """One less; it is not idle."""
        self._counts[source] -= 1

    def idle(self, address: Address, source: Source, *, failures: int, tried: bool) -> None:
        """The address is neither being dialled nor connected; ``tried``: it was once."""
        if source in self._idle:
            self._idle[source].tier(failures, tried=tried)[address] = None

    def busy(self, address: Address, source: Source, *, failures: int, tried: bool) -> None:
        """It is idle no more; the arguments are those that ``idle`` was told."""
        if source in self._idle:
            self._idle[source].tier(failures, tried=tried).pop(address, None)

    def yielding(self, source: Source) -> Optional[Address]:
        """The address to forget for a new one of ``source``; None if the new one is the one to go."""
        counts = dict(self._counts)
        counts[source] += 1
        for greediest in sorted(WEIGHTS, key=lambda each: counts[each] / WEIGHTS[each], reverse=True):
            idle = self._idle[greediest]
            if idle.failed is not None:
                return idle.failed
            if greediest is source:
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
        """Where such an address is."""
        if failures:
            return self._failing[min(failures, WORST) - 1]
        return self._proven if tried else self._untried

    @property
    def failed(self) -> Optional[Address]:
        """That with most failures, the longest idle of those."""
        return next((next(iter(tier)) for tier in reversed(self._failing) if tier), None)

    @property
    def last(self) -> Optional[Address]:
        """The newest that was never tried, else the longest idle of those that were."""
        return next(reversed(self._untried), None) or next(iter(self._proven), None)
