"""What the DHT node tells its session: frozen dataclasses, in the order in which things happened."""

from __future__ import annotations

import dataclasses
from typing import Tuple, Union

from ..protocol.addresses import Address
from .peer_search import PeerSearch


@dataclasses.dataclass(frozen=True)
class PeersFound:
    """A search has found peers that it had not found before."""

    search: PeerSearch
    addresses: Tuple[Address, ...]


@dataclasses.dataclass(frozen=True)
class SearchEnded:
    """A search has ended by itself; no event of it follows."""

    search: PeerSearch


@dataclasses.dataclass(frozen=True)
class PeerAnnounced:
    """A peer that proved its host with a token was announced to our own node."""

    infohash: bytes
    address: Address


@dataclasses.dataclass(frozen=True)
class NodesNeeded:
    """No node answers in a family: ``Dht.bootstrap`` should be called with addresses."""

    family: int


@dataclasses.dataclass(frozen=True)
class Joined:
    """The lookup of our own id has ended, with so many nodes in the table."""

    family: int
    nodes: int


@dataclasses.dataclass(frozen=True)
class NodeIdChanged:
    """The node has a new id, because others see us at a host that may not have the old one (BEP 42)."""

    family: int
    node_id: bytes
    host: str


Event = Union[PeersFound, SearchEnded, PeerAnnounced, NodesNeeded, Joined, NodeIdChanged]
