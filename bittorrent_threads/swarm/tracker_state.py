"""What is known of one tracker of a torrent, and of the host behind it.

The rule: what a tracker asked for (an interval, "retry in") is kept apart from our own back-off, which a start or the
user may cut short.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Optional

from ..protocol.announce import AnnounceReply, url_objection
from ..text import masked

if TYPE_CHECKING:
    from .announcer import Announce

HOST_PATIENCE = 3
"""Failures in a row at one host, under whatever URLs, after which it backs off as a whole; so many are risked."""
RECENTLY = 600.0
"""Seconds for which a tracker that failed stands behind those that were not asked yet."""


class Host:
    """A host, whatever trackers it has."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what failed."""
        self.failures = 0
        self.retry_at = -math.inf

    @property
    def avoided(self) -> bool:
        """So many of its URLs failed that the others wait too."""
        return self.failures >= HOST_PATIENCE

    def room(self, under_way: int) -> bool:
        """Another announce may be made beside so many."""
        return under_way < max(1, HOST_PATIENCE - self.failures)


class Tracker:
    """One URL of a torrent; ``trusted`` if the program itself named it."""

    def __init__(self, url: str, host: Host, now: float, *, trusted: bool) -> None:
        self.url = url
        self.shown = masked(url)
        """The URL without its secrets."""
        self.host = host
        self.trusted = trusted
        self.objection = url_objection(url)
        """Why it can never be asked."""
        self.last_error = self.objection
        self.announce: Optional[Announce] = None
        """The one under way."""
        self.started = False
        """It accepted ``started`` and has not been sent ``stopped``."""
        self.completed_owed = False
        """It knew us before the download ended, and has not heard of that."""
        self.interval: Optional[float] = None
        self.trackerid = b""
        self.reply: Optional[AnnounceReply] = None
        """The latest one, of whatever run."""
        self.welcome_at = -math.inf
        """Before this only events are welcome."""
        self.begin(now)

    def begin(self, now: float) -> None:
        """A run begins: whatever failed before does not count."""
        self.host.reset()
        self.refused = bool(self.objection)
        """Not to be asked again in this run."""
        self.failures = 0
        self.failed_at = -math.inf
        self.retry_at = -math.inf
        self.held = False
        """The tracker itself asked for the pause until ``retry_at``."""
        self.named: Optional[int] = None
        """Peers that it named last; None before its first answer in this run."""
        self.due_at = now
        """When the next announce is due, that of an event or a back-off aside."""

    @property
    def failing(self) -> bool:
        """It failed, or its host did so often that it is not asked."""
        return self.failures > 0 or self.host.avoided

    def forgive(self) -> None:
        """Cut our own back-off short."""
        self.host.retry_at = -math.inf
        if not self.held:
            self.retry_at = self.failed_at = -math.inf

    def answered(self, reply: AnnounceReply, named: int) -> None:
        """It accepted an announce."""
        self.host.reset()
        self.started = True
        self.failures = 0
        self.retry_at = -math.inf
        self.held = False
        self.last_error = ""
        self.reply = reply
        self.named = named
        self.trackerid = reply.trackerid or self.trackerid

    def failed(self, reason: str, now: float) -> None:
        """An announce came to nothing."""
        self.last_error = reason
        self.failures += 1
        self.failed_at = now
        self.host.failures += 1
        self.completed_owed = self.completed_owed and self.started
