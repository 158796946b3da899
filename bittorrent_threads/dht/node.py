"""``Node``: the DHT node of one address family: routes what comes to the table and to what asked for it."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Optional, Tuple

from .bucket import K
from .contact import BAD, Contact
from .events import Event, Joined, NodeIdChanged, NodesNeeded
from .joining import Joining, Seed
from .krpc import Refusal, Reply
from .lookup import Lookup
from .node_id import Random, pack
from .outbox import Outbox
from .pings import Pings
from .place import Place
from .queries import Queries
from .routing_table import RoutingTable
from .transactions import Transactions
from .upkeep import ANY_HOST, OwnHost, Upkeep
from .walk import OnNodes, Walk


class Node:
    """One node.

    Args:
        family: 4 or 6.
        own: Its id.
        random: Source of ids.
        own_host: Knows our address.
        outbox: Takes the datagrams.
        emit: Takes the events.
        saved: Nodes of an earlier run.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        family: int,
        own: int,
        *,
        random: Random,
        own_host: OwnHost,
        outbox: Outbox,
        emit: Callable[[Event], None],
        saved: List[Seed],
        now: float,
    ) -> None:
        self.family = family
        self.table = RoutingTable(own, now)
        self.transactions = Transactions(random)
        self.queries = Queries(self.transactions, outbox, own)
        self.pings = Pings(self.queries)
        self.replies = 0
        """Replies to queries of ours."""
        self.timeouts = 0
        """Queries of ours without an answer."""
        self.want: Tuple[int, ...] = ()
        """Families of which nodes are asked for while this family joins."""
        self.on_nodes: OnNodes = self._heard
        """Gets the nodes that other nodes told, of each family that was asked for."""
        self._own_host = own_host
        self._emit = emit
        self._walks: Dict[Walk, None] = {}
        """Running lookups, those that wait to send first."""
        self._refresh: Optional[Walk] = None
        self._upkeep = Upkeep(self, own_host, random, ANY_HOST[family], now)
        self.joining = Joining(self, saved, now)
        for number, place in (*saved[K:], *saved[:K]):  # the lookup begins with the last ones, but may not ask them all
            self.pings.add(number, place)

    # -- the machine ---------------------------------------------------------------------------------------------------

    def answered(self, answer: Reply, place: Place, now: float) -> bool:
        """Handle a reply; return whether it belongs to a query of ours."""
        transaction = self.transactions.close(answer.transaction, place.address)
        if transaction is None:
            return False
        if transaction.number not in (None, answer.sender):
            # Somebody else is there now, or the node that told it lied.
            self.table.renamed(transaction.number, place)
            transaction.asker.on_failure(transaction, now)
            return True
        self.replies += 1
        if answer.external:
            self._own_host.report(answer.external, place.address[0])
        # Routers know many nodes.  Where one knows nobody else, it is one of the few nodes of a small network.
        if transaction.listed or (self.usable < K and not answer.nodes(self.family)):
            self.table.replied(answer.sender, place, now)
        transaction.asker.on_reply(transaction, answer, now)
        self.joining.advance(now)
        return True

    def refused(self, refusal: Refusal, place: Place, now: float) -> bool:
        """Handle an error; return whether it belongs to a query of ours."""
        transaction = self.transactions.close(refusal.transaction, place.address)
        if transaction is None:
            return False
        transaction.asker.on_failure(transaction, now)
        return True

    def queried(self, number: int, place: Place, now: float) -> None:
        """A node that answers queries has sent one."""
        if self.table.queried(number, place, now):
            self._upkeep.wake(now)

    def unsent(self, place: Place, now: float) -> None:
        """The system could not send to an address: that says nothing of the node there."""
        for transaction in self.transactions.unsent(place.address):
            transaction.asker.on_failure(transaction, now)

    def advance(self, now: float) -> None:
        """Do what is due."""
        for transaction in self.transactions.slow(now):
            transaction.asker.on_slow(transaction, now)
        for transaction in self.transactions.expired(now):
            self.timeouts += 1
            if transaction.number is not None:
                self.table.failed(transaction.number, transaction.place, now)
            transaction.asker.on_failure(transaction, now)
        self._upkeep.advance(now)
        self.joining.advance(now)
        self.pings.advance(now)
        self._resume(now)

    @property
    def next_timeout(self) -> float:
        """When to call :meth:`advance`, in monotonic seconds."""
        due = min(
            self.transactions.next_timeout,
            self._upkeep.next_timeout,
            self.joining.next_timeout,
            self.pings.next_timeout,
        )
        for walk in self._walks:
            due = min(due, walk.resume_at)
        return due

    # -- lookups -------------------------------------------------------------------------------------------------------

    @property
    def walking(self) -> int:
        """Running lookups."""
        return len(self._walks)

    @property
    def usable(self) -> int:
        """Nodes in the table that are not bad."""
        return self.table.usable

    def lookup(self, target: int, seeds: Iterable[Seed] = ()) -> Lookup:
        """Return a lookup that begins with the closest nodes of the table.

        Args:
            target: The id that is looked for.
            seeds: More nodes to begin with.
        """
        lookup = Lookup(target, self.table.own)
        # Twice as many as needed, because some are gone; bad ones only if there are no others.
        known = self.table.closest(target, 2 * K, _is_usable)
        known = known or self.table.closest(target, 2 * K, lambda contact: True)
        lookup.add([(contact.number, contact.place) for contact in known])
        lookup.entries.update([each.compact for each in known if lookup.has(each.number, each.place)])
        lookup.add(seeds)
        return lookup

    def walk(self, walk: Walk, now: float) -> None:
        """Run a lookup, which calls :meth:`forget` when it has ended."""
        self._walks[walk] = None
        walk.advance(now)

    def forget(self, walk: Walk) -> None:
        """Forget a lookup that ended or was cancelled."""
        self._walks.pop(walk, None)

    # -- called by its parts -------------------------------------------------------------------------------------------

    def find_self(self, seeds: Iterable[Seed], on_end: Callable[[float], None], now: float) -> None:
        """Look up our own id."""

        def ended(walk: Walk, at: float) -> None:
            self.forget(walk)
            on_end(at)

        self.walk(self._find_node(self.table.own, ended, seeds), now)

    def need_nodes(self) -> None:
        """Ask for addresses."""
        self._emit(NodesNeeded(self.family))

    def joined(self) -> None:
        """The lookup of our own id ended with nodes in the table."""
        self._emit(Joined(self.family, self.usable))

    def ping(self, contact: Contact, now: float) -> bool:
        """Ask a node whether it is there."""
        return self.pings.send(contact.number, contact.place, now)

    def refresh(self, target: int, now: float) -> None:
        """Look up an id for the nodes that are met."""
        if self._refresh is None or self._refresh.ended:
            self._refresh = self._find_node(target, lambda walk, _: self.forget(walk), ())
            self.walk(self._refresh, now)

    def change_id(self, number: int, host: str, now: float) -> None:
        """Take another id, with the same nodes."""
        self.table = self.table.moved(number, now)
        self.queries.own = number
        self._emit(NodeIdChanged(self.family, pack(number), host))
        self.refresh(number, now)

    def heard(self, nodes: Iterable[Tuple[int, Place]], now: float) -> None:
        """Remember nodes that others told, for which there is a free place in the table."""
        if any([self.table.heard(number, place) for number, place in nodes]):
            self._upkeep.wake(now)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _heard(self, family: int, nodes: List[Tuple[int, Place]], now: float) -> None:
        self.heard(nodes, now)

    def _find_node(self, target: int, on_end: Callable[[Walk, float], None], seeds: Iterable[Seed]) -> Walk:
        lookup = self.lookup(target, seeds)
        return Walk(lookup, self.queries, self.family, on_end, self.on_nodes, want=self.want)

    def _resume(self, now: float) -> None:
        """Let the lookups go on that had to wait, each in its turn."""
        for walk in [walk for walk in self._walks if walk.resume_at <= now]:
            del self._walks[walk]
            self.walk(walk, now)


def _is_usable(contact: Contact) -> bool:
    return contact.failures < BAD
