"""KRPC: the messages of the DHT, one bencoded dictionary a datagram (BEP 5, BEP 32, BEP 42, BEP 43).

The rule: :func:`parse` checks what every message has and returns None for anything else, without an exception.  What
only some messages have is read when it is asked for: an answer that nobody waits for costs no more than its decoding.
A field of another type or length counts as absent.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from ..errors import BencodeError
from ..metainfo.bencode import Buffer, decode, encode
from ..protocol.addresses import IPV4_SIZE, IPV6_SIZE, Address, unpack_host, unpack_ipv4, unpack_ipv6
from .node_id import SIZE, pack, unpack
from .place import Place, place_of

PING = b"ping"
FIND_NODE = b"find_node"
GET_PEERS = b"get_peers"
ANNOUNCE_PEER = b"announce_peer"

PROTOCOL_ERROR = 203
METHOD_UNKNOWN = 204

MAX_RECEIVED = 1500
"""Bytes of a datagram that is read: more never arrives unfragmented."""
MAX_SENT = 1024
"""Bytes of a datagram that is sent (BEP 32)."""
MAX_DEPTH = 10
"""Containers inside each other; libtorrent takes as many."""
MAX_TOKENS = 500
"""Tokens of the bencoding of a message; libtorrent takes as many."""
MAX_TRANSACTION = 16
"""Bytes of a transaction id that we repeat in an answer."""
MAX_TOKEN = 128
"""Bytes of a token that we present to the node that gave it."""
MAX_NODES = 20
"""Nodes that are read of one answer; it should have 8."""
MAX_VALUES = 100
"""Peers that are read of one answer, and that are sent in one; libtorrent sends as many."""

VERSION = b"TH\0\1"
"""This client (BEP 20) and a version of its node, in all messages."""

_ENTRY_SIZE = {4: SIZE + IPV4_SIZE, 6: SIZE + IPV6_SIZE}
_NODES = {4: b"nodes", 6: b"nodes6"}
_WANT = {4: b"n4", 6: b"n6"}

Node = Tuple[int, Place]
"""Id and address of a node."""

_match_usual_reply = re.compile(
    rb"d(?:2:ip6:(.{6}))?1:rd2:id20:(.{20})(?:5:nodes(?:208:(.{208})|0:()))?(?:1:pi([1-9]\d{0,4})e)?"
    rb"(?:5:token(?:4:(.{4})|8:(.{8})|20:(.{20})))?(?:6:valuesl((?:6:.{6}){1,100})e)?e1:t4:(.{4})(?:1:v4:.{4})?1:y1:re",
    re.DOTALL,
).fullmatch
"""A reply as libtorrent and this library write it; each field has its length, so only canonical bencoding matches."""


class Query(NamedTuple):
    """A query of another node."""

    transaction: bytes
    method: bytes
    sender: int
    read_only: bool
    """The sender answers no queries (BEP 43)."""
    arguments: Dict[bytes, Any]

    @property
    def target(self) -> Optional[int]:
        """The id that a node looks for, or its infohash; None if it is missing."""
        packed = self.infohash or self.arguments.get(b"target")
        return unpack(packed) if isinstance(packed, bytes) and len(packed) == SIZE else None

    @property
    def infohash(self) -> bytes:
        """The infohash; empty if it is missing."""
        found = self.arguments.get(b"info_hash")
        return found if isinstance(found, bytes) and len(found) == SIZE else b""

    @property
    def token(self) -> bytes:
        """The token of an announce; empty if it is missing."""
        found = self.arguments.get(b"token")
        return found if isinstance(found, bytes) else b""

    def port(self, sender: Address) -> int:
        """The port of the peer that is announced, 0 if it is missing; ``sender`` is where the datagram came from."""
        implied, port = self.arguments.get(b"implied_port"), self.arguments.get(b"port")
        if isinstance(implied, int) and implied:
            return sender[1]
        return port if isinstance(port, int) and 0 < port < 65536 else 0

    def wanted(self, family: int) -> Tuple[int, ...]:
        """The families of which the sender wants nodes; ``family`` is that of the datagram (BEP 32)."""
        want = self.arguments.get(b"want")
        return tuple(each for each in (4, 6) if _WANT[each] in want) if isinstance(want, list) else (family,)


class Reply(NamedTuple):
    """The answer of a node to a query of ours."""

    transaction: bytes
    sender: int
    external: str
    """Our own numeric host as the node sees it (BEP 42); empty if it does not tell."""
    values: Dict[bytes, Any]

    @property
    def token(self) -> bytes:
        """The token for an announce; empty if there is none."""
        found = self.values.get(b"token")
        return found if isinstance(found, bytes) and len(found) <= MAX_TOKEN else b""

    def nodes(self, family: int) -> List[Node]:
        """The nodes of a family that it tells, at most ``MAX_NODES``; none whose address no node can have."""
        return list(filter(None, map(unpack_node, self.entries(family))))

    def entries(self, family: int) -> List[bytes]:
        """The same in compact node info, for :func:`unpack_node`, whatever their addresses."""
        return split_nodes(self.values.get(_NODES[family]), family)

    def peers(self, family: int) -> List[Address]:
        """The peers of a family that it tells, at most ``MAX_VALUES``."""
        found = self.values.get(b"values")
        size, unpacked = (IPV4_SIZE, unpack_ipv4) if family == 4 else (IPV6_SIZE, unpack_ipv6)
        packed = found[:MAX_VALUES] if isinstance(found, list) else []
        return unpacked(b"".join(each for each in packed if isinstance(each, bytes) and len(each) == size))


class Refusal(NamedTuple):
    """An error that a node sent instead of a reply."""

    transaction: bytes


Message = Union[Query, Reply, Refusal]


def parse(datagram: Buffer) -> Optional[Message]:
    """Return the message of a datagram; None if it is malformed.

    Args:
        datagram: What came; it may be anything.
    """
    if len(datagram) > MAX_RECEIVED:
        return None
    usual = _match_usual_reply(datagram)
    return _decoded(datagram) if usual is None else _usual_reply(usual)


def _decoded(datagram: Buffer) -> Optional[Message]:
    """The message of a datagram of any form."""
    try:
        # Nodes that do not sort their keys are in use, and no hash is made of a message.
        message = decode(datagram, max_depth=MAX_DEPTH, max_tokens=MAX_TOKENS, sorted_keys=False)
    except BencodeError:
        return None
    if not isinstance(message, dict):
        return None
    transaction, kind = message.get(b"t"), message.get(b"y")
    if not isinstance(transaction, bytes) or len(transaction) > MAX_TRANSACTION:
        return None
    if kind == b"q":
        return _query(transaction, message)
    if kind == b"r":
        return _reply(transaction, message)
    return Refusal(transaction) if kind == b"e" and isinstance(message.get(b"e"), list) else None


def split_nodes(packed: object, family: int) -> List[bytes]:
    """Return the entries of compact node info, at most ``MAX_NODES``; none if it is not a whole number of them.

    Args:
        packed: Ids and compact addresses: 26 bytes a node of IPv4 (BEP 5), 38 of IPv6 (BEP 32).
        family: 4 or 6.
    """
    size = _ENTRY_SIZE[family]
    if not isinstance(packed, bytes) or len(packed) % size:
        return []
    return [packed[at : at + size] for at in range(0, min(len(packed), size * MAX_NODES), size)]


_QUERY_TAIL = b"1:v%d:%b1:y1:qe" % (len(VERSION), VERSION)


class Question:
    """A query without transaction id, which is sent to many nodes and encoded once.

    Args:
        method: ``PING`` or another.
        arguments: All arguments but the id of the sender, whose key is the least.
    """

    def __init__(self, method: bytes, arguments: Dict[bytes, Any]) -> None:
        self._arguments = b"".join([_field(key, value) for key, value in sorted(arguments.items())])
        self._method = method
        self._sender: Tuple[int, bool] = (-1, False)
        self._head = b""

    def datagram(self, transaction: bytes, sender: int, *, read_only: bool) -> bytes:
        """Return the query.

        Args:
            transaction: The id that the answer will repeat.
            sender: Our own id.
            read_only: Whether we answer no queries (BEP 43).
        """
        if self._sender != (sender, read_only):
            self._sender = sender, read_only
            method, flag = self._method, b"2:roi1e" if read_only else b""
            head = (pack(sender), self._arguments, len(method), method, flag)
            self._head = b"d1:ad2:id20:%b%be1:q%d:%b%b1:t" % head
        return b"%b%d:%b%b" % (self._head, len(transaction), transaction, _QUERY_TAIL)


def _field(key: bytes, value: object) -> bytes:
    """A key and its value, bencoded."""
    if isinstance(value, bytes):  # most are, and each search encodes its infohash
        return b"%d:%b%d:%b" % (len(key), key, len(value), value)
    return encode({key: value})[1:-1]


def query(method: bytes, transaction: bytes, sender: int, arguments: Dict[bytes, Any], *, read_only: bool) -> bytes:
    """Return the datagram of one query; the arguments are those of :class:`Question`."""
    return Question(method, arguments).datagram(transaction, sender, read_only=read_only)


def reply(transaction: bytes, sender: int, receiver: bytes, values: Dict[bytes, Any]) -> bytes:
    """Return the datagram of a reply.

    Args:
        transaction: The id of the query.
        sender: Our own id.
        receiver: The compact address of the node that asked (BEP 42).
        values: All values but the id.
    """
    body = {b"id": pack(sender), **values}
    return encode({b"ip": receiver, b"r": body, b"t": transaction, b"v": VERSION, b"y": b"r"})


def refusal(transaction: bytes, receiver: bytes, code: int, text: bytes) -> bytes:
    """Return the datagram of an error; ``receiver`` is the compact address of the node that asked."""
    return encode({b"e": [code, text], b"ip": receiver, b"t": transaction, b"v": VERSION, b"y": b"e"})


def nodes_value(family: int, nodes: Iterable[bytes]) -> Dict[bytes, Any]:
    """Return the value of a reply that tells nodes, each in compact node info."""
    return {_NODES[family]: b"".join(nodes)}


def want_argument(families: Iterable[int]) -> Dict[bytes, Any]:
    """Return the argument that asks for nodes of these families."""
    return {b"want": [_WANT[family] for family in families]}


def _query(transaction: bytes, message: Dict[bytes, Any]) -> Optional[Query]:
    method, arguments = message.get(b"q"), _body(message.get(b"a"))
    if arguments is None or not isinstance(method, bytes):
        return None
    return Query(transaction, method, unpack(arguments[b"id"]), message.get(b"ro") == 1, arguments)


def _reply(transaction: bytes, message: Dict[bytes, Any]) -> Optional[Reply]:
    values, external = _body(message.get(b"r")), message.get(b"ip")
    if values is None:
        return None
    host = _host(external[:-2]) if isinstance(external, bytes) and len(external) in (IPV4_SIZE, IPV6_SIZE) else ""
    return Reply(transaction, unpack(values[b"id"]), host, values)


def _usual_reply(match: re.Match[bytes]) -> Reply:
    """The reply that :func:`_decoded` returns, in a fifth of the time."""
    external, node_id, nodes, no_nodes, port, token, token8, token20, peers, transaction = match.groups()
    values: Dict[bytes, Any] = {b"id": node_id}
    if nodes or no_nodes is not None:
        values[b"nodes"] = nodes or b""
    if port:
        values[b"p"] = int(port)
    if token or token8 or token20:
        values[b"token"] = token or token8 or token20
    if peers:
        values[b"values"] = [peers[at + 2 : at + 8] for at in range(0, len(peers), 8)]
    return Reply(transaction, unpack(node_id), _host(external[:-2]) if external else "", values)


@functools.lru_cache(maxsize=64)  # our own host, as others see it
def _host(packed: bytes) -> str:
    return unpack_host(packed)


@functools.lru_cache(maxsize=1024)  # the nodes closest to a target are in all answers about it
def unpack_node(packed: bytes) -> Optional[Node]:
    """Return the node of an entry of compact node info; None if no node can have its address."""
    addresses = (unpack_ipv4 if len(packed) == SIZE + IPV4_SIZE else unpack_ipv6)(packed[SIZE:])
    place = place_of(addresses[0]) if addresses else None
    return (unpack(packed[:SIZE]), place) if place is not None else None


def _body(found: object) -> Optional[Dict[bytes, Any]]:
    """The arguments or values of a message, if they are a dictionary with a valid id."""
    node_id = found.get(b"id") if isinstance(found, dict) else None
    return found if isinstance(found, dict) and isinstance(node_id, bytes) and len(node_id) == SIZE else None
