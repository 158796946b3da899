"""Which tracker to announce to, when, and with which event (BEP 3, BEP 12, BEP 31).

On each announce the tiers are walked in order, and in a tier the trackers in order; the first one that answers ends
the walk and moves to the front of its tier.  The rule that is not obvious: a tracker stands aside only while it is
backing off after a failure.  One that merely asked for a pause (its interval) keeps the trackers behind it waiting.
In a walk that takes long, a tracker that failed comes again only behind those that were not asked yet, and a host that
fails under several URLs is left alone as one tracker would be.

``started`` is owed to each tracker until it accepted it, ``completed`` to one tracker in all and only if the download
ended in this run, ``stopped`` to each that may have heard ``started``.  Events may be sent before the interval is
over, but not during a back-off.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Iterable, Iterator, List, MutableSequence, NamedTuple, Optional, Protocol, Tuple
from urllib.parse import urlsplit

from ..metainfo.urls import TRACKER_SCHEMES, clean_url
from ..protocol.announce import COMPLETED, REGULAR, STARTED, STOPPED, AnnounceReply, url_objection
from ..settings import Settings

DEFAULT_INTERVAL = 1800.0
"""Seconds between announces for a tracker that names no interval."""
RETRY_MIN = 5.0
RETRY_MAX = 1800.0
"""First and longest pause after a failure; it doubles each time, and up to its double is added by chance."""
HOST_PATIENCE = 3
"""Failures in a row at one host, under whatever URLs, after which it backs off as a whole."""
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
    trusted: bool = False
    """The program itself named the tracker, not a .torrent."""


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


class _Host:
    """What is known of a host, whatever trackers it has."""

    def __init__(self) -> None:
        self.failures = 0
        self.retry_at = -math.inf

    @property
    def avoided(self) -> bool:
        """So many of its URLs failed that the others wait too."""
        return self.failures >= HOST_PATIENCE


class _Tracker:
    """What is known of one tracker."""

    def __init__(self, url: str, host: _Host, *, trusted: bool) -> None:
        self.url = url
        self.host = host
        self.trusted = trusted
        self.objection = url_objection(url)
        """Why it can never be asked."""
        self.last_error = self.objection
        self.refused = bool(self.objection)
        """Not to be asked again in this run."""
        self.tried = -1
        """The walk in which it failed last."""
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

    ``tiers`` are URLs as ``metainfo.urls`` leaves them, those of a .torrent (``trusted`` if the program made it), and
    ``given`` those that the program names besides, in tiers behind them.  ``key`` is told to all trackers (BEP 7).  Ask
    ``next_time``, make the announce that ``due`` gives at that time, and tell ``succeeded`` or ``failed``: one is under
    way at a time.
    """

    def __init__(
        self,
        tiers: Iterable[Iterable[str]],
        *,
        settings: Settings,
        random: Random,
        given: Iterable[Iterable[str]] = (),
        trusted: bool = False,
        key: str = "",
    ) -> None:
        self._settings = settings
        self._random = random
        self._key = key
        self._tiers: List[List[_Tracker]] = []
        self._hosts: Dict[str, _Host] = {}
        self._running = False
        self._next = math.inf
        """When the tiers are walked again."""
        self._walks = 0
        """Walks so far, of which each ends with an answer."""
        self._in_flight: Optional[Announce] = None
        self._completed_owed = False
        self._completed = False
        for urls in tiers:
            self._append_tier(urls, trusted=trusted)
        for urls in given:
            self._append_tier(urls, trusted=True)

    # -- what the torrent does -------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Announce from now on, at once, whatever failed before; idempotent."""
        if self._running:
            return
        self._running = True
        self._walks += 1
        self._next = now
        for tracker in self._trackers():
            tracker.failures = tracker.host.failures = 0
            tracker.retry_at = tracker.host.retry_at = -math.inf
            tracker.refused = bool(tracker.objection)

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

    def add(self, url: str, tier: int, *, trusted: bool = False) -> bool:
        """Take one more tracker, at the end of ``tier`` or in a new last tier; False for one known or unusable.

        A known one is ``trusted`` from now on, if this one is.
        """
        cleaned = clean_url(url, TRACKER_SCHEMES)
        if cleaned is None:
            return False
        if tier < len(self._tiers):
            return self._append(cleaned, self._tiers[tier], trusted=trusted)
        added: List[_Tracker] = []
        if self._append(cleaned, added, trusted=trusted):
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
        ready = [tracker for tracker, time in self._walk() if time <= now]
        if ready:
            tracker = next((tracker for tracker in ready if tracker.tried != self._walks), ready[0])
            self._in_flight = self._announce(tracker, self._owed(tracker))
        return self._in_flight

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
        self._walks += 1
        tracker.failures = tracker.host.failures = 0
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
        tracker.tried = self._walks
        tracker.last_error = reason
        tracker.failures += 1
        host = tracker.host
        host.failures += 1
        if host.avoided:
            host.retry_at = now + self._pause(host.failures - HOST_PATIENCE)
        if retry_in is None:
            retry_in = self._pause(tracker.failures - 1)
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
            time = max(self._next, tracker.retry_at, tracker.host.retry_at)
            if self._owed(tracker) == REGULAR:
                time = max(time, tracker.welcome_at)
            yield tracker, time
            if not tracker.failures and not tracker.host.avoided:
                return

    def _owed(self, tracker: _Tracker) -> str:
        if not tracker.started:
            return STARTED
        return COMPLETED if self._completed_owed else REGULAR

    def _announce(self, tracker: _Tracker, event: str) -> Announce:
        numwant = 0 if event == STOPPED else self._settings.numwant
        return Announce(tracker.url, event, numwant, self._key, tracker.trackerid, tracker.trusted)

    def _pause(self, doublings: int) -> float:
        return min(RETRY_MIN * 2.0 ** min(doublings, 30), RETRY_MAX) * (1.0 + self._random.random())

    # -- the table -------------------------------------------------------------------------------------------------

    def _trackers(self) -> Iterator[_Tracker]:
        for tier in self._tiers:
            yield from tier

    def _find(self, url: str) -> _Tracker:
        return next(tracker for tracker in self._trackers() if tracker.url == url)

    def _append_tier(self, urls: Iterable[str], *, trusted: bool) -> None:
        tier: List[_Tracker] = []
        self._tiers.append(tier)
        for url in urls:
            self._append(url, tier, trusted=trusted)
        self._random.shuffle(tier)
        if not tier:
            self._tiers.pop()

    def _append(self, url: str, tier: List[_Tracker], *, trusted: bool) -> bool:
        known = {tracker.url: tracker for tracker in self._trackers()}
        if url in known:
            known[url].trusted |= trusted
        if url in known or len(known) >= MAX_TRACKERS:
            return False
        host = self._hosts.setdefault(urlsplit(url).hostname or "", _Host())
        tier.append(_Tracker(url, host, trusted=trusted))
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
