"""``Dht``: the DHT node of a session, as a machine: datagrams and the time in; datagrams, events and the next time out.

It runs a ``Node`` for each address family (BEP 32).  Tokens, limits and the budget are shared.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Protocol, Sequence, Tuple

from ..metainfo.bencode import Buffer
from ..protocol.addresses import Address, unpack_ipv4, unpack_ipv6
from . import krpc, saved_state
from .bucket import K
from .contact import Contact
from .events import Event
from .flood_guard import FloodGuard
from .krpc import Message, Query, Reply
from .limits import Limits
from .node import Node
from .node_id import BITS, fits, id_for, pack, unpack
from .outbox import Outbox, Transmit
from .peer_search import PeerSearch
from .peer_store import PeerStore
from .place import Place, place_of
from .responder import Responder
from .saved_state import SavedNode
from .searches import Searches
from .send_budget import SendBudget
from .statistics import FamilyStatistics, Statistics
from .tokens import Tokens
from .upkeep import ANY_HOST, OwnHost

EXPIRY_PAUSE = 300.0
"""Seconds between two removals of stored peers whose time is over."""


class Random(Protocol):
    """The part of ``random.Random`` that the node uses; that of a real one is ``random.SystemRandom``."""

    def getrandbits(self, k: int, /) -> int:
        """Return a number of ``k`` random bits."""

    def sample(self, population: Sequence[bytes], k: int) -> List[bytes]:
        """Return ``k`` different elements."""


def claims(datagram: memoryview) -> bool:
    """Return whether a datagram may be of the DHT: a bencoded dictionary."""
    return datagram[0] == 0x64 and datagram[-1] == 0x65


class Dht:
    """The DHT node of a session.

    After each call that takes ``now``, send what :meth:`outgoing` returns, handle what :meth:`events` returns, and call
    :meth:`advance` at ``next_timeout``.

    Args:
        random: Source of ids, tokens and transaction ids, which must not be predictable.
        own_host: Knows our address, as far as others report it.
        now: Monotonic seconds.
        families: 4, 6 or both: those in which datagrams can be sent.
        read_only: Answer no queries (BEP 43); may be changed at any time.
        limits: What it may take and send.
        state: What :meth:`state` returned in an earlier run; None if there is none.
        transmit: Sends a datagram to an address while the machine goes on; it must not call the machine.  It returns
            whether it did: :meth:`outgoing` returns the others.
    """

    def __init__(
        self,
        random: Random,
        own_host: OwnHost,
        *,
        now: float,
        families: Iterable[int] = (4, 6),
        read_only: bool = False,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        state: object = None,
        transmit: Transmit = lambda datagram, address: False,
    ) -> None:
        self._random = random
        self._own_host = own_host
        self._events: List[Event] = []
        self._outbox = Outbox(SendBudget(limits.upload_rate, now), transmit)
        self._guard = FloodGuard()
        self._now = now
        self._expire_at = now + EXPIRY_PAUSE
        self._datagrams = self._bytes = self._malformed = self._unexpected = self._floods = self._queries = 0
        chosen = tuple(families)
        self._nodes: Dict[int, Node] = {}
        for family in chosen:
            self._nodes[family] = self._new_node(family, saved_state.load(state, family), now)
        if len(chosen) > 1:
            for node in self._nodes.values():
                node.want, node.on_nodes = chosen, self._heard
        self._stores = {family: PeerStore(limits.torrents // len(chosen), limits.peers) for family in chosen}
        self._responder = Responder(self._nodes, self._stores, Tokens(random, now), random, self._events.append)
        self._searches = Searches(self._nodes, limits.searches, self._stored, self._events.append)
        self.read_only = read_only

    # -- the machine ---------------------------------------------------------------------------------------------------

    def receive(self, datagram: Buffer, address: Address, now: float) -> None:
        """Handle a datagram; never raises.

        The work is bounded by its length, and by the number of nodes in the routing table.

        Args:
            datagram: What came.
            address: Numeric host and port of its sender.
            now: Monotonic seconds.
        """
        self._now = now
        self._datagrams += 1
        self._bytes += len(datagram)
        place = place_of(address)
        node = self._nodes.get(place.family) if place is not None else None
        if place is None or node is None:
            self._malformed += 1
        elif self._guard.ignores(place.owner, now):
            self._floods += 1
        else:
            self._handle(krpc.parse(datagram), place, node, now)
            self._searches.advance(now)

    def unsent(self, address: Address, now: float) -> None:
        """Handle that the system refused to send to an address: nothing is awaited from there any more."""
        place = place_of(address)
        if place is not None and place.family in self._nodes:
            self._nodes[place.family].unsent(place, now)
            self._searches.advance(now)

    def advance(self, now: float) -> None:
        """Do what is due; calling it early does no harm."""
        self._now = now
        if now >= self._expire_at:
            self._expire_at = now + EXPIRY_PAUSE
            for store in self._stores.values():
                store.expire(now)
        for node in self._nodes.values():
            node.advance(now)
        self._searches.advance(now)

    @property
    def next_timeout(self) -> float:
        """When to call :meth:`advance`, in monotonic seconds."""
        due = self._searches.next_timeout
        for node in self._nodes.values():
            due = min(due, node.next_timeout)
        for store in self._stores.values():
            due = min(due, self._expire_at) if store.torrents else due
        return due

    def outgoing(self) -> List[Tuple[bytes, Address]]:
        """Remove and return the datagrams to send, with their receivers."""
        return self._outbox.drain()

    def events(self) -> List[Event]:
        """Remove and return what happened."""
        if not self._events:  # as after most datagrams
            return []
        drained = self._events[:]
        self._events.clear()
        return drained

    # -- what the session asks for -------------------------------------------------------------------------------------

    def bootstrap(self, addresses: Iterable[Address], now: float) -> None:
        """Join through nodes that are only for that, such as routers; ignored while there are enough nodes.

        Args:
            addresses: Numeric hosts and ports; those of other families are ignored.
            now: Monotonic seconds.
        """
        places = [place for place in map(place_of, addresses) if place is not None]
        for family, node in self._nodes.items():
            node.joining.bootstrap([(None, place) for place in places if place.family == family], now)
        self._searches.advance(now)

    def add_node(self, address: Address, now: float) -> None:
        """Ping an address at which there may be a node; it comes into the routing table if it replies.

        Args:
            address: Numeric host and port, from a ``port`` message, a torrent or a user.
            now: Monotonic seconds.
        """
        place = place_of(address)
        node = self._nodes.get(place.family) if place is not None else None
        if place is not None and node is not None:
            node.pings.add(None, place)
            node.pings.advance(now)

    def forget(self, refuses: Callable[[str], bool]) -> None:
        """Remove nodes from the routing tables.

        Args:
            refuses: Returns whether nothing may be exchanged with a numeric host any more.
        """
        for node in self._nodes.values():
            node.table.forget(refuses)

    def get_peers(
        self, infohash: bytes, now: float, *, announce_port: Optional[int] = None, implied_port: bool = False
    ) -> PeerSearch:
        """Search for the peers of a torrent in all families; ``PeersFound`` and ``SearchEnded`` tell what comes of it.

        Args:
            infohash: 20 bytes.
            now: Monotonic seconds.
            announce_port: Announce us with this TCP port to the nodes closest to the infohash.
            implied_port: Announce us with the UDP port that they see (BEP 5).
        """
        search = PeerSearch(infohash, announce_port or 0, implied_port=implied_port)
        self._searches.add(search, now)
        return search

    def cancel(self, search: PeerSearch, now: float) -> None:
        """End a search without an event; harmless if it has ended."""
        self._searches.cancel(search, now)

    @property
    def read_only(self) -> bool:
        """Whether queries are not answered (BEP 43)."""
        return self._read_only

    @read_only.setter
    def read_only(self, read_only: bool) -> None:
        self._read_only = read_only
        for node in self._nodes.values():
            node.queries.read_only = read_only

    # -- figures -------------------------------------------------------------------------------------------------------

    def node_id(self, family: int) -> bytes:
        """Return our id in a family."""
        return pack(self._nodes[family].table.own)

    def node_count(self, family: int) -> int:
        """Return how many nodes of a family are not bad."""
        return self._nodes[family].usable

    def closest(self, target: bytes, family: int, count: int = K) -> List[Address]:
        """Return the addresses of good nodes, those closest to an id of 20 bytes first."""
        found = self._nodes[family].table.closest(unpack(target), count, self._is_good)
        return [contact.place.address for contact in found]

    def state(self) -> Dict[str, Any]:
        """Return ids and nodes for the next run, as plain data: dictionaries, lists, strings and an int."""
        return saved_state.save({family: node.table for family, node in self._nodes.items()})

    def statistics(self) -> Statistics:
        """Return the figures of this moment."""
        nodes = self._nodes.values()
        return Statistics(
            families=tuple(map(self._of_family, nodes)),
            datagrams_received=self._datagrams,
            bytes_received=self._bytes,
            bytes_sent=self._outbox.bytes_sent,
            malformed=self._malformed,
            unexpected=self._unexpected,
            floods=self._floods,
            refused=self._outbox.refused,
            queries_received=self._queries,
            answers_sent=self._outbox.answers,
            queries_sent=self._outbox.queries,
            replies_received=sum(node.replies for node in nodes),
            timeouts=sum(node.timeouts for node in nodes),
            blocked_hosts=self._guard.blocked(self._now),
            stored_torrents=sum(store.torrents for store in self._stores.values()),
            stored_peers=sum(store.peers for store in self._stores.values()),
            searches=self._searches.running,
            waiting=self._searches.waiting,
        )

    # -- inside --------------------------------------------------------------------------------------------------------

    def _new_node(self, family: int, saved: SavedNode, now: float) -> Node:
        host = self._own_host.seen_by(ANY_HOST[family])
        place = place_of((host, 1)) if host else None
        own = saved.number
        if own is None or (place is not None and not fits(own, place)):
            own = id_for(place, self._random) if place is not None else self._random.getrandbits(BITS)
        return Node(
            family,
            own,
            random=self._random,
            own_host=self._own_host,
            outbox=self._outbox,
            emit=self._events.append,
            saved=saved.nodes,
            now=now,
        )

    def _handle(self, message: Optional[Message], place: Place, node: Node, now: float) -> None:
        if isinstance(message, Query):
            self._queries += 1
            if self._guard.admit(place.owner, now) and not self._read_only and self._outbox.may_answer(now):
                self._outbox.answer(self._responder.answer(message, place, now), place.address)
                if not message.read_only:
                    node.queried(message.sender, place, now)
            return
        if message is None:
            self._malformed += 1
        elif isinstance(message, Reply):
            if node.answered(message, place, now):
                return
            self._unexpected += 1
        elif node.refused(message, place, now):
            return
        else:
            self._unexpected += 1
        self._guard.admit(place.owner, now)

    def _heard(self, family: int, nodes: List[Tuple[int, Place]], now: float) -> None:
        """Nodes of a family were told, perhaps by a node of the other family (BEP 32)."""
        self._nodes[family].heard(nodes, now)

    def _stored(self, infohash: bytes, now: float) -> List[Address]:
        """Peers that others announced to us."""
        found = []
        for family, store in self._stores.items():
            packed = store.sample(infohash, krpc.MAX_VALUES, self._random, now)
            if packed:
                found += (unpack_ipv4 if family == 4 else unpack_ipv6)(b"".join(packed))
        return found

    def _is_good(self, contact: Contact) -> bool:
        return contact.good(self._now)

    def _of_family(self, node: Node) -> FamilyStatistics:
        table = node.table
        return FamilyStatistics(
            family=node.family,
            node_id=pack(table.own),
            nodes=table.usable,
            good=table.count(self._is_good),
            replacements=sum(len(bucket.replacements) for bucket in table.buckets),
            buckets=len(table.buckets),
            outstanding=len(node.transactions),
            lookups=node.walking,
            joined=node.joining.done,
        )
