"""The table from the scheme of a tracker URL to the client that announces to such trackers.

The rule: this table is the only place that knows which schemes are supported.  A tracker of a scheme without a client
has an objection from the start, which its row of the status shows, and is never announced to.
"""

from __future__ import annotations

from typing import Callable, Dict

from ..metainfo.urls import HTTP_SCHEMES, UDP_SCHEMES, scheme_of
from ..protocol.announce import AnnounceRequest
from .interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer, TrackerClient


class TrackerClients:
    """The tracker clients of a session, used as if they were one.

    Args:
        http: The client of HTTP trackers.
        udp: The client of UDP trackers.
    """

    def __init__(self, http: TrackerClient, udp: TrackerClient) -> None:
        self.by_scheme: Dict[str, TrackerClient] = {
            **dict.fromkeys(HTTP_SCHEMES, http),
            **dict.fromkeys(UDP_SCHEMES, udp),
        }
        """The client of each supported scheme; a scheme is in lower case."""

    def objection(self, url: str) -> str:
        """Return why the URL cannot be announced to; empty if it can."""
        scheme = scheme_of(url)
        client = self.by_scheme.get(scheme)
        return f"{scheme} trackers are not supported" if client is None else client.objection(url)

    def announce(
        self,
        url: str,
        request: AnnounceRequest,
        deliver: Callable[[TrackerAnswer], None],
        *,
        endpoint: Endpoint,
        timeout: float,
        trusted: bool,
    ) -> None:
        """Announce to one tracker by the client of its scheme; see ``engine.interfaces.TrackerClient``."""
        client = self.by_scheme[scheme_of(url)]
        client.announce(url, request, deliver, endpoint=endpoint, timeout=timeout, trusted=trusted)

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        """Scrape one tracker by the client of its scheme; see ``engine.interfaces.TrackerClient``."""
        self.by_scheme[scheme_of(url)].scrape(url, infohash, deliver, timeout=timeout, trusted=trusted)
