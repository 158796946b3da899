"""``source_of``: the address of this machine that a TCP connection leaves from.

A session that listens on one address (``Settings.host``) also dials from it, because others list, filter and call back
the address that they see.

The rule: the address is bound where it can reach the other end, and otherwise the system chooses, as it does without
``Settings.host``: for another address family (BEP 7), from a loopback address to another machine and back, and between
a link-local address of IPv6 and anything that is not on the same network.
"""

from __future__ import annotations

import socket
from typing import Optional

from ..address_scope import is_link_local, is_loopback
from .socket_addresses import Place, place_of

_EVERYWHERE = ("", "0.0.0.0", "::")


def source_of(own: str, other: str) -> Optional[Place]:
    """Return the socket address to bind before a connection is made; None to let the system choose.

    Args:
        own: The numeric address of the session; empty for all addresses.
        other: The numeric address of the other end.
    """
    if own in _EVERYWHERE or (":" in own) is not (":" in other) or is_loopback(own) is not is_loopback(other):
        return None
    host, _, zone = own.partition("%")
    if is_link_local(host) or is_link_local(other):
        number = _interface(zone)
        if not (number and is_link_local(host) and is_link_local(other)):
            return None
        if number != _interface(other.partition("%")[2]):
            return None
        host = f"{host}%{number}"
    try:
        return place_of((host, 0), family=6 if ":" in host else 4)
    except ValueError:  # no numeric address: the session cannot listen there either
        return None


def _interface(zone: str) -> int:
    """The number of an interface, 0 if there is none of this name or number."""
    if zone.isascii() and zone.isdecimal():
        return int(zone)
    try:
        return socket.if_nametoindex(zone)
    except (OSError, ValueError):
        return 0
