"""The state of one tracker of a torrent, and of the host that serves it.

The rule: a pause that a tracker asked for (an interval, "retry in") is kept apart from our own back-off, because a
start or the user may cut the back-off short, but not the pause.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Optional

from ..protocol.announce import AnnounceReply
from ..protocol.scrape import SwarmCounts
from ..text import masked

HOST_PATIENCE = 3
"""Failures in a row at one host, under any of its URLs, after which all its URLs back off together."""
RECENTLY = 600.0
"""Seconds for which a tracker that failed is asked after those that did not."""


class Announce(NamedTuple):
    """One announce to make; the torrent adds the rest of the request."""

    url: str
    event: str
    numwant: int
    key: str
    trackerid: bytes
    trusted: bool = False
    """The program gave the tracker, not a .torrent."""


class TrackerRow(NamedTuple):
    """The state of one tracker as the user sees it; None stands for what is not known."""

    url: str
    shown: str
    """The URL without its secrets."""
    tier: int
    state: str
    """``unused``, ``announcing``, ``working``, ``failing``, or ``refused`` (not asked again in this run)."""
    last_error: str
    warning: str
    next_announce: Optional[float]
    """Earliest time of the next announce, on the clock of ``now``."""
    interval: Optional[float]
    seeds: Optional[int]
    leechers: Optional[int]
    downloads: Optional[int]
    failures: int
    """In a row."""
    named: Optional[int] = None
    """Number of peers in its last reply of this run."""


class Host:
    """Failures of one host, counted over all its URLs."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self.retry_at = -math.inf

    @property
    def avoided(self) -> bool:
        """Whether so many announces failed that all URLs of the host wait."""
        return self.failures >= HOST_PATIENCE

    def room(self, under_way: int) -> bool:
        """Return whether one more announce may be made beside those under way at this host."""
        return under_way < max(1, HOST_PATIENCE - self.failures)


class Tracker:
    """One tracker URL of a torrent.

    Args:
        url: The announce URL.
        host: The host that serves it, shared by its URLs.
        now: Time on the monotonic clock, in seconds.
        trusted: Whether the program gave the URL, not a .torrent.
        objection: Why the URL cannot be announced to; empty if it can.
    """

    def __init__(self, url: str, host: Host, now: float, *, trusted: bool, objection: str = "") -> None:
        self.url = url
        self.shown = masked(url)
        """The URL without its secrets."""
        self.host = host
        self.trusted = trusted
        self.objection = objection
        self.last_error = objection
        self.announce: Optional[Announce] = None
        """The announce under way."""
        self.started = False
        """The tracker accepted ``started`` and has not been sent ``stopped``."""
        self.completed_owed = False
        """The tracker had accepted ``started`` when the download ended, and has not been sent ``completed``."""
        self.interval: Optional[float] = None
        self.trackerid = b""
        self.reply: Optional[AnnounceReply] = None
        """The latest reply, of this run or an earlier one."""
        self.counts = SwarmCounts()
        """The size of the swarm as of the latest reply or scrape that told it."""
        self.welcome_at = -math.inf
        """Before this time the tracker accepts only announces with an event."""
        self.begin(now)

    def begin(self, now: float) -> None:
        """Start a run: forget the failures of the run before."""
        self.host.reset()
        self.refused = bool(self.objection)
        """The tracker is not asked again in this run."""
        self.failures = 0
        self.failed_at = -math.inf
        self.retry_at = -math.inf
        self.held = False
        """The tracker itself asked for the pause until ``retry_at``."""
        self.named: Optional[int] = None
        """Number of peers in its last reply; None before the first reply of this run."""
        self.due_at = now
        """Time of the next regular announce, unless the tracker is backing off."""

    @property
    def failing(self) -> bool:
        """Whether its last announce failed, or its host is avoided."""
        return self.failures > 0 or self.host.avoided

    def forgive(self) -> None:
        """End our own back-off, but not a pause that the tracker asked for."""
        self.host.retry_at = -math.inf
        if not self.held:
            self.retry_at = self.failed_at = -math.inf

    def answered(self, reply: AnnounceReply, named: int) -> None:
        """Record an accepted announce.

        Args:
            reply: The reply.
            named: Number of peers in it, our own address not counted.
        """
        self.host.reset()
        self.started = True
        self.failures = 0
        self.retry_at = -math.inf
        self.held = False
        self.last_error = ""
        self.reply = reply
        self.counted(SwarmCounts(reply.complete, reply.incomplete, reply.downloaded))
        self.named = named
        self.trackerid = reply.trackerid or self.trackerid

    def counted(self, counts: SwarmCounts) -> None:
        """Record the size of the swarm, as far as it is told."""
        known = {name: count for name, count in counts._asdict().items() if count is not None}
        self.counts = self.counts._replace(**known)

    def failed(self, reason: str, now: float) -> None:
        """Record an announce that failed."""
        self.last_error = reason
        self.failures += 1
        self.failed_at = now
        self.host.failures += 1
        self.completed_owed = self.completed_owed and self.started

    def row(self, tier: int, next_announce: Optional[float]) -> TrackerRow:
        """Return the state for the user.

        Args:
            tier: Number of the tier that the tracker is in, from 0.
            next_announce: Earliest time of the next announce; None if there is none before another tracker answers.
        """
        reply = self.reply or AnnounceReply()
        return TrackerRow(
            url=self.url,
            shown=self.shown,
            tier=tier,
            state=self._state,
            last_error=self.last_error,
            warning=reply.warning,
            next_announce=next_announce,
            interval=self.interval,
            seeds=self.counts.complete,
            leechers=self.counts.incomplete,
            downloads=self.counts.downloaded,
            failures=self.failures,
            named=self.named,
        )

    @property
    def _state(self) -> str:
        if self.refused:
            return "refused"
        if self.announce is not None:
            return "announcing"
        if self.failures:
            return "failing"
        return "unused" if self.reply is None else "working"
