"""Which piece to open next: by priority, then rarest first (BEP 3 strategy) or in order.

The pieces that may be opened are the *queue*.  It and the sets of the peers are read by regions of the torrent, and
nearly every choice is made in one region.  It is the best choice in the whole torrent because of the *ranks*: a rank
has the missing pieces of one priority and about one availability, and the best rank is searched first.  A rank is made
when a search first gets to it, and is kept until the counts have changed; pieces that left the queue since stay in it.
A piece is searched in the regions of a rank, from a random place on, and in the next rank if no region has one.
"""

from __future__ import annotations

from itertools import chain
from operator import and_, xor
from typing import Callable, Dict, Iterable, List, Optional, Protocol, Sequence, Tuple

from ..metainfo.bitfield import REGION, Bitfield, place, regions
from .availability import Availability

RANDOM_FIRST = 4
"""Pieces chosen at random before rarest first begins, so that there is soon a whole piece to upload (BEP 3)."""

MAX_PRIORITY = 7

ON_DEMAND = -1
"""Priority of a piece that is wanted, but that ``pick`` does not choose: it is taken by its index (``take``)."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 to ``stop`` - 1."""


class Picker:
    """Chooses among the pieces that are wanted, missing and not open.

    Args:
        have: The pieces we have; its owner changes it, and tells ``passed`` and ``lost``.
        random: The source of chance.
        sequential: Whether pieces are chosen in order instead of rarest first.
    """

    def __init__(self, have: Bitfield, *, random: Random, sequential: bool = False) -> None:
        self.sequential = sequential
        self._random = random
        self._have = have
        self._size = len(have)
        self._places = len(bytes(have)) * 8
        self._availability = Availability(self._size)
        everything = Bitfield.filled(self._size)
        self._levels = [everything.as_int()]
        """The wanted pieces of each priority, the highest last."""
        self.wanted_bytes = bytes(everything)
        """Pieces with a priority above 0, packed as on the wire."""
        self.wanted_count = self._size
        """Number of these pieces."""
        self._missing = self._bitfield(self._levels[0] ^ have.as_int())
        """The wanted pieces that are missing."""
        self._queued = regions(self._missing.as_int(), self._size)
        self._on_demand: List[int] = []
        """The pieces of that priority by regions, if there are any."""
        self._ranks: List[List[int]] = []
        self._later: List[int] = []
        """Of each priority, the highest last, the missing pieces that are in no rank yet."""
        self._spent = 0
        """How many ranks, from the best on, have no queued piece."""
        self._any_order: Optional[bool] = None
        """Whether the ranks were made without regard to availability; None if they are to be made again."""

    # -- what we want and have -------------------------------------------------------------------------------------

    @property
    def missing(self) -> bool:
        """Whether a wanted piece is missing."""
        return self._missing.count != 0

    @property
    def missing_count(self) -> int:
        """Wanted pieces that are missing."""
        return self._missing.count

    @property
    def exhausted(self) -> bool:
        """Whether no piece is queued that ``pick`` may choose."""
        if self._on_demand:
            return not any([queued & ~demanded for queued, demanded in zip(self._queued, self._on_demand)])
        return not any(self._queued)

    def wants(self, index: int) -> bool:
        """Whether this piece is wanted and missing."""
        return self.missing and self._missing[index]

    def set_priorities(self, priorities: Sequence[int]) -> List[int]:
        """Set the priority of every piece; open pieces stay out of the queue.

        Args:
            priorities: One for each piece, 0 (not wanted) to 7 (first), or ``ON_DEMAND``.

        Returns:
            The missing pieces that are not wanted any more, ascending, so that the open ones can be closed.
        """
        levels: Dict[int, bytearray] = {}
        for index, priority in enumerate(priorities):
            if priority:
                level = levels.get(priority)
                if level is None:
                    level = levels[priority] = bytearray(self._places // 8)
                level[index >> 3] |= 0x80 >> (index & 7)
        on_demand = int.from_bytes(levels.pop(ON_DEMAND, b""), "big")
        self._on_demand = regions(on_demand, self._size) if on_demand else []
        self._levels = [int.from_bytes(levels[priority], "big") for priority in sorted(levels)]
        wanted, before = sum(self._levels, on_demand), self._missing.as_int()
        missing = wanted ^ (wanted & self._have.as_int())
        opened = map(xor, regions(before, self._size), self._queued)
        self._queued = [ours ^ (ours & taken) for ours, taken in zip(regions(missing, self._size), opened)]
        packed = self._bitfield(wanted)
        self.wanted_bytes, self.wanted_count = bytes(packed), packed.count
        self._missing = self._bitfield(missing)
        self._any_order, self._spent = None, 0
        return list(self._bitfield(before ^ (before & missing)).indexes())

    def queued(self, index: int) -> bool:
        """Whether this piece may be opened."""
        region, bit = place(index)
        return self._queued[region] & bit != 0

    def take(self, index: int) -> bool:
        """Take a certain piece out of the queue; returns whether it was there."""
        region, bit = place(index)
        if not self._queued[region] & bit:
            return False
        self._queued[region] ^= bit
        return True

    def passed(self, indexes: Sequence[int]) -> None:
        """Take the news that we have these pieces, each given once."""
        for region in {index // REGION for index in self._missing.remove(indexes)}:
            self._queued[region] &= self._missing.region(region)

    def lost(self, index: int) -> None:
        """Queue a piece that was open or that we had, if it is wanted and missing."""
        if self._have[index] or not self.wanted_bytes[index >> 3] & 0x80 >> (index & 7):
            return
        if self._missing.set(index):
            self._any_order = None
        region, bit = place(index)
        self._queued[region] |= bit
        self._spent = 0

    # -- what the peers have ---------------------------------------------------------------------------------------

    def joined(self, bits: Bitfield) -> None:
        """Count a peer with these pieces."""
        self._availability.joined(bits)

    def left(self, bits: Bitfield) -> None:
        """Count a peer with these pieces no more."""
        self._availability.left(bits)

    def gained(self, bits: Bitfield, index: int) -> None:
        """Count one piece more of a peer; ``bits`` has the new piece already."""
        self._availability.gained(bits, index)

    def retracted(self, bits: Bitfield, index: int) -> None:
        """Count one piece less of a peer; ``bits`` lacks the piece already."""
        self._availability.retracted(bits, index)

    def availability(self, index: int) -> int:
        """How many peers have the piece."""
        return self._availability.count(index)

    @property
    def anywhere(self) -> int:
        """The pieces that at least one peer has, as an integer (``Bitfield.as_int``)."""
        return self._availability.anywhere

    def rarest(self, pieces: int) -> int:
        """The rarest of these pieces, as an integer; up to a few HAVEs."""
        if self._availability.outdated:
            self._availability.renew()
            self._any_order = None  # the ranks were made by other counts
        return self._availability.rarest(pieces)

    def offered(self) -> bytes:
        """Return the pieces that at least one peer has, packed as on the wire."""
        return self.anywhere.to_bytes(self._places // 8, "big")

    def copies(self) -> float:
        """Return how many copies of the torrent the peers and we have together; see ``Availability.copies``."""
        return self._availability.copies(self._have)

    def interesting(self, bits: Bitfield) -> bool:
        """Whether a peer with these pieces has a wanted one that is missing."""
        return self.missing and (bits.full or self._missing.meets(bits))

    # -- choosing --------------------------------------------------------------------------------------------------

    def pick(self, bits: Bitfield, count: int, within: Optional[Iterable[int]] = None) -> List[int]:
        """Take pieces out of the queue.

        Args:
            bits: The pieces to choose from: those of a peer.
            count: How many to take at most.
            within: The only pieces to choose from, if not None (the allowed-fast pieces of a peer that chokes us,
                BEP 6).

        Returns:
            The pieces, best first.
        """
        any_order = self.sequential or self._have.count < RANDOM_FIRST
        if self._any_order is not any_order or (self._availability.outdated and not any_order):
            self._rank(any_order)
        picked: List[int] = []
        queued = self._queued
        if not any(queued):
            return picked
        theirs = bits.region if within is None else _common(bits, within)
        # The first piece behind a random place is random enough, and needs no counting; and neighbours are read and
        # written together.
        start = 0 if self.sequential else self._places - 1 - self._random.randrange(self._places)
        number = self._spent
        while number < len(self._ranks) or self._later:
            if number == len(self._ranks):
                self._ranks.append(self._next_rank())
            rank = self._ranks[number]
            picked += self._draw(rank, theirs, start=start, count=count - len(picked))
            if len(picked) == count:
                break
            # With 100,000 pieces these two save 14 us of a pick when a rank is empty, and 37 us when the queue has no
            # piece of the peer.
            if number == self._spent and not any(map(and_, queued, rank)):
                self._spent += 1
            elif not any(map(and_, queued, map(theirs, range(len(queued))))):
                break
            number += 1
        return picked

    def _draw(self, rank: List[int], theirs: Callable[[int], int], *, start: int, count: int) -> List[int]:
        """Take up to ``count`` pieces of one rank out of the queue, those behind ``start`` first."""
        drawn: List[int] = []
        queued = self._queued
        first, bit = place(start)
        for region in chain(range(first, len(rank)), range(first)):
            found = queued[region] & rank[region]
            if found:
                found &= theirs(region)
                while found:
                    row = found & (bit << 1) - 1 or found if region == first else found
                    found ^= row
                    pieces, rest = _leading(row, count - len(drawn), (region + 1) * REGION)
                    queued[region] ^= row ^ rest
                    drawn += pieces
                    if len(drawn) == count:
                        return drawn
        return drawn

    def _rank(self, any_order: bool) -> None:
        self._availability.renew()
        missing = self._missing.as_int()
        self._later = [level & missing for level in self._levels]
        self._ranks, self._spent, self._any_order = [], 0, any_order

    def _next_rank(self) -> List[int]:
        pieces = self._later.pop()
        rank = pieces if self._any_order else self._availability.rarest(pieces)
        if rank != pieces:
            self._later.append(pieces ^ rank)
        return regions(rank, self._size)

    def _bitfield(self, pieces: int) -> Bitfield:
        return Bitfield(self._size, pieces.to_bytes(self._places // 8, "big"))

    def check(self) -> None:
        """Assert the invariants; for tests."""
        missing, wanted = self._missing.as_int(), int.from_bytes(self.wanted_bytes, "big")
        assert missing & wanted == missing
        assert missing & self._have.as_int() == 0
        assert list(map(and_, self._queued, regions(missing, self._size))) == self._queued
        assert not any(any(map(and_, self._queued, rank)) for rank in self._ranks[: self._spent])
        self._availability.check()


def _leading(row: int, count: int, end: int) -> Tuple[List[int], int]:
    """Up to ``count`` pieces of a row, and the rest of it; ``end`` is the piece behind the row."""
    pieces: List[int] = []
    while row and len(pieces) < count:
        length = row.bit_length()
        first = 1 << length - 1
        if row & first >> 1:
            # Neighbours all at once: that takes 0.04 us each in a long run, where one by one took 0.3.
            run = min(length - (row ^ (first << 1) - 1).bit_length(), count - len(pieces))
            row ^= (1 << run) - 1 << length - run
            pieces += range(end - length, end - length + run)
        else:
            row ^= first
            pieces.append(end - length)
    return pieces, row


def _common(bits: Bitfield, indexes: Iterable[int]) -> Callable[[int], int]:
    """Of these pieces those that the peer has, by regions."""
    common: Dict[int, int] = {}
    for index in indexes:
        if bits[index]:
            region, bit = place(index)
            common[region] = common.get(region, 0) | bit
    return lambda region: common.get(region, 0)
