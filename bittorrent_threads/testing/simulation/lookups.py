"""``SimLookups``: simulated name resolution and HTTP (``engine.interfaces.Lookups``) in virtual time."""

from __future__ import annotations

from typing import Callable, Dict, List, Type
from urllib.parse import urlsplit

from ...errors import BitTorrentError, TrackerError
from ...net.interfaces import Address, Fetched, Resolved
from ...net.resolver import FamilyUnavailable
from . import tracker
from .network import SimNetwork
from .tracker import SimTracker

DELAY = 0.05
"""Seconds until an answer."""


class Web:
    """The trackers and the addresses of host names; by default a host has addresses of both families."""

    def __init__(self) -> None:
        self.trackers: Dict[str, SimTracker] = {}
        self.names: Dict[str, List[str]] = {}


class SimLookups:
    """The look-ups of one host."""

    def __init__(self, network: SimNetwork, web: Web) -> None:
        self.urls: List[str] = []
        """Every URL fetched."""
        self.resolved: List[str] = []
        """Every name resolved."""
        self._network = network
        self._web = web

    def fetch(
        self,
        url: str,
        timeout: float,
        max_body: int,
        deliver: Callable[[Fetched], None],
        *,
        trusted: bool = False,
        family: int = 0,
        source: str = "",
    ) -> None:
        self.urls.append(url)
        host = urlsplit(url).hostname or ""
        there = self._web.trackers.get(host)
        network = self._network
        own = network.addresses.get(family)
        families = {6 if ":" in address else 4 for address in self._web.names.get(host, ["10.255.0.1", "fd00::ff"])}

        def fail(after: float, reason: str, kind: Type[TrackerError] = TrackerError) -> None:
            network.call_later(after, lambda: deliver(Fetched(url, 0, b"", kind(reason, url))))

        def ask(tracker: SimTracker) -> None:
            status, body = tracker.answer(url, own or network.name)
            if len(body) > max_body:
                fail(DELAY / 2, f"a body of more than {max_body} bytes")
            else:
                network.call_later(DELAY / 2, lambda: deliver(Fetched(url, status, body, None, tracker.host)))

        if there is None:
            fail(DELAY, "name or service not known")
        elif family and (own is None or family not in families):
            fail(DELAY, "has no address of that family", FamilyUnavailable)
        elif there.mood == tracker.DOWN:
            fail(DELAY, "connection refused")
        elif there.mood == tracker.SLOW or not network.online:
            fail(timeout, f"no answer within {timeout:g} s")
        else:
            network.call_later(DELAY / 2, lambda: ask(there))

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Resolved], None]) -> None:
        self.resolved.append(host)
        addresses: List[Address] = [(address, port) for address in self._web.names.get(host, [])]
        error = None if addresses else BitTorrentError(f"{host}: name or service not known")
        self._network.call_later(DELAY, lambda: deliver(Resolved(tuple(addresses), error)))
