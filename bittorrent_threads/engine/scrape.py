"""One scrape of the trackers of a torrent, for its user (BEP 48, BEP 15).

The rule: a few trackers are asked at once, each once, and the whole takes no longer than it may; a tracker that could
not be asked in time says so in its result.
"""

from __future__ import annotations

import functools
from typing import Callable, Dict, Optional, Sequence, Tuple

from ..protocol.scrape import SwarmCounts
from ..protocol.tracker_reply import TrackerFailure
from ..status import ScrapeResult
from ..swarm.tracker_state import Tracker
from .interfaces.tracker_client import ScrapeAnswer, TrackerClient

MAX_UNDER_WAY = 8
"""Trackers that are asked at the same time, because hundreds of host names may lead to one victim."""

Done = Callable[[Tuple[ScrapeResult, ...]], None]


class Scrape:
    """A scrape, from its begin to its end.

    Args:
        trackers: The trackers to ask.
        infohash: Identifies the swarm.
        client: Carries scrapes to trackers.
        timeout: Seconds for all of them.
        now: Returns monotonic seconds.
        done: Called once, with a result for each tracker, in their order.
    """

    def __init__(
        self,
        trackers: Sequence[Tracker],
        infohash: bytes,
        *,
        client: TrackerClient,
        timeout: float,
        now: Callable[[], float],
        done: Done,
    ) -> None:
        self._trackers = trackers
        self._infohash = infohash
        self._client = client
        self._timeout = timeout
        self._now = now
        self._deadline = now() + timeout
        self._done: Optional[Done] = done
        self._waiting = list(reversed(trackers))
        self._under_way = 0
        self._results: Dict[str, ScrapeResult] = {}
        """By URL."""
        self._ask()

    def _ask(self) -> None:
        """Ask as many as can be asked now."""
        while self._waiting and self._under_way < MAX_UNDER_WAY:
            tracker = self._waiting.pop()
            left = self._deadline - self._now()
            if tracker.objection:
                self._record(tracker, TrackerFailure(tracker.objection))
            elif left <= 0:
                self._record(tracker, TrackerFailure(f"not asked within {self._timeout:g} s"))
            else:
                self._under_way += 1
                ended = functools.partial(self._ended, tracker)
                self._client.scrape(tracker.url, self._infohash, ended, timeout=left, trusted=tracker.trusted)
        done = self._done
        if not self._under_way and done is not None:
            self._done = None
            done(tuple([self._results[tracker.url] for tracker in self._trackers]))

    def _ended(self, tracker: Tracker, answer: ScrapeAnswer) -> None:
        self._under_way -= 1
        self._record(tracker, answer)
        self._ask()

    def _record(self, tracker: Tracker, answer: ScrapeAnswer) -> None:
        if isinstance(answer, TrackerFailure):
            self._results[tracker.url] = ScrapeResult(tracker.shown, error=answer.reason)
        else:
            tracker.counted(answer)
            self._results[tracker.url] = _result(tracker.shown, answer)


def _result(shown: str, counts: SwarmCounts) -> ScrapeResult:
    if counts.complete is None and counts.incomplete is None:
        return ScrapeResult(shown, error="the tracker does not know the torrent")
    seeds, leechers, downloads = (
        -1 if count is None else count for count in (counts.complete, counts.incomplete, counts.downloaded)
    )
    return ScrapeResult(shown, seeds=seeds, leechers=leechers, downloads=downloads)
