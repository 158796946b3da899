"""The addresses of UDP trackers, resolved once for all torrents that name the same host, and remembered for a while.

The rule: a datagram goes to an address that was resolved and checked, and no name is resolved between the two.  An
address that did not answer goes behind the others of its host.
"""

from __future__ import annotations

import functools
from typing import Callable, Dict, List, NamedTuple, Tuple

from ..address_scope import is_public, is_unicast
from ..net.interfaces import Address, Resolved
from .interfaces.lookups import Lookups
from .interfaces.network import Network

LIFETIME = 600.0
"""Seconds for which the addresses of a name are used."""
MAX_NAMES = 1000
"""Names whose addresses are remembered; the oldest is forgotten first."""
LEAST_PRIVATE_PORT = 1024
"""Least port of a tracker that a torrent names at a private address; those below are of services of the system."""

Deliver = Callable[[Resolved], None]


class _Known(NamedTuple):
    """The addresses of a host."""

    hosts: Tuple[str, ...]
    until: float


class TrackerAddresses:
    """Resolves the hosts of UDP trackers.

    Args:
        lookups: Resolves names.
        network: Its clock.
        timeout: Seconds for a name.
    """

    def __init__(self, lookups: Lookups, network: Network, *, timeout: float) -> None:
        self._lookups = lookups
        self._network = network
        self._timeout = timeout
        self._known: Dict[str, _Known] = {}
        self._asked: Dict[str, List[Tuple[int, Deliver]]] = {}
        """Who waits for a name that is being resolved, with the port."""

    def find(self, host: str, port: int, deliver: Deliver) -> None:
        """Deliver the addresses of a host, never from inside this call.

        Args:
            host: A name or a numeric address.
            port: The port of the addresses that are delivered.
            deliver: Receives them, the one to try first in front.
        """
        known = self._known.get(host)
        if known is not None and known.until > self._network.now():
            found = Resolved(tuple([(each, port) for each in known.hosts]), None)
            self._network.defer(functools.partial(deliver, found))
            return
        waiting = self._asked.setdefault(host, [])
        waiting.append((port, deliver))
        if len(waiting) == 1:
            self._lookups.resolve(host, port, self._timeout, functools.partial(self._resolved, host))

    def put_last(self, host: str, address: Address) -> None:
        """Record that an address did not answer: others of its host are tried before it."""
        known = self._known.get(host)
        if known is not None and address[0] in known.hosts:
            others = tuple([each for each in known.hosts if each != address[0]])
            self._known[host] = known._replace(hosts=(*others, address[0]))

    def _resolved(self, host: str, resolved: Resolved) -> None:
        hosts = tuple([address[0] for address in resolved.addresses])
        if hosts:
            self._known.pop(host, None)
            if len(self._known) >= MAX_NAMES:
                del self._known[next(iter(self._known))]
            self._known[host] = _Known(hosts, self._network.now() + LIFETIME)
        for port, deliver in self._asked.pop(host):
            deliver(Resolved(tuple([(each, port) for each in hosts]), resolved.error))


def address_objection(address: Address, *, trusted: bool) -> str:
    """Return why nothing may be sent to the address of a UDP tracker; empty if it may.

    Args:
        address: The resolved address.
        trusted: Whether the program named the tracker, not a torrent.
    """
    host, port = address
    if not is_unicast(host):
        return f"{host} is not the address of one host"
    if not trusted and port < LEAST_PRIVATE_PORT and not is_public(host):
        return f"{host} is not public, and UDP trackers have no port below {LEAST_PRIVATE_PORT} there"
    return ""
