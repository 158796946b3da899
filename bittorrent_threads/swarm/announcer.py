"""Decides which trackers to announce to, when, and with which event (BEP 3, BEP 12, BEP 27, BEP 31).

While peers are wanted, all tiers are asked at once, and within a tier one tracker after the other until one names
peers; each tracker that answered is announced to again at its own interval.  While no peers are wanted, BEP 12 is
followed to the letter: the tiers are walked in order, and the first tracker that answers ends the walk.  In both cases
a tracker that answers moves to the front of its tier.  A private torrent uses one tracker, and goes on to the next only
when that one fails (BEP 27).

The rule that is not obvious: only a tracker that is backing off after a failure is skipped, and all trackers of a host
that failed under several URLs are.  A tracker that asked for a pause (its interval) is not skipped: the trackers behind
it go on waiting.

``started`` is sent to each tracker until that tracker accepts it.  ``completed`` is sent to each tracker that accepted
``started`` before the download ended in this run, or, if there is none, to the first that answers.  ``stopped`` is sent
to each tracker that may have received ``started``.  Events are sent before the interval is over, but not during a
back-off.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Container, Dict, Iterable, Iterator, List, MutableSequence, Optional, Protocol, Tuple
from urllib.parse import urlsplit

from ..protocol.announce import COMPLETED, REGULAR, STARTED, STOPPED, AnnounceReply
from ..settings import Settings
from .tracker_state import HOST_PATIENCE, RECENTLY, Announce, Host, Tracker, TrackerRow

DEFAULT_INTERVAL = 1800.0
"""Seconds between announces for a tracker that names no interval."""
RETRY_MIN = 5.0
RETRY_MAX = 1800.0
"""Seconds of the first and the longest pause after a failure; it doubles with each, plus up to 100 % at random."""
MAX_TRACKERS = 500
"""Trackers of one torrent, as many as ``metainfo.urls`` keeps."""
MAX_UNDER_WAY = 8
"""Announces of one torrent at the same time."""
BURST = 20
"""Announces of one torrent that are made without a pause."""
RATE = 4.0
"""Announces a second after the burst, because hundreds of host names may lead to one victim."""


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def random(self) -> float:
        """Return a number from 0.0 up to, but not including, 1.0."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put a list into a random order, in place."""


