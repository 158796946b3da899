"""The state that a session keeps between two runs: ids and nodes, as plain data that json and bencode take.

The rule: what is loaded was perhaps damaged or written by another program, so everything is checked, and what is
malformed is left out.  Loaded nodes come into the table only when they reply.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from ..protocol.addresses import IPV4_SIZE, IPV6_SIZE, Address, unpack_ipv4, unpack_ipv6
from .joining import Seed
from .node_id import SIZE, pack, unpack
from .place import place_of
from .routing_table import RoutingTable

VERSION = 1
MAX_NODES = 200
"""Nodes of a family that are saved and loaded: half of a full table, those that replied last."""

_KEYS = {4: "ipv4", 6: "ipv6"}


class SavedNode(NamedTuple):
    """What was saved of one family."""

    number: Optional[int]
    """Our own id; None if there is none."""
    nodes: List[Seed]
    """Nodes that may still be there."""


def save(tables: Dict[int, RoutingTable]) -> Dict[str, Any]:
    """Return the state of routing tables.

    Args:
        tables: The table of each family.

    Returns:
        Dictionaries, lists, strings and an int.
    """
    state: Dict[str, Any] = {"version": VERSION}
    for family, table in tables.items():
        kept = sorted((contact for contact in table if not contact.bad), key=lambda contact: -contact.replied)
        nodes = [contact.compact.hex() for contact in kept[:MAX_NODES]]
        state[_KEYS[family]] = {"id": pack(table.own).hex(), "nodes": nodes}
    return state


def load(state: object, family: int) -> SavedNode:
    """Return what is valid of a state.

    Args:
        state: What :func:`save` returned, or anything else.
        family: 4 or 6.
    """
    saved = _get(state, _KEYS[family]) if _get(state, "version") == VERSION else None
    own, nodes = _bytes(_get(saved, "id")), _get(saved, "nodes")
    entries = [_seed(_bytes(each), family) for each in nodes[:MAX_NODES]] if isinstance(nodes, list) else []
    return SavedNode(unpack(own) if len(own) == SIZE else None, [each for each in entries if each is not None])


def _seed(entry: bytes, family: int) -> Optional[Seed]:
    """The node of one entry; None if it is malformed."""
    if len(entry) != SIZE + (IPV4_SIZE if family == 4 else IPV6_SIZE):
        return None
    addresses: List[Address] = unpack_ipv4(entry[SIZE:]) if family == 4 else unpack_ipv6(entry[SIZE:])
    place = place_of(addresses[0]) if addresses else None
    return (unpack(entry[:SIZE]), place) if place is not None and place.family == family else None


def _get(holder: object, key: str) -> Any:
    return holder.get(key) if isinstance(holder, dict) else None


def _bytes(text: object) -> bytes:
    try:
        return bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return b""
