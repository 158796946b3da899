"""Super-seeding (BEP 16): an initial seed offers each peer a few pieces, and others when the offered ones have spread.

Peers that may ask for anything ask for much of it twice, and keep what they got while the seed is the faster source.
So a super-seed says that it has nothing, and *offers* a peer ``open_offers`` pieces, by HAVE.  An offer is closed, and
another piece offered, when the peer has said that it has the piece, and one of these holds: a second peer has it; there
is no other peer; or ``PATIENCE`` seconds have passed, each time half as many, down to ``LEAST_PATIENCE``, until a piece
of this peer spreads again.  So two peers that cannot reach each other get everything, only later.

Which piece is offered, of those that the peer lacks, each time a random one of:

1. what was never offered, and no peer has;
2. what no peer has, and is not on its way to another: the peer that was offered it has left, or does not fetch it
   (``STALE``, ``HELD``, ``IDLE``);
3. while there are pieces that no peer has: nothing;
4. the rarest ones, those first that are not on their way to another.

What peers say is not proved.  One that is silent keeps its few offers, and its pieces are offered to others soon.  One
that says that it has what it has not makes pieces look less rare than they are: they are offered later.

The state is that of the open offers, a few a peer.  A HAVE costs the same for any number of peers and pieces.  To offer
a piece takes a few operations with integers of one bit a piece.
"""

from __future__ import annotations

from typing import Dict, Generic, Hashable, List, Optional, Protocol, TypeVar

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import BLOCK

PATIENCE = 20.0
"""Seconds for which a piece that a peer has may be at no other, the first time; a piece of 4 MiB takes as long at 200
KB/s."""

LEAST_PATIENCE = 2.5
"""The same after several such pieces in a row."""

STALE = 30.0
"""Seconds after which a piece that was offered is not on its way any more, if the peer could ask for it, or is not
interested, and fetches nothing."""

HELD = 120.0
"""Seconds after which it is not in any case, and one more for each ``LEAST_RATE`` bytes of the piece."""

IDLE = 10.0
"""Seconds without a block to any peer after which no piece is on its way any more."""

LEAST_RATE = BLOCK // 2
"""Bytes a second of a peer that is one of several on a slow line."""

OPEN_BYTES = 16 * BLOCK
"""Bytes of the open offers of a peer, as one piece of 16 KiB at a time would last no longer than a round trip."""

LEAST_OFFERS = 2
"""Open offers of a peer at least: it asks for one while the other spreads."""


class Peer(Hashable, Protocol):
    """A peer that is offered pieces."""

    bits: Bitfield
    """What it has."""
    interested: bool
    choked: bool
    """We do not let it ask."""

    @property
    def uploaded(self) -> int:
        """Bytes of blocks that went to it."""


class Swarm(Protocol):
    """What the connected peers have."""

    @property
    def anywhere(self) -> int:
        """The pieces that at least one peer has, as an integer (``Bitfield.as_int``)."""

    def availability(self, index: int) -> int:
        """How many peers have the piece."""

    def rarest(self, pieces: int) -> int:
        """The rarest of these pieces."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 to ``stop`` - 1."""


P = TypeVar("P", bound=Peer)


class Offered(Generic[P]):
    """One piece that at least one peer was offered."""

    __slots__ = ("made_at", "moved_at", "open", "seen", "waiting")

    def __init__(self, seen: int) -> None:
        self.open = 0
        """Open offers of it."""
        self.made_at = 0.0
        """When the last of them was made."""
        self.moved_at = 0.0
        """When a peer that was offered it fetched something, or waited for us."""
        self.seen = seen
        """How many peers have said that they have it, those included that have left since the first offer."""
        self.waiting: Optional[P] = None
        """The peer that has it, until a second one has it too."""


class Offers:
    """The open offers of one peer."""

    __slots__ = ("had_since", "patience", "resting", "uploaded")

    def __init__(self) -> None:
        self.resting = False
        """There was no piece to offer since the last second."""
        self.had_since: Dict[int, Optional[float]] = {}
        """By piece, when the peer said that it has it; None before."""
        self.patience = PATIENCE
        self.uploaded = 0
        """Bytes that had gone to the peer a second ago."""


