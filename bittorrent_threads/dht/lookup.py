"""``Lookup``: the order in which the nodes closest to an id are found, without sending anything (Kademlia, BEP 5).

The nodes that are known are sorted by their distance.  The closest are asked, five at a time; each tells others.  The
lookup has converged when the eight closest nodes that answer have answered.

The rules against nodes that lie:

- A node whose address may not have its id (BEP 42) is asked, but is none of the eight.
- Of a network one node takes part, unless it fails.
- Of a node that told three more nodes that fail than nodes that answer, the others are not asked.
- The number of queries is limited.
"""

from __future__ import annotations

import bisect
import enum
from typing import Dict, Iterable, List, Optional, Set, Tuple

from .bucket import K
from .node_id import fits
from .place import Key, Place

CONCURRENCY = 5
"""Queries whose answers are awaited at once: alpha in Kademlia; libtorrent has as many."""
MAX_QUERIES = 128
"""Queries of one lookup: the mainline DHT, of millions of nodes, takes some 40."""
MAX_CANDIDATES = 200
"""Nodes that are remembered, the closest."""
MAX_LIES = 3
"""How many more of the nodes that a node told may fail than answer."""

_UNKNOWN = -1
"""Distance of a node whose id is not known: it is asked first."""


class Progress(enum.Enum):
    """What became of a candidate."""

    FRESH = "not asked yet"
    ASKED = "asked"
    SLOW = "the answer is late"
    REPLIED = "replied"
    FAILED = "did not reply"


_FRESH, _ASKED, _REPLIED = Progress.FRESH, Progress.ASKED, Progress.REPLIED  # looked up a hundred times for each reply


class Candidate:
    """A node that may be close to the target.

    Attributes:
        number: Its id; None if it is not known.
        place: Its address.
        referrer: The node that told it; None for a node of our own table.
        steps: How many nodes were asked to find it, one after the other, and itself.
        distance: Of its id from the target.
        fits: Whether its address may have its id (BEP 42).
        token: For an announce; empty if it gave none.
        lies: How many more of the nodes that it told failed than replied.
    """

    __slots__ = ("distance", "fits", "lies", "number", "place", "progress", "referrer", "steps", "token")

    def __init__(self, number: Optional[int], place: Place, target: int, referrer: Optional[Candidate]) -> None:
        self.number = number
        self.place = place
        self.referrer = referrer
        self.steps: int = referrer.steps + 1 if referrer is not None else 1
        self.distance = number ^ target if number is not None else _UNKNOWN
        self.fits = number is not None and fits(number, place)
        self.progress = Progress.FRESH
        self.token = b""
        self.lies = 0

    @property
    def doubtful(self) -> bool:
        """Whether the node that told it lies too often."""
        return self.referrer is not None and self.referrer.lies >= MAX_LIES


