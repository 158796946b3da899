"""Which trackers to announce to, when, and with which event (BEP 3, BEP 12, BEP 31).

While peers are wanted every tier is asked, all at once, and in a tier one tracker after the other until one names
peers; each that answered is announced to at its own interval from then on.  While none are wanted it is as BEP 12 says:
the tiers are walked in order, and the first tracker that answers ends the walk.  It moves to the front of its tier in
any case.

The rule that is not obvious: a tracker stands aside only while it is backing off after a failure, with its whole host
if that fails under several URLs.  One that merely asked for a pause (its interval) keeps those behind it waiting.

``started`` is owed to each tracker until it accepted it, ``completed`` to each that knew us before the download ended
in this run, or else to the first that answers, ``stopped`` to each that may have heard ``started``.  Events may be sent
before the interval is over, but not during a back-off.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Iterable, Iterator, List, MutableSequence, NamedTuple, Optional, Protocol, Tuple
from urllib.parse import urlsplit

from ..protocol.announce import COMPLETED, REGULAR, STARTED, STOPPED, AnnounceReply
from ..settings import Settings
from .tracker_state import HOST_PATIENCE, RECENTLY, Host, Tracker

DEFAULT_INTERVAL = 1800.0
"""Seconds between announces for a tracker that names no interval."""
RETRY_MIN = 5.0
RETRY_MAX = 1800.0
"""First and longest pause after a failure; it doubles each time, and up to its double is added by chance."""
MAX_TRACKERS = 500
"""Trackers of one torrent, as ``metainfo.urls`` keeps them."""
MAX_UNDER_WAY = 8
"""Announces of one torrent at once."""
BURST = 20
"""Announces of one torrent in a row."""
RATE = 4.0
"""Announces a second after those: five hundred names may all lead to one host."""


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


class Announcer:
    """The trackers of one torrent.

    ``tiers`` are URLs as ``metainfo.urls`` leaves them, those of a .torrent (``trusted`` if the program made it), and
    ``given`` those that the program names besides, in tiers behind them.  ``key`` is told to all trackers (BEP 7).  Ask
    ``next_time``, make the announces that ``due`` gives at that time, and tell ``succeeded`` or ``failed`` of each.
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
        self.wanting = False
        """Peers are wanted."""
        self.lonely = False
        """There has been no peer for so long that those which were named cannot be good."""
        self._settings = settings
        self._random = random
        self._key = key
        self._tiers: List[List[Tracker]] = []
        self._hosts: Dict[str, Host] = {}
        self._running = False
        self._next = math.inf
        """When the tiers are walked again, while no peers are wanted."""
        self._paced = -math.inf
        """Before this no announce is made but of a completion."""
        self._completed_owed = False
        """No tracker has heard of the end of the download."""
        self._completed = False
        self._completed_at = math.inf
        for urls in tiers:
            self._append_tier(urls, -math.inf, trusted=trusted)
        self.add(given, -math.inf)

    # -- what the torrent does -------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Announce from now on, at once, whatever failed before; idempotent."""
        if self._running:
            return
        self._running = True
        self._next = now
        for tracker in self._trackers():
            tracker.begin(now)

    def stop(self) -> List[Announce]:
        """Announce no more; returns the ``stopped`` announces to make.  Nobody waits for how they end."""
        self._running = False
        # One that is being asked may hear ``started`` even now.
        heard = [tracker for tracker in self._trackers() if tracker.started or tracker.announce is not None]
        for tracker in heard:
            tracker.started = tracker.completed_owed = False
            tracker.announce = None
        self._completed_owed = False
        return [self._announce(tracker, STOPPED) for tracker in heard]

    def complete(self, now: float) -> None:
        """The download ended in this run: ``completed`` is due, once."""
        if self._running and not self._completed and not self._completed_owed:
            self._completed_owed = True
            self._completed_at = now
            self._next = min(self._next, now)
            for tracker in self._trackers():
                tracker.completed_owed = tracker.started or tracker.announce is not None

    def reannounce(self, now: float, *, forgiving: bool = False) -> None:
        """Announce as soon as the least interval of each tracker allows; ``forgiving`` cuts our own back-offs short."""
        self._next = min(self._next, now)
        for tracker in self._trackers():
            tracker.due_at = min(tracker.due_at, now)
            if forgiving:
                tracker.forgive()

    def add(self, tiers: Iterable[Iterable[str]], now: float) -> None:
        """Take more trackers of the program, in tiers behind the others; a known one is trusted from now on."""
        for urls in tiers:
            self._append_tier(urls, now, trusted=True)

    # -- what the engine does --------------------------------------------------------------------------------------

    def next_time(self) -> Optional[float]:
        """When ``due`` will have something; None when there is nothing before an answer comes, or nothing at all."""
        return min((time for _, time in self._free()), default=None)

    def due(self, now: float) -> Optional[Announce]:
        """An announce to make now, if there is one; ask again until there is none."""
        ready = [tracker for tracker, time in self._free() if time <= now]
        if not ready:
            return None
        tracker = next((tracker for tracker in ready if tracker.failed_at + RECENTLY <= now), ready[0])
        tracker.announce = self._announce(tracker, self._owed(tracker))
        self._paced = max(self._paced, now - (BURST - 1) / RATE) + 1 / RATE
        return tracker.announce

    def succeeded(self, announce: Announce, reply: AnnounceReply, now: float, *, named: Optional[int] = None) -> None:
        """The tracker answered ``announce``, and ``named`` so many peers; ignored when ``stop`` overtook that."""
        tracker = self._finish(announce)
        if tracker is None:
            return
        tracker.answered(reply, len(reply.peers) if named is None else named)
        if announce.event == COMPLETED:
            self._completed_owed = tracker.completed_owed = False
            self._completed = True
        settings = self._settings
        pause = max(settings.announce_min_interval, reply.min_interval or 0.0)
        tracker.interval = min(max(pause, reply.interval or DEFAULT_INTERVAL), settings.announce_max_interval)
        tracker.welcome_at = now + min(pause, tracker.interval)
        tracker.due_at = now + tracker.interval
        self._next = now if self._completed_owed else tracker.due_at
        for tier in self._tiers:
            if tracker in tier:
                tier.remove(tracker)
                tier.insert(0, tracker)

    def named(self, url: str, peers: int) -> None:
        """The tracker named more peers, in another answer to the same announce."""
        for tracker in self._trackers():
            if tracker.url == url and tracker.named is not None:
                tracker.named = max(tracker.named, peers)

    def failed(
        self, announce: Announce, reason: str, now: float, *, retry_in: Optional[float] = None, interval: float = 0.0
    ) -> None:
        """``announce`` came to nothing; ignored when ``stop`` overtook that.

        ``retry_in`` is what the tracker asked for (BEP 31), infinite for never; ``interval`` the least it asked for.
        """
        tracker = self._finish(announce)
        if tracker is None:
            return
        tracker.failed(reason, now)
        host = tracker.host
        if host.avoided:
            host.retry_at = now + self._pause(host.failures - HOST_PATIENCE)
        pause = self._pause(tracker.failures - 1) if retry_in is None else retry_in
        tracker.held = retry_in is not None or interval > 0
        tracker.refused = math.isinf(pause)
        tracker.retry_at = now + max(pause, interval)

    def snapshot(self) -> Tuple[TrackerRow, ...]:
        """All trackers, tier by tier, in the order in which they are tried."""
        times = {tracker.url: self._time(tracker) for tracker in self._turns()}
        return tuple(
            self._row(tracker, number, times.get(tracker.url))
            for number, tier in enumerate(self._tiers)
            for tracker in tier
        )

    # -- whose turn it is --------------------------------------------------------------------------------------------

    @property
    def _everywhere(self) -> bool:
        """Every tier is asked, and not one after the other."""
        return self.wanting or self._settings.announce_to_all

    def _turns(self) -> Iterator[Tracker]:
        """The trackers that have their turn, each in its own time."""
        if not self._running:
            return
        passed: List[Tracker] = []
        asked = True
        for tier in self._tiers:
            for tracker in tier:
                if asked and not tracker.refused:
                    yield tracker
                    asked = not self._suffices(tracker)
                else:
                    passed.append(tracker)
            asked = asked or self._everywhere
        yield from (tracker for tracker in passed if tracker.completed_owed and not tracker.refused)

    def _suffices(self, tracker: Tracker) -> bool:
        """The trackers behind this one need not be asked."""
        if tracker.failing or self._settings.announce_to_all:
            return False
        return not (self.wanting and tracker.named is not None and (not tracker.named or self.lonely))

    def _free(self) -> Iterator[Tuple[Tracker, float]]:
        """The trackers that can be asked beside those that are, each with the earliest time of it."""
        hosts = [tracker.host for tracker in self._trackers() if tracker.announce is not None]
        if len(hosts) >= MAX_UNDER_WAY:
            return
        for tracker in self._turns():
            beside = not hosts or self._everywhere or tracker.completed_owed
            if tracker.announce is None and beside and tracker.host.room(hosts.count(tracker.host)):
                yield tracker, self._time(tracker)

    def _time(self, tracker: Tracker) -> float:
        backed_off = max(tracker.retry_at, tracker.host.retry_at)
        owed = self._owed(tracker)
        if owed == COMPLETED:
            return max(backed_off, self._completed_at)
        time = max(backed_off, self._paced, tracker.due_at if self._everywhere else self._next)
        return max(time, tracker.welcome_at) if owed == REGULAR else time

    def _owed(self, tracker: Tracker) -> str:
        if not tracker.started:
            return STARTED
        return COMPLETED if self._completed_owed or tracker.completed_owed else REGULAR

    def _announce(self, tracker: Tracker, event: str) -> Announce:
        numwant = 0 if event == STOPPED else self._settings.numwant
        return Announce(tracker.url, event, numwant, self._key, tracker.trackerid, tracker.trusted)

    def _pause(self, doublings: int) -> float:
        return min(RETRY_MIN * 2.0 ** min(doublings, 30), RETRY_MAX) * (1.0 + self._random.random())

    # -- the table -------------------------------------------------------------------------------------------------

    def _trackers(self) -> Iterator[Tracker]:
        for tier in self._tiers:
            yield from tier

    def _finish(self, announce: Announce) -> Optional[Tracker]:
        """The tracker that ``announce`` was made to, which is not being asked any more; None if it was overtaken."""
        for tracker in self._trackers():
            if tracker.announce is announce:
                tracker.announce = None
                return tracker
        return None

    def _append_tier(self, urls: Iterable[str], now: float, *, trusted: bool) -> None:
        tier: List[Tracker] = []
        self._tiers.append(tier)
        for url in urls:
            self._append(url, tier, now, trusted=trusted)
        self._random.shuffle(tier)
        if not tier:
            self._tiers.pop()

    def _append(self, url: str, tier: List[Tracker], now: float, *, trusted: bool) -> None:
        known = {tracker.url: tracker for tracker in self._trackers()}
        before = known.get(url)
        if before is not None:
            if trusted and not before.trusted:
                before.trusted = True
                before.forgive()
        elif len(known) < MAX_TRACKERS:
            host = self._hosts.setdefault(urlsplit(url).hostname or "", Host())
            tier.append(Tracker(url, host, now, trusted=trusted))

    def _row(self, tracker: Tracker, tier: int, time: Optional[float]) -> TrackerRow:
        reply = tracker.reply or AnnounceReply()
        if tracker.refused:
            state = "refused"
        elif tracker.announce is not None:
            state = "announcing"
        elif tracker.failures:
            state = "failing"
        else:
            state = "working" if tracker.reply is not None else "unused"
        return TrackerRow(
            url=tracker.url,
            shown=tracker.shown,
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
