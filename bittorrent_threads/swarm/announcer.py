"""Which tracker to announce to, when, and with which event (BEP 3, BEP 12, BEP 31).

On each announce the tiers are walked in order, and in a tier the trackers in order; the first one that answers ends
the walk and moves to the front of its tier.  The rule that is not obvious: a tracker stands aside only while it is
backing off after a failure.  One that merely asked for a pause (its interval) keeps the trackers behind it waiting.

``started`` is owed to each tracker until it accepted it, ``completed`` to one tracker in all and only if the download
ended in this run, ``stopped`` to each that may have heard ``started``.  Events may be sent before the interval is
over, but not during a back-off.
"""

from __future__ import annotations

import math
from typing import Any, Iterable, Iterator, List, MutableSequence, NamedTuple, Optional, Protocol, Tuple

from ..metainfo.urls import TRACKER_SCHEMES, clean_url
from ..protocol.announce import COMPLETED, REGULAR, STARTED, STOPPED, AnnounceReply, url_objection
from ..settings import Settings

DEFAULT_INTERVAL = 1800.0
"""Seconds between announces for a tracker that names no interval."""
RETRY_MIN = 5.0
RETRY_MAX = 1800.0
"""First and longest pause after a failure; it doubles each time, and up to its double is added by chance."""
MAX_TRACKERS = 500
"""Trackers of one torrent, as ``metainfo.urls`` keeps them."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """A number from 0.0 up to, and never, 1.0."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put a list into another order, in place."""


class Announce(NamedTuple):
    """One announce to make; the rest of the request is the torrent's."""

    url: str
    event: str
    numwant: int
    key: str
    trackerid: bytes


class TrackerRow(NamedTuple):
    """One tracker as the user may see it; None stands for what is not known."""

    url: str
    tier: int
    state: str
    """``unused``, ``announcing``, ``working``, ``failing``, or ``refused`` (never asked again)."""
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


