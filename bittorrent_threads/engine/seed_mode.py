"""Whether a seed super-seeds (BEP 16), and how its peers are told: carries out what ``swarm.super_seeding`` decides.

Peers that connect meanwhile are *veiled*: they are told that we have nothing, and then of the pieces that they are
offered.  They may ask for these only; other requests are rejected.  It begins when every piece is there and the user
asks for it, with new connections, as a peer forgets nothing.  It ends when the user asks for that, when a piece is
lost, and for good when a peer says that it has every piece, as there are two seeds then; the veiled peers are told of
everything.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Optional, Protocol, Sequence

from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import Layout
from ..protocol import messages
from ..swarm import message_quota
from ..swarm.picker import Picker
from ..swarm.super_seeding import SuperSeeding
from .flow_control import FlowControl
from .uploader import Pieces, Uploader

SILENCE = 1.0
"""Seconds from the begin of a connection after which a peer that has not said what it has counts as one that has
nothing: without the fast extension it need not say so."""


class Peer(Protocol):
    """A connection that exchanges pieces."""

    bits: Bitfield
    veiled: bool
    described: bool
    """It has said what it has."""
    upload_only: bool
    connected_at: float
    flow: FlowControl
    uploader: Uploader

    def send(self, message: bytes) -> None:
        """Queue messages."""

    def close(self, reason: str, *, useful: bool = True) -> None:
        """End the connection."""


class Exchange(Iterable[Any], Protocol):
    """The peers that exchange pieces."""

    def touch(self, peer: Any) -> None:
        """Settle this peer at the end of the pass."""

    def unveil(self, peers: Sequence[Any]) -> None:
        """Tell these peers of all that we have."""


class Listener(Protocol):
    """The content of the torrent."""

    def on_seed_mode(self, *, cut_off: bool) -> None:
        """Super-seeding has begun or ended; ``cut_off`` if connections were closed for it."""


class SeedMode:
    """The seeding of one torrent.

    Args:
        layout: Its pieces.
        have: Those that are there.
        picker: Which of them the peers have.
        exchange: The peers.
        pieces: The pieces that peers may ask for who know all that we have.
        random: The source of chance.
        now: Monotonic seconds.
        listener: Is told of begin and end.
        asked: Whether the user wants to super-seed.
    """

    def __init__(
        self,
        layout: Layout,
        have: Bitfield,
        picker: Picker,
        exchange: Exchange,
        pieces: Pieces,
        *,
        random: Any,
        now: Callable[[], float],
        listener: Listener,
        asked: bool,
    ) -> None:
        self.asked = asked
        """The user wants to super-seed, and no other seed was met."""
        self._layout = layout
        self._have = have
        self._picker = picker
        self._exchange = exchange
        self._pieces = pieces
        self._random = random
        self._now = now
        self._listener = listener
        self._policy: Optional[SuperSeeding[Any]] = None

    @property
    def on(self) -> bool:
        """Whether we super-seed."""
        return self._policy is not None

    def ask(self, asked: bool) -> None:
        """The user wants to super-seed, or does not."""
        self.asked = asked
        self.look()

    def look(self) -> None:
        """Begin or end, if that is due."""
        if (self.asked and self._have.full) == self.on:
            return
        if self.on:
            self._end()
        else:
            self._begin()

    def _begin(self) -> None:
        connected: List[Peer] = list(self._exchange)
        if any([peer.bits.full for peer in connected]):
            self.asked = False
            return
        layout = self._layout
        self._policy = SuperSeeding(
            size=layout.piece_count, piece_length=layout.piece_length, swarm=self._picker, random=self._random
        )
        for peer in connected:
            peer.close("super-seeding begins, and the peer knows what we have")
        self._listener.on_seed_mode(cut_off=bool(connected))

    def _end(self) -> None:
        self._policy = None
        veiled: List[Peer] = [peer for peer in self._exchange if peer.veiled]
        for peer in veiled:
            peer.veiled = False
            peer.uploader.restrict(self._pieces)
        self._exchange.unveil(veiled)
        self._listener.on_seed_mode(cut_off=False)

    def tick(self, now: float) -> None:
        """Once a second."""
        if self._policy is not None:
            self._policy.tick(now)

    # -- the peers -----------------------------------------------------------------------------------------------------

    def admit(self, peer: Peer) -> None:
        """A peer came, and was told nothing yet: veil it, if we super-seed."""
        if self._policy is not None:
            peer.veiled = True
            self._policy.joined(peer, self._now())
            peer.uploader.restrict(OfferedPieces(self._pieces, self._policy, peer))

    def left(self, peer: Peer) -> None:
        """A veiled peer has gone."""
        if self._policy is not None:
            self._policy.left(peer)

    def gained(self, peer: Peer, index: int) -> None:
        """A veiled peer has said that it has a piece."""
        if self._policy is not None:
            waiting = self._policy.gained(peer, index, self._now())
            if waiting is not None:
                self._exchange.touch(waiting)

    def on_described(self, peer: Peer, before: Bitfield) -> None:
        """A veiled peer has said all that it has; ``before`` is what it had said before."""
        if self._policy is not None:
            for waiting in self._policy.described(peer, before, self._now()):
                self._exchange.touch(waiting)

    def on_seed(self) -> None:
        """A peer has said that it has every piece."""
        if self.on:
            self.ask(False)

    def restored(self, indexes: Sequence[int]) -> None:
        """These pieces can be read again, and requests for them were rejected: tell those that were offered one."""
        policy = self._policy
        for peer in self._exchange if policy is not None else ():
            again = [index for index in indexes if policy is not None and policy.serves(peer, index)]
            if again:
                peer.send(messages.haves(again))

    def offer(self, peer: Peer, now: float) -> None:
        """Offer pieces to a veiled peer, if it may have more."""
        policy = self._policy
        if policy is None or peer.upload_only or not policy.room(peer):
            return
        if not peer.described and now - peer.connected_at < SILENCE:
            return
        offered = policy.offer(peer, now)
        cost = message_quota.OFFER + len(peer.bits) * message_quota.OFFER_PIECE
        peer.flow.work += max(1, len(offered)) * cost
        if offered:
            peer.send(messages.haves(offered))


class OfferedPieces:
    """The pieces that one veiled peer may ask for.

    Args:
        pieces: Those that are there.
        policy: What was offered.
        peer: The peer.
    """

    def __init__(self, pieces: Pieces, policy: SuperSeeding[Any], peer: Peer) -> None:
        self._policy = policy
        self._peer = peer
        self._pieces = pieces
        self.misled = pieces.misled
        self.load_failed = pieces.load_failed

    def serves(self, index: int) -> bool:
        """Whether the peer may request this piece."""
        return self._policy.serves(self._peer, index) and self._pieces.serves(index)
