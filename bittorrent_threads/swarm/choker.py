"""Which peers are unchoked (BEP 3): tit for tat while downloading, turns while seeding.

A slot is regular or the optimistic one.  While downloading, the regular slots go to the peers that upload to us
fastest, and a peer that snubbed us gets none.  While seeding no peer uploads to us, and slots for the fastest
downloaders would starve the others: so an unchoked peer has a turn of ``TURN`` seconds, and then gives its slot to a
waiting peer, the longest waiting first; if fewer peers wait than turns have ended, the fastest downloaders stay.  With
N interested peers and S regular slots each is unchoked after N / S turns at most.  The same order decides among peers
that upload nothing to us.

The optimistic slot goes to a random peer of the others, a different one every ``optimistic_interval``; new peers are
three times as likely (BEP 3).

``choose`` may be called at any time: between two choke intervals it only fills free slots, so that no peer is choked
and unchoked quickly (BEP 3: fibrillation).  A peer that loses its interest keeps its slot until another needs it,
because interest comes and goes with every piece.  A peer that says that it only uploads (BEP 21) gets none.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Generic, List, Optional, Protocol, Sequence, Set, Tuple, TypeVar

TURN = 60.0
"""Seconds that a peer is unchoked, while seeding, before a waiting one takes its slot; enough for several pieces."""

IDLE_TURN = 20.0
"""Seconds after which the turn of an unchoked peer that downloads nothing is over."""

NEWCOMER_WEIGHT = 3.0
"""How many times likelier a new connection is to become the optimistic unchoke (BEP 3)."""

ROUNDING = 0.001
"""Seconds: a call that comes so little before the end of an interval counts as at its end."""


class Peer(Protocol):
    """What the choice depends on; times are monotonic seconds, rates bytes a second."""

    @property
    def interested(self) -> bool:
        """Whether the peer is interested in our pieces."""

    @property
    def upload_only(self) -> bool:
        """Whether the peer says that it wants no piece (BEP 21)."""

    @property
    def choked(self) -> bool:
        """Whether we choke the peer."""

    @property
    def snubbed(self) -> bool:
        """Whether the peer unchoked us, and sends nothing of what was requested."""

    @property
    def download_rate(self) -> float:
        """What the peer uploads to us."""

    @property
    def upload_rate(self) -> float:
        """What we upload to the peer."""

    @property
    def connected_at(self) -> float:
        """When the handshake was complete."""

    @property
    def unchoked_at(self) -> Optional[float]:
        """When we last unchoked the peer; None if never."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """A number from 0 to below 1."""


P = TypeVar("P", bound=Peer)


class Choker(Generic[P]):
    """Gives the unchoke slots of one torrent to its peers.

    Args:
        slots: How many, the optimistic one included; at least 1.
        random: The source of chance.
        choke_interval: Seconds between two rankings of the peers.
        optimistic_interval: Seconds between two draws of the optimistic unchoke.
    """

    def __init__(
        self, *, slots: int, random: Random, choke_interval: float = 10.0, optimistic_interval: float = 30.0
    ) -> None:
        self.slots = slots
        """Slots, the optimistic one included; may be changed, from the next choice on."""
        self._choke_interval = choke_interval - ROUNDING
        self._optimistic_interval = optimistic_interval - ROUNDING
        self._random = random
        self._regular: List[P] = []
        self._optimistic: Optional[P] = None
        self._drawn_at = 0.0
        self._ranked_at: Optional[float] = None
        self._seeding = False

    def choose(self, peers: Sequence[P], *, seeding: bool, now: float) -> Set[P]:
        """Choose the peers to be unchoked from now on; all others are to be choked.

        Args:
            peers: The connected peers.
            seeding: Whether no wanted piece is missing.
            now: Monotonic seconds.
        """
        peers = [peer for peer in peers if not peer.upload_only]
        interested = [peer for peer in peers if peer.interested]
        if self._ranked_at is None or seeding != self._seeding or now - self._ranked_at >= self._choke_interval:
            self._ranked_at = now
            self._seeding = seeding
            self._regular = []
        else:
            present = set(interested)
            self._regular = [peer for peer in self._regular if peer in present][: self.slots - 1]
        self._fill_regular(interested, now)
        self._draw_optimistic(interested, now)
        chosen = set(self._regular)
        if self._optimistic is not None:
            chosen.add(self._optimistic)
        idle = [peer for peer in peers if not peer.choked and not peer.interested]
        chosen.update(idle[: self.slots - len(chosen)])
        return chosen

    def _fill_regular(self, interested: Sequence[P], now: float) -> None:
        held = set(self._regular)
        ranked = [peer for peer in interested if peer not in held and (self._seeding or not peer.snubbed)]
        ranked.sort(key=lambda peer: self._rank(peer, now))
        self._regular += ranked[: self.slots - 1 - len(held)]

    def _rank(self, peer: P, now: float) -> Tuple[float, int, float]:
        """Lower is better."""
        given = 0.0 if self._seeding else -peer.download_rate
        unchoked_at = peer.unchoked_at
        if peer.choked or unchoked_at is None:
            # A new peer counts as choked since it connected.
            return given, 2, peer.connected_at - TURN if unchoked_at is None else unchoked_at
        served = now - unchoked_at
        if served >= TURN or (served >= IDLE_TURN and peer.upload_rate <= 0.0):
            return given, 3, -peer.upload_rate
        # The optimistic unchoke has a turn of its own, and must not end the turn of a regular one.
        return given, 1 if peer is self._optimistic else 0, 0.0

    def _draw_optimistic(self, interested: Sequence[P], now: float) -> None:
        held = set(self._regular)
        rest = [peer for peer in interested if peer not in held]
        if self._optimistic in rest:
            if len(rest) == 1 or now - self._drawn_at < self._optimistic_interval:
                return
            rest.remove(self._optimistic)
        self._optimistic = None
        if not rest:
            return
        weights = [NEWCOMER_WEIGHT if now - peer.connected_at <= self._optimistic_interval else 1.0 for peer in rest]
        ends = list(accumulate(weights))
        self._optimistic = rest[bisect_right(ends, self._random.random() * ends[-1], 0, len(ends) - 1)]
        self._drawn_at = now
