"""``Place``: the address of a node, what its owner could forge, and the limits that apply to it.

The rule: limits of one node for each host or network apply to addresses on the internet only.  Behind a loopback or
private address there may be many nodes, so there each port is a host of its own.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, Optional, Tuple, Union

from ..address_scope import is_public, is_unicast
from ..protocol.addresses import Address, pack_host

Key = Union[bytes, Address]


class Place(NamedTuple):
    """A checked address."""

    address: Address
    packed: bytes
    """The host: 4 or 16 bytes."""
    public: bool
    """Whether it is on the internet."""
    owner: Key
    """The same for all addresses of one host: an IPv4 address or an IPv6 network of 64 bits."""
    network: Key
    """The same for all addresses that one site usually has: a network of 24 bits (IPv4) or 48 bits (IPv6)."""
    family: int
    """4 or 6."""

    @property
    def compact(self) -> bytes:
        """The address in compact form (BEP 5, BEP 32): 6 or 18 bytes."""
        return self.packed + self.address[1].to_bytes(2, "big")


_Host = Tuple[bytes, bool, Key, Key]


@functools.lru_cache(maxsize=1024)  # of each datagram the sender, of each answer the peers
def place_of(address: Address) -> Optional[Place]:
    """Return the place of an address; None if no node can have it.

    Args:
        address: Host and port.  A host that is not numeric, has a zone, or is not one machine's has no place.
    """
    host, port = address
    found = _host(host)
    if found is None or not 0 < port < 65536:
        return None
    packed, public, owner, network = found
    if not public:
        owner = network = address
    return Place(address, packed, public, owner, network, 4 if len(packed) == 4 else 6)


def place_told(address: Address, teller: Place) -> Optional[Place]:
    """Return the place of an address that a node told; None if it may not be used.

    Nobody on the internet may name an address of the local network: this machine would send datagrams to it.

    Args:
        address: Numeric host and port.
        teller: The node.
    """
    found = place_of(address)
    return found if found is not None and may_tell(teller, found) else None


def may_tell(teller: Place, told: Place) -> bool:
    """Return whether a node may tell an address: only a node of the local network one that is not on the internet."""
    return told.public or not teller.public


@functools.lru_cache(maxsize=4096)  # hosts come again in each lookup
def _host(host: str) -> Optional[_Host]:
    if "%" in host or not is_unicast(host):
        return None
    packed = pack_host(host)
    if len(packed) == 4:
        return packed, is_public(host), packed, packed[:3]
    return packed, is_public(host), packed[:8], packed[:6]