class Lookup:
    """One lookup.

    Args:
        target: The id that is looked for.
        own: Our own id, which is no candidate.
    """

    def __init__(self, target: int, own: int) -> None:
        self.target = target
        self.queries = 0
        """Nodes that were asked."""
        self.replies = 0
        """Nodes that replied."""
        self.steps = 0
        """The longest chain of nodes that replied, each told by the one before it."""
        self.entries: Set[bytes] = set()
        """Candidates in compact node info, of which being told again means nothing: most nodes of an answer are."""
        self._own = own
        self._sorted: List[Tuple[int, int, Candidate]] = []
        """By distance; the second number keeps candidates of the same distance apart."""
        self._added = 0
        self._holders: Dict[Key, Candidate] = {}
        """The candidate of each network."""
        self._numbers: Dict[int, Candidate] = {}
        """The candidate of each id."""
        self._asked = 0
        """Candidates that are ``ASKED``."""
        self._slow = 0
        """Candidates that are ``SLOW``."""

    # -- what becomes known --------------------------------------------------------------------------------------------

    def add(self, nodes: Iterable[Tuple[Optional[int], Place]], referrer: Optional[Candidate] = None) -> None:
        """Take nodes as candidates.

        Args:
            nodes: Id, or None if it is not known, and address.
            referrer: The candidate that told them.
        """
        numbers, holders = self._numbers, self._holders
        for number, place in nodes:
            known = numbers.get(number) if number is not None else None
            if known is not None and (known.place.address == place.address or _keeps(known, place)):
                continue
            holder = holders.get(place.network)
            if number == self._own or (holder is not None and _keeps(holder, place)):
                continue
            candidate = holders[place.network] = Candidate(number, place, self.target, referrer)
            if number is not None:
                numbers[number] = candidate
            bisect.insort(self._sorted, (candidate.distance, self._added, candidate))
            self._added += 1
        while len(self._sorted) > MAX_CANDIDATES:
            self._forget_farthest()

    def has(self, number: int, place: Place) -> bool:
        """Whether a node with this id and address is a candidate."""
        known = self._numbers.get(number)
        return known is not None and known.place.address == place.address

    def replied(self, candidate: Candidate, token: bytes = b"") -> None:
        """A candidate has replied; ``token`` is for an announce, empty if it sent none."""
        _blame(candidate, -1 if candidate.progress is _ASKED else -2)
        self._leave(candidate, _REPLIED)
        candidate.token = token
        self.replies += 1
        if candidate.steps > self.steps:
            self.steps = candidate.steps

    def slow(self, candidate: Candidate) -> None:
        """The answer of a candidate is late: another is asked in its place, and for now it counts as a lie."""
        _blame(candidate, 1)
        self._leave(candidate, Progress.SLOW)
        self._slow += 1

    def failed(self, candidate: Candidate) -> None:
        """A candidate will not answer, or told a wrong id."""
        _blame(candidate, 0 if candidate.progress is Progress.SLOW else 1)
        self._leave(candidate, Progress.FAILED)

    # -- what to do ----------------------------------------------------------------------------------------------------

    def next(self) -> Optional[Candidate]:
        """Return the candidate to ask now; None if answers must come first, or the lookup has converged."""
        if self._asked >= CONCURRENCY or self.queries >= MAX_QUERIES:
            return None
        needed = K
        for _, _, candidate in self._sorted:
            progress = candidate.progress
            if progress is _FRESH:
                if not candidate.doubtful:
                    return candidate
            elif (progress is _REPLIED or progress is _ASKED) and candidate.fits:
                needed -= 1
                if not needed:
                    return None
        return None

    def asked(self, candidate: Candidate) -> None:
        """A query was sent to a candidate."""
        candidate.progress = _ASKED
        self._asked += 1
        self.queries += 1

    @property
    def converged(self) -> bool:
        """Whether the closest nodes have replied, or nothing is left to ask.

        Late answers are not awaited if eight nodes have replied.
        """
        if self._asked or self.next() is not None:
            return False
        return not self._slow or len(self._replied(fitting=True)) >= K

    def closest(self) -> List[Candidate]:
        """Return at most eight nodes that replied, the closest first.

        Nodes that break BEP 42 are among them only if fewer than eight others replied.
        """
        found = self._replied(fitting=True)[:K]
        return found + self._replied(fitting=False)[: K - len(found)]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _replied(self, *, fitting: bool) -> List[Candidate]:
        replied = [each for _, _, each in self._sorted if each.progress is Progress.REPLIED and each.number is not None]
        return [each for each in replied if each.fits is fitting]

    def _leave(self, candidate: Candidate, progress: Progress) -> None:
        if candidate.progress is _ASKED:
            self._asked -= 1
        else:
            self._slow -= 1
        candidate.progress = progress

    def _forget_farthest(self) -> None:
        # Fewer nodes are asked than remembered, so there is one that was not.
        at = max(at for at, (_, _, each) in enumerate(self._sorted) if each.progress is Progress.FRESH)
        candidate = self._sorted.pop(at)[2]
        # Only failed candidates have lost their network and their id to others.
        del self._holders[candidate.place.network]
        if candidate.number is not None:
            del self._numbers[candidate.number]


def _keeps(holder: Candidate, place: Place) -> bool:
    """Whether a candidate keeps its network or its id from a node: it has not failed, or has the same address."""
    return holder.progress is not Progress.FAILED or holder.place == place


def _blame(candidate: Candidate, lies: int) -> None:
    """Add to the lies of the node that told a candidate."""
    if candidate.referrer is not None:
        candidate.referrer.lies += lies
