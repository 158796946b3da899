"""``resolve``: name resolution, and the policy for the addresses that an untrusted name may lead to.

The rule: the policy is applied to the resolved address, and the connection goes to that address.  A name that is
resolved a second time may give another address (DNS rebinding).
"""

from __future__ import annotations

import socket
from typing import List, Tuple

from ..address_scope import is_public as is_public
from ..errors import TrackerError
from ..threads.original import original
from .interfaces import Address
from .socket_addresses import address_of

MAX_ADDRESSES = 16
"""Addresses of one name that are used; names with round-robin addresses have a handful."""


class FamilyUnavailable(TrackerError):
    """The host has no address of the family asked for, or this machine has none to reach it from."""


def resolve(host: str, port: int, *, allow_private: bool) -> Tuple[Address, ...]:
    """Resolve a host name; waits for as long as the resolver of the system does.

    Args:
        host: A name or a numeric address.
        port: The port of the addresses that are returned.
        allow_private: Return addresses that are not public, too.

    Returns:
        Numeric addresses, in the order that the system prefers.

    Raises:
        TrackerError: There is no address, or none that is allowed.  Its URL is empty.
    """
    if not host.isascii() or not host or any(char <= " " or char == "\x7f" for char in host):
        raise TrackerError(f"{host!r} is not a host name")
    try:
        found = original("socket", "getaddrinfo")(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise TrackerError(f"cannot resolve {host}: {(error.strerror or str(error)).lower()}") from error
    except (OSError, UnicodeError, OverflowError) as error:
        raise TrackerError(f"cannot resolve {host}: {error}") from error
    addresses: List[Address] = []
    for family, _, _, _, place in found:
        address = address_of(place)
        if family in (socket.AF_INET, socket.AF_INET6) and address not in addresses:
            addresses.append(address)
    allowed = [address for address in addresses if allow_private or is_public(address[0])]
    if not addresses:
        raise TrackerError(f"{host} has no address")
    if not allowed:
        raise TrackerError(f"{host} resolves to {addresses[0][0]}, which is not public")
    return tuple(allowed[:MAX_ADDRESSES])