class _Tracker:
    """What is known of one tracker."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.last_error = url_objection(url)
        self.refused = bool(self.last_error)
        """Never to be asked again."""
        self.started = False
        """It accepted ``started`` and has not been sent ``stopped``."""
        self.failures = 0
        self.retry_at = -math.inf
        self.welcome_at = -math.inf
        """Before this only events are welcome."""
        self.interval: Optional[float] = None
        self.trackerid = b""
        self.reply: Optional[AnnounceReply] = None


class Announcer:
    """The trackers of one torrent.

    ``tiers`` are URLs as ``metainfo.urls`` leaves them, ``key`` is told to all trackers (BEP 7).  Ask ``next_time``,
    make the announce that ``due`` gives at that time, and tell ``succeeded`` or ``failed``: one is under way at a time.
    """

    def __init__(self, tiers: Iterable[Iterable[str]], *, settings: Settings, random: Random, key: str = "") -> None:
        self._settings = settings
        self._random = random
        self._key = key
        self._tiers: List[List[_Tracker]] = []
        self._running = False
        self._next = math.inf
        """When the tiers are walked again."""
        self._in_flight: Optional[Announce] = None
        self._completed_owed = False
        self._completed = False
        for urls in tiers:
            self._tiers.append([])
            for url in urls:
                self._append(url, self._tiers[-1])
            random.shuffle(self._tiers[-1])

    # -- what the torrent does -------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Announce from now on, at once, whatever failed before; idempotent."""
        if self._running:
            return
        self._running = True
        self._next = now
        for tracker in self._trackers():
            tracker.failures = 0
            tracker.retry_at = -math.inf

    def stop(self) -> List[Announce]:
        """Announce no more; returns the ``stopped`` announces to make.  Nobody waits for how they end."""
        self._running = False
        heard = [tracker for tracker in self._trackers() if tracker.started]
        if self._in_flight is not None:
            # It may hear ``started`` even now.
            asked = self._find(self._in_flight.url)
            heard += [] if asked.started else [asked]
            self._in_flight = None
        for tracker in heard:
            tracker.started = False
        self._completed_owed = False
        return [self._announce(tracker, STOPPED) for tracker in heard]

    def complete(self, now: float) -> None:
        """The download ended in this run: ``completed`` is due, once."""
        if self._running and not self._completed and not self._completed_owed:
            self._completed_owed = True
            self._next = min(self._next, now)

    def reannounce(self, now: float) -> None:
        """Announce as soon as the tracker's minimal interval allows."""
        self._next = min(self._next, now)

    def add(self, url: str, tier: int) -> bool:
        """Take one more tracker, at the end of ``tier`` or in a new last tier; False for one known or unusable."""
        cleaned = clean_url(url, TRACKER_SCHEMES)
        if cleaned is None:
            return False
        if tier < len(self._tiers):
            return self._append(cleaned, self._tiers[tier])
        added: List[_Tracker] = []
        if self._append(cleaned, added):
            self._tiers.append(added)
        return bool(added)

    # -- what the engine does --------------------------------------------------------------------------------------

    def next_time(self) -> Optional[float]:
        """When ``due`` will have something; None when an announce is under way or there is none to make."""
        times = [time for _, time in self._walk()]
        return min(times) if times and self._in_flight is None else None

    def due(self, now: float) -> Optional[Announce]:
        """The announce to make now, if there is one."""
        if self._in_flight is not None:
            return None
        for tracker, time in self._walk():
            if time <= now:
                self._in_flight = self._announce(tracker, self._owed(tracker))
                return self._in_flight
        return None

    def succeeded(self, announce: Announce, reply: AnnounceReply, now: float) -> None:
        """The tracker answered ``announce``; ignored when that was overtaken by ``stop``."""
        if announce is not self._in_flight:
            return
        self._in_flight = None
        tracker = self._find(announce.url)
        tracker.started = True
        if announce.event == COMPLETED:
            self._completed_owed = False
            self._completed = True
        tracker.failures = 0
        tracker.last_error = ""
        tracker.reply = reply
        tracker.trackerid = reply.trackerid or tracker.trackerid
        settings = self._settings
        pause = max(settings.announce_min_interval, reply.min_interval or 0.0)
        tracker.interval = min(max(pause, reply.interval or DEFAULT_INTERVAL), settings.announce_max_interval)
        tracker.welcome_at = now + min(pause, tracker.interval)
        self._next = now if self._completed_owed else now + tracker.interval
        for tier in self._tiers:
            if tracker in tier:
                tier.remove(tracker)
                tier.insert(0, tracker)

    def failed(self, announce: Announce, reason: str, now: float, *, retry_in: Optional[float] = None) -> None:
        """``announce`` came to nothing; ``retry_in`` is what the tracker asked for (BEP 31), infinite for never."""
        if announce is not self._in_flight:
            return
        self._in_flight = None
        tracker = self._find(announce.url)
        tracker.last_error = reason
        tracker.failures += 1
        if retry_in is None:
            pause = min(RETRY_MIN * 2.0 ** min(tracker.failures - 1, 30), RETRY_MAX)
            retry_in = pause * (1.0 + self._random.random())
        tracker.refused = math.isinf(retry_in)
        tracker.retry_at = now + retry_in

    def snapshot(self) -> Tuple[TrackerRow, ...]:
        """All trackers, in the order in which they are tried."""
        times = {tracker.url: time for tracker, time in self._walk()}
        return tuple(
            self._row(tracker, number, times.get(tracker.url))
            for number, tier in enumerate(self._tiers)
            for tracker in tier
        )

    # -- the walk --------------------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[Tuple[_Tracker, float]]:
        """The trackers that can have their turn, in order, each with the earliest time of it."""
        if not self._running:
            return
        for tracker in self._trackers():
            if tracker.refused:
                continue
            time = max(self._next, tracker.retry_at)
            if self._owed(tracker) == REGULAR:
                time = max(time, tracker.welcome_at)
            yield tracker, time
            if not tracker.failures:
                return

    def _owed(self, tracker: _Tracker) -> str:
        if not tracker.started:
            return STARTED
        return COMPLETED if self._completed_owed else REGULAR

    def _announce(self, tracker: _Tracker, event: str) -> Announce:
        numwant = 0 if event == STOPPED else self._settings.numwant
        return Announce(tracker.url, event, numwant, self._key, tracker.trackerid)

    # -- the table -------------------------------------------------------------------------------------------------

    def _trackers(self) -> Iterator[_Tracker]:
        for tier in self._tiers:
            yield from tier

    def _find(self, url: str) -> _Tracker:
        return next(tracker for tracker in self._trackers() if tracker.url == url)

    def _append(self, url: str, tier: List[_Tracker]) -> bool:
        known = {tracker.url for tracker in self._trackers()}
        if url in known or len(known) >= MAX_TRACKERS:
            return False
        tier.append(_Tracker(url))
        return True

    def _row(self, tracker: _Tracker, tier: int, time: Optional[float]) -> TrackerRow:
        reply = tracker.reply or AnnounceReply()
        if tracker.refused:
            state = "refused"
        elif self._in_flight is not None and self._in_flight.url == tracker.url:
            state = "announcing"
        elif tracker.failures:
            state = "failing"
        else:
            state = "working" if tracker.reply is not None else "unused"
        return TrackerRow(
            url=tracker.url,
            tier=tier,
            state=state,
            last_error=tracker.last_error,
            warning=reply.warning,
            next_announce=time,
            interval=tracker.interval,
            seeds=reply.complete,
            leechers=reply.incomplete,
            downloads=reply.downloaded,
            failures=tracker.failures,
        )
