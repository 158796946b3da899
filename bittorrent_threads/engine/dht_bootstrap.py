"""Finds nodes through which our DHT node joins the network: those that torrents name, and the routers of the settings.

Nodes of an earlier run and of connected peers need no name lookup, and do not pass here (``DhtNode``).

The rule: names are resolved only when the node needs others, as often as it asks, which is with growing pauses; so a
machine without a network resolves a few names every quarter of an hour.  What an untrusted torrent names is bounded,
and gets one small datagram each.
"""

from __future__ import annotations

import ipaddress
from typing import Callable, Dict, Sequence, Tuple

from ..address_scope import is_loopback
from ..net.interfaces import Address, Resolved
from ..settings import Settings
from ..swarm.bans import remember
from ..text import printable
from .interfaces.lookups import Lookups

MAX_HINTS = 100
"""Nodes of torrents that are remembered, for the session."""


class DhtBootstrap:
    """The routers and nodes of torrents of one session.

    Args:
        lookups: Resolve their names.
        settings: The routers, and the time for a name.
        join: Takes numeric addresses of nodes.
    """

    def __init__(self, lookups: Lookups, settings: Settings, join: Callable[[Sequence[Address]], None]) -> None:
        self.failure = ""
        """Why the last name could not be resolved; empty if it could, or none was to be resolved."""
        self._lookups = lookups
        self._settings = settings
        self._join = join
        self._hints: Dict[Tuple[str, int], None] = {}
        self._resolving = 0
        self._needed = False

    def hint(self, nodes: Sequence[Tuple[str, int]]) -> None:
        """Remember nodes that a torrent names, and ask them if nodes are needed now."""
        fresh = [node for node in nodes if node not in self._hints]
        for node in fresh:
            remember(self._hints, node, None, limit=MAX_HINTS)
        if self._needed:
            self._ask(fresh)

    def begin(self) -> None:
        """Ask all that are known: our node has no other to ask."""
        self._needed = True
        if not self._resolving:  # else the node of the other family has just asked for them
            self._ask([*self._hints, *self._settings.dht_routers])

    def end(self) -> None:
        """Our node has joined the network."""
        self._needed = False

    def _ask(self, nodes: Sequence[Tuple[str, int]]) -> None:
        # A socket of this machine alone reaches no host of the internet, and no name need be looked up.
        local = is_loopback(self._settings.host)
        numeric = [node for node in nodes if _is_numeric(node[0])]
        if numeric:
            self._join(numeric)
        for host, port in nodes:
            if not local and (host, port) not in numeric:
                self._resolving += 1
                self._lookups.resolve(host, port, self._settings.announce_timeout, self._resolved)

    def _resolved(self, resolved: Resolved) -> None:
        self._resolving -= 1
        self.failure = "" if resolved.error is None else printable(str(resolved.error))
        if resolved.addresses:
            self._join(resolved.addresses)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
