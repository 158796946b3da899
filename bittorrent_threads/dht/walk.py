"""``Walk``: a running lookup: sends the queries that ``Lookup`` wants, and feeds it the answers.

``Walk`` finds nodes; ``PeerWalk`` finds the peers of a torrent, and announces one to the nodes closest to it.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..protocol.addresses import Address
from . import krpc
from .krpc import Node, Question, Reply, unpack_node
from .lookup import Candidate, Lookup
from .node_id import pack
from .place import Place, may_tell, place_told
from .queries import Queries
from .transactions import Transaction

OnNodes = Callable[[int, List[Tuple[int, Place]], float], None]


class Walk:
    """A lookup of the nodes closest to an id.

    Args:
        lookup: The lookup, with the first nodes to ask.
        queries: Sends queries in the family of the lookup.
        family: 4 or 6.
        on_end: Called once, when the walk has ended by itself.
        on_nodes: Gets the nodes that were told, of each family.
        want: The families of which nodes are asked for, if not only the own (BEP 32).
    """

    method = krpc.FIND_NODE

    def __init__(
        self,
        lookup: Lookup,
        queries: Queries,
        family: int,
        on_end: Callable[[Walk, float], None],
        on_nodes: OnNodes,
        *,
        want: Sequence[int] = (),
    ) -> None:
        self.lookup = lookup
        self.ended = False
        self.resume_at = math.inf
        """When there is something to send that had to wait, in monotonic seconds."""
        self._queries = queries
        self._family = family
        self._on_end = on_end
        self._other_families = [each for each in want if each != family]
        self._on_nodes = on_nodes
        arguments = self._arguments()
        if self._other_families:
            arguments.update(krpc.want_argument(want))
        self._question = Question(self.method, arguments)

    def advance(self, now: float) -> None:
        """Send what may be sent, and end the walk when it has converged."""
        self.resume_at = math.inf
        while True:
            candidate = self.lookup.next()
            if candidate is None:
                break
            if self._must_wait(candidate, now):
                return
            self._ask(candidate, now)
            self.lookup.asked(candidate)
        if self.lookup.converged:
            self._converged(now)

    def cancel(self) -> None:
        """End the walk: nothing more is sent, and ``on_end`` is not called."""
        self.ended, self.resume_at = True, math.inf

    # -- called with the outcome of a query ----------------------------------------------------------------------------

    def on_reply(self, transaction: Transaction, reply: Reply, now: float) -> None:
        """Handle the answer of a node."""
        if self.ended:
            return
        candidate: Candidate = transaction.subject
        self.lookup.replied(candidate, reply.token)
        known = self.lookup.entries
        entries = [entry for entry in reply.entries(self._family) if entry not in known]
        told = _nodes(entries, candidate.place) if entries else {}
        if told:
            self.lookup.add(told.values(), candidate)
            known.update([entry for entry, (number, place) in told.items() if self.lookup.has(number, place)])
            self._on_nodes(self._family, list(told.values()), now)
        for family in self._other_families:
            self._on_nodes(family, list(_nodes(reply.entries(family), candidate.place).values()), now)
        self._take(candidate, reply)
        self.advance(now)

    def on_slow(self, transaction: Transaction, now: float) -> None:
        """Ask another node in the place of one whose answer is late."""
        if not self.ended:
            self.lookup.slow(transaction.subject)
            self.advance(now)

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """Go on without a node."""
        if not self.ended:
            self.lookup.failed(transaction.subject)
            self.advance(now)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _arguments(self) -> Dict[bytes, Any]:
        return {b"target": pack(self.lookup.target)}

    def _ask(self, candidate: Candidate, now: float) -> None:
        self._queries.send(
            self._question,
            candidate.place,
            candidate.number,
            asker=self,
            subject=candidate,
            now=now,
            # A node without a known id was given to begin with: a router, which has no place in the table.
            listed=candidate.number is not None,
        )

    def _must_wait(self, candidate: Candidate, now: float) -> bool:
        """Whether a candidate cannot be sent anything now; then the walk goes on later."""
        at = self._queries.ready_at(candidate.place, now)
        if at > now:
            self.resume_at = at
        return at > now

    def _take(self, candidate: Candidate, reply: Reply) -> None:
        """Use what a reply has besides nodes."""

    def _converged(self, now: float) -> None:
        self._end(now)

    def _end(self, now: float) -> None:
        self.ended = True
        self._on_end(self, now)


class PeerWalk(Walk):
    """A search for the peers of a torrent.

    Args:
        lookup: The lookup of the infohash.
        queries: Sends queries in the family of the lookup.
        family: 4 or 6.
        on_end: Called once, when the walk has ended by itself.
        on_nodes: Gets the nodes that were told.
        on_peers: Gets the peers that a node told.
        port: TCP port to announce; 0 for none.
        implied_port: Announce the UDP port that others see (BEP 5).
    """

    method = krpc.GET_PEERS

    def __init__(
        self,
        lookup: Lookup,
        queries: Queries,
        family: int,
        on_end: Callable[[Walk, float], None],
        on_nodes: OnNodes,
        *,
        on_peers: Callable[[List[Address]], None],
        port: int,
        implied_port: bool,
    ) -> None:
        super().__init__(lookup, queries, family, on_end, on_nodes)
        self.announced = 0
        """Nodes that took the announce."""
        self._on_peers = on_peers
        self._announcement = _Announcement(self, port, implied_port)
        self._announcing: Optional[List[Candidate]] = None
        """The nodes that are to be sent an announce; None while the lookup runs."""
        self._unanswered = 0
        """Announces that were sent and not answered."""
        self._told: Tuple[object, bool] = (None, False)
        """The last peers that were told, and whether by a node on the internet."""

    def advance(self, now: float) -> None:
        """Send what may be sent, and end the walk when it has converged and the announces are answered."""
        if self._announcing is None:
            super().advance(now)
        elif not self.ended:
            self._announce(self._announcing, now)

    def announce_answered(self, now: float, *, accepted: bool) -> None:
        """An announce was answered, or will not be."""
        self.announced += accepted
        self._unanswered -= 1
        self.advance(now)

    def _arguments(self) -> Dict[bytes, Any]:
        return {b"info_hash": pack(self.lookup.target)}

    def _take(self, candidate: Candidate, reply: Reply) -> None:
        # The nodes closest to a torrent of few peers tell the same ones.
        source = reply.values.get(b"values"), candidate.place.public
        if source == self._told:
            return
        peers = reply.peers(self._family)
        if peers:
            self._told = source
            self._on_peers([peer for peer in peers if place_told(peer, candidate.place) is not None])

    def _converged(self, now: float) -> None:
        wanted = self._announcement.arguments is not None
        self._announcing = [each for each in self.lookup.closest() if each.token] if wanted else []
        self._announce(self._announcing, now)

    def _announce(self, waiting: List[Candidate], now: float) -> None:
        arguments = self._announcement.arguments
        self.resume_at = math.inf
        while waiting and arguments is not None and not self._must_wait(waiting[0], now):
            candidate = waiting.pop(0)
            self._queries.send(
                Question(krpc.ANNOUNCE_PEER, {**self._arguments(), **arguments, b"token": candidate.token}),
                candidate.place,
                candidate.number,
                asker=self._announcement,
                subject=candidate,
                now=now,
            )
            self._unanswered += 1
        if not waiting and not self._unanswered:
            self._end(now)


class _Announcement:
    """What is announced, and who is told how it went."""

    def __init__(self, walk: PeerWalk, port: int, implied_port: bool) -> None:
        self.arguments: Optional[Dict[bytes, Any]] = None
        if port or implied_port:
            self.arguments = {b"port": port, b"implied_port": int(implied_port)}
        self._walk = walk

    def on_reply(self, transaction: Transaction, reply: Reply, now: float) -> None:
        """The node has stored the peer."""
        self._walk.announce_answered(now, accepted=True)

    def on_slow(self, transaction: Transaction, now: float) -> None:
        """The announce arrives all the same."""

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """The node has refused or is gone."""
        self._walk.announce_answered(now, accepted=False)


def _nodes(entries: Iterable[bytes], teller: Place) -> Dict[bytes, Node]:
    """The nodes that a node told and may tell, by their entries in compact node info."""
    found = {}
    for entry in entries:
        node = unpack_node(entry)
        if node is not None and may_tell(teller, node[1]):
            found[entry] = node
    return found