class SuperSeeding(Generic[P]):
    """The offers of one torrent.

    Args:
        size: Number of its pieces.
        piece_length: Bytes of each.
        swarm: What the peers have.
        random: The source of chance.
    """

    def __init__(self, *, size: int, piece_length: int, swarm: Swarm, random: Random) -> None:
        self.open_offers = max(LEAST_OFFERS, OPEN_BYTES // piece_length)
        """Most open offers of a peer."""
        self._held = HELD + piece_length / LEAST_RATE
        self._swarm = swarm
        self._random = random
        self._places = (size + 7) // 8 * 8
        self._all = self._never = Bitfield.filled(size).as_int()
        """The pieces that were never offered."""
        self._under_way = 0
        """Those that were offered, and of which the offer is not stale."""
        self._idle_since = 0.0
        """When a block last went to a peer, or the first peer came, or it was found idle."""
        self._peers: Dict[P, Offers] = {}
        self._pieces: Dict[int, Offered[P]] = {}

    def joined(self, peer: P, now: float) -> None:
        """A peer came; ``offer`` is to be called when it has said what it has."""
        if not self._peers:
            self._idle_since = now
        self._peers[peer] = Offers()

    def left(self, peer: P) -> None:
        """A peer has gone."""
        for index in list(self._peers[peer].had_since):
            self._close(peer, index)
        del self._peers[peer]

    def room(self, peer: P) -> bool:
        """Whether there may be something to ``offer``."""
        offers = self._peers[peer]
        return len(offers.had_since) < self.open_offers and not offers.resting

    def serves(self, peer: P, index: int) -> bool:
        """Whether the peer may ask for this piece."""
        return index in self._peers[peer].had_since

    def gained(self, peer: P, index: int, now: float) -> Optional[P]:
        """A peer has said that it has a piece that it had not before.

        Returns:
            The other peer that was waiting for that, if there is one: it may be offered another piece.
        """
        piece = self._pieces.get(index)
        if piece is None:
            return None
        piece.seen += 1
        waiting = piece.waiting
        if waiting is not None:
            self._peers[waiting].patience = PATIENCE
            self._close(waiting, index)
        had_since = self._peers[peer].had_since
        if index in had_since:
            if piece.seen > 1 or len(self._peers) == 1:
                self._close(peer, index)
            else:
                had_since[index] = now
                piece.waiting = peer
        return waiting

    def described(self, peer: P, before: Bitfield, now: float) -> List[P]:
        """A peer has said all that it has, where it had said ``before`` before; returns the peers as ``gained``."""
        new = [index for index in self._pieces if peer.bits[index] and not before[index]]
        waiting = [self.gained(peer, index, now) for index in new]
        return [each for each in waiting if each is not None]

    def offer(self, peer: P, now: float) -> List[int]:
        """Return the pieces that are offered to the peer from now on."""
        offers = self._peers[peer]
        had_since, made = offers.had_since, []
        while len(had_since) < self.open_offers:
            index = self._choose(peer)
            if index is None:
                offers.resting = True
                break
            bit = self._bit(index)
            self._never &= ~bit
            self._under_way |= bit
            piece = self._pieces.get(index)
            if piece is None:
                piece = self._pieces[index] = Offered(self._swarm.availability(index))
            piece.open += 1
            piece.made_at = piece.moved_at = now
            had_since[index] = None
            made.append(index)
        return made

    def tick(self, now: float) -> None:
        """Once a second: what has waited for too long waits no more."""
        for peer, offers in self._peers.items():
            moved = peer.uploaded != offers.uploaded
            if moved:
                offers.uploaded, self._idle_since = peer.uploaded, now
            if moved or (peer.choked and peer.interested):
                for index in offers.had_since:
                    self._pieces[index].moved_at = now
        for index, piece in self._pieces.items():
            if now - piece.moved_at >= STALE or now - piece.made_at >= self._held:
                self._under_way &= ~self._bit(index)
        if now - self._idle_since >= IDLE:
            self._under_way, self._idle_since = 0, now
        alone = len(self._peers) == 1
        for peer, offers in self._peers.items():
            offers.resting = False
            late = [
                index
                for index, since in offers.had_since.items()
                if since is not None and (alone or now - since >= offers.patience)
            ]
            if late and not alone:
                offers.patience = max(LEAST_PATIENCE, offers.patience / 2)
            for index in late:
                self._close(peer, index)

    def _choose(self, peer: P) -> Optional[int]:
        had_since = self._peers[peer].had_since
        lacked = self._all & ~peer.bits.as_int()
        for index in had_since:
            lacked &= ~self._bit(index)
        nowhere = self._all & ~self._swarm.anywhere
        if nowhere:
            nowhere &= lacked
            return self._draw(nowhere & self._never or nowhere & ~self._under_way)
        return self._draw(self._swarm.rarest(lacked & ~self._under_way or lacked))

    def _draw(self, pieces: int) -> Optional[int]:
        """Return a random one of these pieces; None if there is none."""
        if not pieces:
            return None
        # The first one behind a random place, as in ``picker``.
        bound = (2 << self._random.randrange(self._places)) - 1
        return self._places - (pieces & bound or pieces).bit_length()

    def _bit(self, index: int) -> int:
        return 1 << self._places - 1 - index

    def _close(self, peer: P, index: int) -> None:
        """Close an offer."""
        del self._peers[peer].had_since[index]
        piece = self._pieces[index]
        piece.open -= 1
        if piece.waiting is peer:
            piece.waiting = None
        if not piece.open:
            del self._pieces[index]
            self._under_way &= ~self._bit(index)
