"""``Responder``: answers the queries of other nodes (BEP 5, BEP 32).

The rule: an answer has at most 1,024 bytes, and a peer is stored only for a host that presents a token, which proves
that its address is not forged.  All other answers may go to a forged address: ``FloodGuard`` and ``SendBudget`` bound
them.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Protocol, Sequence

from . import krpc
from .bucket import K
from .contact import Contact
from .events import Event, PeerAnnounced
from .krpc import MAX_SENT, MAX_VALUES, Query
from .peer_store import PeerStore
from .place import Place
from .routing_table import RoutingTable
from .tokens import Tokens

_FRAME = 160
"""More bytes than an answer has besides nodes and peers."""
_VALUE = {4: len("6:") + 6, 6: len("18:") + 18}
"""Bytes of one peer in an answer."""


class Random(Protocol):
    """The part of ``random.Random`` that chooses peers."""

    def sample(self, population: Sequence[bytes], k: int) -> List[bytes]:
        """Return ``k`` different elements."""


class Node(Protocol):
    """The node of one address family."""

    @property
    def table(self) -> RoutingTable:
        """Its routing table."""


class Responder:
    """Answers for the nodes of all families.

    Args:
        nodes: The node of each family.
        stores: The peers of each family.
        tokens: Makes and checks tokens.
        random: Chooses peers.
        emit: Takes the events, at most one for each query.
    """

    def __init__(
        self,
        nodes: Mapping[int, Node],
        stores: Mapping[int, PeerStore],
        tokens: Tokens,
        random: Random,
        emit: Callable[[Event], None],
    ) -> None:
        self._nodes = nodes
        self._stores = stores
        self._tokens = tokens
        self._random = random
        self._emit = emit
        self._methods = {
            krpc.PING: self._ping,
            krpc.FIND_NODE: self._find_node,
            krpc.GET_PEERS: self._get_peers,
            krpc.ANNOUNCE_PEER: self._announce_peer,
        }

    def answer(self, query: Query, sender: Place, now: float) -> bytes:
        """Return the datagram that answers a query.

        Args:
            query: The query.
            sender: Where it came from; its family has a node.
            now: Monotonic seconds.
        """
        method = self._methods.get(query.method)
        if method is None:
            return krpc.refusal(query.transaction, sender.compact, krpc.METHOD_UNKNOWN, b"method unknown")
        try:
            values = method(query, sender, now)
        except _ProtocolError as error:
            return krpc.refusal(query.transaction, sender.compact, krpc.PROTOCOL_ERROR, error.text)
        return krpc.reply(query.transaction, self._nodes[sender.family].table.own, sender.compact, values)

    def _ping(self, query: Query, sender: Place, now: float) -> Dict[bytes, Any]:
        return {}

    def _find_node(self, query: Query, sender: Place, now: float) -> Dict[bytes, Any]:
        return self._closest(query, sender, now)

    def _get_peers(self, query: Query, sender: Place, now: float) -> Dict[bytes, Any]:
        infohash = query.infohash
        if not infohash:
            raise _ProtocolError(b"no info_hash")
        values = self._closest(query, sender, now)
        used = sum(len(each) for each in values.values())
        most = min(MAX_VALUES, (MAX_SENT - _FRAME - used) // _VALUE[sender.family])
        peers = self._stores[sender.family].sample(infohash, most, self._random, now)
        if peers:
            values[b"values"] = peers
        values[b"token"] = self._tokens.make(sender.packed, infohash, now)
        return values

    def _announce_peer(self, query: Query, sender: Place, now: float) -> Dict[bytes, Any]:
        infohash, port = query.infohash, query.port(sender.address)
        if not infohash or not port:
            raise _ProtocolError(b"no info_hash or port")
        if not self._tokens.valid(query.token, sender.packed, infohash, now):
            raise _ProtocolError(b"bad token")
        if self._stores[sender.family].announce(infohash, sender, port, now):
            self._emit(PeerAnnounced(infohash, (sender.address[0], port)))
        return {}

    def _closest(self, query: Query, sender: Place, now: float) -> Dict[bytes, Any]:
        target = query.target
        if target is None:
            raise _ProtocolError(b"no target")
        values: Dict[bytes, Any] = {}
        for family in query.wanted(sender.family):
            if family in self._nodes:
                values.update(krpc.nodes_value(family, self._told(family, target, sender, now)))
        return values

    def _told(self, family: int, target: int, sender: Place, now: float) -> List[bytes]:
        """The good nodes closest to a target; none of the local network for a host on the internet."""

        def is_usable(contact: Contact) -> bool:
            return contact.good(now) and (contact.place.public or not sender.public)

        return [contact.compact for contact in self._nodes[family].table.closest(target, K, is_usable)]


class _ProtocolError(Exception):
    """A query lacks something."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.text = text