class Announcer:
    """The trackers of one torrent, in tiers.

    The caller asks ``next_time`` when to call ``due`` again, makes the announces that ``due`` returns, and reports the
    end of each to ``succeeded`` or ``failed``.  All times are seconds of one monotonic clock.

    Args:
        tiers: URLs of the .torrent, as ``metainfo.urls`` returns them.
        settings: Limits and intervals.
        random: Random source.
        objection: Returns why a URL cannot be announced to, or an empty string; such a tracker is never asked.
        given: URLs that the program gives besides, in tiers behind the others.
        trusted: Whether the program made the .torrent itself.
        key: Text that identifies this client to all trackers after its address changed (BEP 7).
    """

    def __init__(
        self,
        tiers: Iterable[Iterable[str]],
        *,
        settings: Settings,
        random: Random,
        objection: Callable[[str], str],
        given: Iterable[Iterable[str]] = (),
        trusted: bool = False,
        key: str = "",
    ) -> None:
        self.wanting = False
        """Peers are wanted."""
        self.lonely = False
        """No peer was connected for so long that the named peers are taken to be useless."""
        self.private = False
        """The torrent is private."""
        self._settings = settings
        self._random = random
        self._objection = objection
        self._key = key
        self._tiers: List[List[Tracker]] = []
        self._hosts: Dict[str, Host] = {}
        self._running = False
        self._used: Optional[Tracker] = None
        """The tracker that accepted the last announce of this run."""
        self._next = math.inf
        """Time of the next walk through the tiers, while no peers are wanted."""
        self._paced = -math.inf
        """Before this time only ``completed`` is sent."""
        self._completed_owed = False
        """The download ended in this run, and no tracker accepted ``completed`` yet."""
        self._completed = False
        self._completed_at = math.inf
        for urls in tiers:
            self._append_tier(urls, -math.inf, trusted=trusted)
        self.add(given, -math.inf)

    # -- reports of the torrent --------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Start announcing, at once, and forget earlier failures; does nothing if already started."""
        if self._running:
            return
        self._running = True
        self._used = None
        self._next = now
        for tracker in self._trackers():
            tracker.begin(now)

    def stop(self) -> List[Announce]:
        """Stop announcing, and return the ``stopped`` announces to make; how they end is not to be reported."""
        self._running = False
        # ``started`` may be on its way to a tracker whose announce has not ended.
        informed = [tracker for tracker in self._trackers() if tracker.started or tracker.announce is not None]
        for tracker in informed:
            tracker.started = tracker.completed_owed = False
            tracker.announce = None
        self._completed_owed = False
        return [self._announce(tracker, STOPPED) for tracker in informed]

    def complete(self, now: float) -> None:
        """Record that the download ended in this run: ``completed`` is due, once."""
        if self._running and not self._completed and not self._completed_owed:
            self._completed_owed = True
            self._completed_at = now
            self._next = min(self._next, now)
            for tracker in self._trackers():
                tracker.completed_owed = tracker.started or tracker.announce is not None

    def reannounce(self, now: float, *, forgiving: bool = False) -> None:
        """Announce as soon as the least interval of each tracker allows.

        Args:
            now: Current time.
            forgiving: Whether to end our own back-offs too.
        """
        self._next = min(self._next, now)
        for tracker in self._trackers():
            tracker.due_at = min(tracker.due_at, now)
            if forgiving:
                tracker.forgive()

    def add(self, tiers: Iterable[Iterable[str]], now: float) -> None:
        """Append trackers that the program gives, in tiers of their own; a tracker already known becomes trusted."""
        for urls in tiers:
            self._append_tier(urls, now, trusted=True)

    def remove(self, urls: Container[str], now: float) -> List[Announce]:
        """Forget trackers.

        Args:
            urls: Their URLs, as they are or as the user sees them (without secrets).
            now: Current time.

        Returns:
            The ``stopped`` announces to make; how they end is not to be reported.
        """
        removed = [tracker for tracker in self._trackers() if tracker.url in urls or tracker.shown in urls]
        return self._forget(removed, now)

    def replace(self, tiers: Iterable[Iterable[str]], now: float) -> List[Announce]:
        """Use the trackers that the program gives in place of all; those that stay keep their state.

        Returns:
            The ``stopped`` announces to make; how they end is not to be reported.
        """
        before = {tracker.url: tracker for tracker in self._trackers()}
        self._tiers = []
        for urls in tiers:
            self._append_tier(urls, now, trusted=True, before=before)
        kept = set(self._trackers())
        return self._forget([tracker for tracker in before.values() if tracker not in kept], now)

    # -- announces to make -------------------------------------------------------------------------------------------

    def next_time(self) -> Optional[float]:
        """Return the earliest time at which ``due`` returns an announce; None if there is none before another call."""
        return min((time for _, time in self._free()), default=None)

    def due(self, now: float) -> Optional[Announce]:
        """Return an announce to make now, or None; to be called until it returns None."""
        ready = [tracker for tracker, time in self._free() if time <= now]
        if not ready:
            return None
        tracker = next((tracker for tracker in ready if tracker.failed_at + RECENTLY <= now), ready[0])
        tracker.announce = self._announce(tracker, self._owed(tracker))
        self._paced = max(self._paced, now - (BURST - 1) / RATE) + 1 / RATE
        return tracker.announce

    def succeeded(self, announce: Announce, reply: AnnounceReply, now: float, *, named: Optional[int] = None) -> bool:
        """Record that a tracker accepted an announce; ignored if ``stop`` was called since.

        Args:
            announce: The announce, as ``due`` returned it.
            reply: The reply.
            now: Current time.
            named: Number of peers in the reply, our own address not counted; None counts all.

        Returns:
            True if the torrent is private and another tracker was used before, whose peers are to be left.
        """
        tracker = self._finish(announce)
        if tracker is None:
            return False
        switched = self.private and self._used not in (None, tracker)
        self._used = tracker
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
        return switched

    def named(self, url: str, peers: int) -> None:
        """Record the number of peers in a further reply, over another address family, to the same announce."""
        for tracker in self._trackers():
            if tracker.url == url and tracker.named is not None:
                tracker.named = max(tracker.named, peers)

    def failed(
        self, announce: Announce, reason: str, now: float, *, retry_in: Optional[float] = None, interval: float = 0.0
    ) -> bool:
        """Record that an announce failed; ignored if ``stop`` was called since.

        Args:
            announce: The announce, as ``due`` returned it.
            reason: Why it failed, for the user.
            now: Current time.
            retry_in: Seconds to wait that the tracker asked for (BEP 31), infinite for never; None if it did not.
            interval: Least seconds between announces that the tracker asked for; 0 if it did not.

        Returns:
            False if it is ignored.
        """
        tracker = self._finish(announce)
        if tracker is None:
            return False
        tracker.failed(reason, now)
        host = tracker.host
        if host.avoided:
            host.retry_at = now + self._pause(host.failures - HOST_PATIENCE)
        pause = self._pause(tracker.failures - 1) if retry_in is None else retry_in
        tracker.held = retry_in is not None or interval > 0
        tracker.refused = math.isinf(pause)
        tracker.retry_at = now + max(pause, interval)
        return True

    def snapshot(self) -> Tuple[TrackerRow, ...]:
        """Return the state of all trackers, tier by tier, in the order in which they are tried."""
        times = {tracker.url: self._time(tracker) for tracker in self._eligible()}
        return tuple(
            tracker.row(number, times.get(tracker.url)) for number, tier in enumerate(self._tiers) for tracker in tier
        )

    def scraped(self) -> List[Tracker]:
        """Return the trackers to ask for the size of the swarm; of a private torrent the one that it uses."""
        if not self.private:
            return list(self._trackers())
        return [tracker for tier in self._walk() for tracker in tier if not tracker.objection][:1]

    # -- which tracker is next ---------------------------------------------------------------------------------------

    @property
    def _everywhere(self) -> bool:
        """Whether all tiers are asked at once, not one after the other."""
        return not self.private and (self.wanting or self._settings.announce_to_all)

    def _eligible(self) -> Iterator[Tracker]:
        """Iterate over the trackers that are to be announced to before the state of another tracker changes."""
        if not self._running:
            return
        passed: List[Tracker] = []
        asked = True
        for tier in self._walk():
            for tracker in tier:
                if asked and not tracker.refused:
                    yield tracker
                    asked = not self._suffices(tracker)
                else:
                    passed.append(tracker)
            asked = asked or self._everywhere
        if not self.private:
            yield from (tracker for tracker in passed if tracker.completed_owed and not tracker.refused)

    def _walk(self) -> Iterator[List[Tracker]]:
        """Iterate over the tiers; the tracker that a private torrent uses is in front of all."""
        used = self._used
        if self.private and used is not None and used in self._trackers():
            yield [used]
            yield from ([tracker for tracker in tier if tracker is not used] for tier in self._tiers)
        else:
            yield from self._tiers

    def _suffices(self, tracker: Tracker) -> bool:
        """Return whether this tracker makes those behind it in its tier unnecessary."""
        if tracker.failing or self.private:
            return not tracker.failing
        if self._settings.announce_to_all:
            return False
        return not (self.wanting and tracker.named is not None and (not tracker.named or self.lonely))

    def _free(self) -> Iterator[Tuple[Tracker, float]]:
        """Iterate over the trackers that can be asked beside those being asked, with the earliest time of each."""
        hosts = [tracker.host for tracker in self._trackers() if tracker.announce is not None]
        if len(hosts) >= MAX_UNDER_WAY:
            return
        for tracker in self._eligible():
            beside = not hosts or self._everywhere or (tracker.completed_owed and not self.private)
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
        """Return the tracker of an announce that ended; None if ``stop`` was called since the announce was made."""
        for tracker in self._trackers():
            if tracker.announce is announce:
                tracker.announce = None
                return tracker
        return None

    def _forget(self, removed: List[Tracker], now: float) -> List[Announce]:
        self._tiers = [[each for each in tier if each not in removed] for tier in self._tiers]
        self._tiers = [tier for tier in self._tiers if tier]
        if self._used in removed:
            self._next = min(self._next, now)
        hosts = {tracker.host for tracker in self._trackers()}
        self._hosts = {name: host for name, host in self._hosts.items() if host in hosts}
        informed = [each for each in removed if self._running and (each.started or each.announce is not None)]
        return [self._announce(tracker, STOPPED) for tracker in informed]

    def _append_tier(
        self, urls: Iterable[str], now: float, *, trusted: bool, before: Optional[Dict[str, Tracker]] = None
    ) -> None:
        """Append a tier; a tracker that was there ``before`` goes into it as it is."""
        tier: List[Tracker] = []
        self._tiers.append(tier)
        for url in urls:
            known = (before or {}).get(url)
            if known is not None and known not in self._trackers():
                tier.append(known)
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
            tier.append(Tracker(url, host, now, trusted=trusted, objection=self._objection(url)))
