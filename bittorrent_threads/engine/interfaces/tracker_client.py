"""``TrackerClient``: what announces to trackers, and scrapes them."""

from __future__ import annotations

from typing import Callable, NamedTuple, Protocol, Union

from ...protocol.announce import AnnounceReply, AnnounceRequest
from ...protocol.scrape import SwarmCounts
from ...protocol.tracker_reply import TrackerFailure


class Endpoint(NamedTuple):
    """A local address from which trackers are asked."""

    family: int
    """Address family: 4, 6, or 0 for any."""
    source: str
    """Numeric local address; empty for any of the family."""


TrackerAnswer = Union[AnnounceReply, TrackerFailure]
"""The end of an announce."""

ScrapeAnswer = Union[SwarmCounts, TrackerFailure]
"""The end of a scrape."""


class TrackerClient(Protocol):
    """Announces to, and scrapes, the trackers of a URL scheme (``engine.tracker_clients`` has the table)."""

    def objection(self, url: str) -> str:
        """Return why the URL cannot be announced to; empty if it can."""

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
        """Announce to one tracker.

        Args:
            url: URL of the tracker, to which there is no objection.
            request: What to tell the tracker.
            deliver: Called once, within ``timeout``, with the reply or the failure.
            endpoint: Where the announce is to come from: the tracker lists the address that it sees (BEP 7).
            timeout: Seconds for everything, name resolution included.
            trusted: Whether the program gave the URL, not a .torrent; others are limited at private addresses.
        """

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        """Ask one tracker for the size of a swarm.

        Args:
            url: URL of the tracker, to which there is no objection.
            infohash: Identifies the swarm, 20 bytes.
            deliver: Called once, within ``timeout``, with the counts or the failure.
            timeout: Seconds for everything.
            trusted: As for ``announce``.
        """
