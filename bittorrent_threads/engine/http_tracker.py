"""HTTP trackers (BEP 3): an announce is one GET that a look-up thread makes.

The rule: nothing of HTTP leaves this module.  A status, a body or an error of the look-up becomes the same reply or
failure that a tracker of any other scheme has.
"""

from __future__ import annotations

import functools
from typing import Callable

from ..net.resolver import FamilyUnavailable
from ..protocol.announce import AnnounceReply, AnnounceRequest, url_objection
from ..protocol.tracker_reply import TrackerFailure
from ..text import printable
from .interfaces import Endpoint, Fetched, Lookups, TrackerAnswer

MAX_BODY = 1024 * 1024
"""Bytes of a reply, decompressed; 2000 peers (``protocol.announce.MAX_PEERS``) in the longest form are 190 KB."""


class HttpTracker:
    """The client of all HTTP trackers of a session.

    Args:
        lookups: Makes the HTTP requests.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

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
        self._lookups.fetch(
            request.url(url),
            timeout,
            MAX_BODY,
            functools.partial(_deliver_answer, deliver),
            trusted=trusted,
            family=endpoint.family,
            source=endpoint.source,
        )


def _deliver_answer(deliver: Callable[[TrackerAnswer], None], fetched: Fetched) -> None:
    deliver(_answer(fetched))


def _answer(fetched: Fetched) -> TrackerAnswer:
    error = fetched.error
    if error is not None:
        reason = getattr(error, "reason", "") or printable(str(error))
        return TrackerFailure(reason, family_unavailable=isinstance(error, FamilyUnavailable))
    try:
        return AnnounceReply.parse(fetched.body, host=fetched.host)
    except TrackerFailure as failure:
        if fetched.status < 400:
            return failure
        reason = f"HTTP status {fetched.status}, {failure.reason}"
        return TrackerFailure(reason, retry_in=failure.retry_in, interval=failure.interval)
