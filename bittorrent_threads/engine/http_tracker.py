"""HTTP trackers (BEP 3, BEP 48): an announce or a scrape is one GET that a look-up thread makes.

The rule: nothing of HTTP leaves this module.  A status, a body or an error of the look-up becomes the same reply or
failure that a tracker of any other scheme has.
"""

from __future__ import annotations

import functools
from typing import Callable, Protocol

from ..net.interfaces import Fetched
from ..net.resolver import FamilyUnavailable
from ..protocol.announce import AnnounceReply, AnnounceRequest, url_objection
from ..protocol.scrape import SwarmCounts, parse_scrape, scrape_url
from ..protocol.tracker_reply import TrackerFailure
from ..text import printable
from .announce_order import AnnounceOrder, Clock
from .interfaces.lookups import Lookups
from .interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer

MAX_BODY = 1024 * 1024
"""Bytes of a reply, decompressed; 2000 peers (``protocol.announce.MAX_PEERS``) in the longest form are 190 KB."""


class Scheduler(Clock, Protocol):
    """The part of the network that is used."""

    def defer(self, callback: Callable[[], None]) -> None:
        """Call at the end of the pass."""


class HttpTracker:
    """The client of all HTTP trackers of a session.

    Args:
        lookups: Makes the HTTP requests.
        scheduler: Calls later.
    """

    def __init__(self, lookups: Lookups, scheduler: Scheduler) -> None:
        self._lookups = lookups
        self._defer = scheduler.defer
        self._order = AnnounceOrder(scheduler)

    def objection(self, url: str) -> str:
        """Return why the URL cannot be announced to; empty if it can."""
        return url_objection(url)

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
        """Announce to one tracker; see ``engine.interfaces.TrackerClient``."""
        key = (url, request.infohash, endpoint.family)

        def answered(fetched: Fetched) -> None:
            self._order.ended(key)
            _deliver_answer(deliver, fetched)

        def make(left: float) -> None:
            source = endpoint.source
            sent = request.url(url)
            self._lookups.fetch(sent, left, MAX_BODY, answered, trusted=trusted, family=endpoint.family, source=source)

        self._order.add(key, make, timeout)

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        """Scrape one tracker; see ``engine.interfaces.TrackerClient``."""
        scraped = scrape_url(url, [infohash])
        if scraped is None:
            self._defer(functools.partial(deliver, TrackerFailure("the URL names no scrape (BEP 48)")))
            return
        delivered = functools.partial(_deliver_counts, deliver, infohash)
        self._lookups.fetch(scraped, timeout, MAX_BODY, delivered, trusted=trusted)


def _deliver_answer(deliver: Callable[[TrackerAnswer], None], fetched: Fetched) -> None:
    try:
        answer: TrackerAnswer = AnnounceReply.parse(_body(fetched), host=fetched.host)
    except TrackerFailure as failure:
        answer = _with_status(failure, fetched.status)
    deliver(answer)


def _deliver_counts(deliver: Callable[[ScrapeAnswer], None], infohash: bytes, fetched: Fetched) -> None:
    try:
        answer: ScrapeAnswer = parse_scrape(_body(fetched)).get(infohash, SwarmCounts())
    except TrackerFailure as failure:
        answer = _with_status(failure, fetched.status)
    deliver(answer)


def _body(fetched: Fetched) -> bytes:
    """Return the body of a response; raises TrackerFailure if there is none."""
    error = fetched.error
    if error is not None:
        reason = getattr(error, "reason", "") or printable(str(error))
        raise TrackerFailure(reason, family_unavailable=isinstance(error, FamilyUnavailable))
    return fetched.body


def _with_status(failure: TrackerFailure, status: int) -> TrackerFailure:
    if status < 400:
        return failure
    reason = f"HTTP status {status}, {failure.reason}"
    return TrackerFailure(reason, retry_in=failure.retry_in, interval=failure.interval)
