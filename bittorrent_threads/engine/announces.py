"""Carries out what the announcer decides: makes the URL, lets a look-up thread fetch it, hands on what came back.

An announce is made once over each address family that we listen on (BEP 7), so that peers of both hear of us, and is
one to the announcer: the first answer counts, and it failed when it failed over every family.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional, Tuple

from .. import events
from ..errors import BitTorrentError
from ..net.resolver import FamilyUnavailable
from ..protocol.announce import PAUSED, REGULAR, STARTED, STOPPED, AnnounceReply, AnnounceRequest
from ..protocol.tracker_reply import TrackerFailure
from ..status import TrackerStatus
from ..swarm.announcer import Announce, Announcer, TrackerRow
from ..swarm.peer_list import Source
from ..text import masked, printable
from .interfaces import Fetched

if TYPE_CHECKING:
    from .engine import Endpoint
    from .torrent import Torrent

MAX_BODY = 1024 * 1024
"""Bytes of a tracker's answer, decompressed."""
UNAVAILABLE_PAUSE = 3600.0
"""Seconds for which a tracker is not asked over a family that it, or this machine, does not have."""
LONELY = 60.0
"""Seconds without a connected peer after which the peers that trackers named are not relied on."""

Way = Tuple[str, int]
"""URL of a tracker, and address family."""


class _Telling:
    """An announce on its way, over one family or two."""

    def __init__(self, announce: Announce) -> None:
        self.announce = announce
        self.waiting = 0
        """Answers that will come."""
        self.answered = False
        self.failure: Optional[TrackerFailure] = None
        """The one that tells most."""


class Announces:
    """The trackers of one torrent: those of its metainfo, and tiers ``given`` by the program."""

    def __init__(self, torrent: Torrent, given: Iterable[Iterable[str]]) -> None:
        metainfo = torrent.metainfo
        self._torrent = torrent
        self._announcer = Announcer(
            metainfo.trackers,
            given=given,
            trusted=metainfo.trackers_trusted,
            settings=torrent.settings,
            random=torrent.random,
            key=torrent.engine.key,
        )
        self._heard: Dict[Way, bool] = {}
        """True: the tracker accepted ``started`` this way.  False: it may have."""
        self._unavailable: Dict[Way, float] = {}
        """Until when it is not asked this way."""
        self._due: Optional[float] = None
        """When the next announce is to be made, as far as is known: of a thousand torrents most only wait for it."""
        self._alone_since = 0.0
        self.rows: Tuple[TrackerStatus, ...] = ()
        """The trackers as of the last tick."""
        self._refresh()

    def start(self) -> None:
        """Tell the trackers that we are there."""
        self._alone_since = self._torrent.now()
        self._unavailable.clear()
        self._announcer.start(self._torrent.now())
        self._go()
        self._refresh()

    def complete(self) -> None:
        """The download ended in this run."""
        self._announcer.complete(self._torrent.now())
        self._go()
        self._refresh()

    def reannounce(self) -> None:
        """Tell the trackers again, as soon as each allows, those that failed too."""
        self._unavailable.clear()
        self._announcer.reannounce(self._torrent.now(), forgiving=True)
        self._go()
        self._show()

    def add(self, tiers: Iterable[Iterable[str]]) -> None:
        """More trackers of the program."""
        self._announcer.add(tiers, self._torrent.now())
        self._go()
        self._show()

    def stop(self) -> None:
        """Tell the trackers that we go; whoever waits for the torrent to be quiet waits for that, not for long."""
        for announce in self._announcer.stop():
            self._tell(announce, self._torrent.settings.stop_announce_timeout)
        self._heard.clear()
        self._refresh()

    def tick(self, now: float) -> None:
        """Once a second while the torrent is started."""
        torrent = self._torrent
        if torrent.picker.missing:
            if len(torrent.peers):
                self._alone_since = now
            elif not torrent.peerlist.promising:
                self._announcer.reannounce(now)
            self._look(now)
            self._due = self._announcer.next_time()
        if self._due is not None and self._due <= now:
            self._go()

    def _look(self, now: float) -> None:
        """See whether peers are wanted."""
        torrent = self._torrent
        enough = torrent.settings.max_connections_per_torrent
        known = max(len(torrent.peers), torrent.peerlist.counts.known)
        self._announcer.wanting = bool(torrent.picker.missing) and known < enough
        self._announcer.lonely = now - self._alone_since >= LONELY

    def _go(self) -> None:
        now = self._torrent.now()
        self._look(now)
        announce = self._announcer.due(now)
        if announce is not None:
            while announce is not None:
                self._tell(announce, self._torrent.settings.announce_timeout)
                announce = self._announcer.due(now)
            self._refresh()
        self._due = self._announcer.next_time()

    # -- one announce ------------------------------------------------------------------------------------------------

    def _tell(self, announce: Announce, timeout: float) -> None:
        torrent = self._torrent
        telling = _Telling(announce)
        for endpoint in self._endpoints(announce):
            way = (announce.url, endpoint.family)
            request = self._request(announce, way)
            if announce.event == STOPPED:
                torrent.wait_group.expect()
            else:
                self._heard.setdefault(way, False)
            telling.waiting += 1
            torrent.engine.lookups.fetch(
                request.url(announce.url),
                timeout,
                MAX_BODY,
                functools.partial(self._answered, telling, way),
                trusted=announce.trusted,
                family=endpoint.family,
                source=endpoint.source,
            )

    def _endpoints(self, announce: Announce) -> List[Endpoint]:
        """The families to use, each with the address that it is used from."""
        endpoints = self._torrent.engine.endpoints
        if announce.event == STOPPED:
            there = [endpoint for endpoint in endpoints if (announce.url, endpoint.family) in self._heard]
        else:
            now, until = self._torrent.now(), self._unavailable
            there = [each for each in endpoints if until.get((announce.url, each.family), now) <= now]
        return there or list(endpoints)

    def _request(self, announce: Announce, way: Way) -> AnnounceRequest:
        torrent = self._torrent
        partial = not torrent.picker.missing and not torrent.have.full
        event = announce.event
        if event not in (STARTED, STOPPED) and not self._heard.get(way):
            event = STARTED
        return AnnounceRequest(
            infohash=torrent.metainfo.infohash,
            peerid=torrent.engine.peerid,
            port=torrent.engine.public_port,
            uploaded=torrent.peers.uploaded,
            downloaded=torrent.peers.downloaded,
            left=torrent.piece_tracker.missing_bytes,
            event=PAUSED if event == REGULAR and partial else event,
            numwant=announce.numwant,
            key=announce.key,
            trackerid=announce.trackerid,
            ip=_of_family(torrent.settings.announce_ip, way[1]),
        )

    def _answered(self, telling: _Telling, way: Way, fetched: Fetched) -> None:
        telling.waiting -= 1
        try:
            reply = _parsed(fetched)
        except TrackerFailure as failure:
            self._failed(telling, way, failure, fetched.error)
        else:
            self._succeeded(telling, way, reply, fetched.host)
        if telling.announce.event == STOPPED:
            self._torrent.wait_group.answered()
        else:
            self._go()

    def _succeeded(self, telling: _Telling, way: Way, reply: AnnounceReply, teller: str) -> None:
        torrent, announce = self._torrent, telling.announce
        if way in self._heard:
            self._heard[way] = True
        named = self._others(reply)
        if telling.answered:
            self._announcer.named(announce.url, named)
        else:
            self._announcer.succeeded(announce, reply, torrent.now(), named=named)
        telling.answered = True
        torrent.engine.own_host.told(reply.external_ip, teller)
        self._show()
        torrent.publish(
            events.TrackerAnnounced,
            url=masked(announce.url),
            event=announce.event,
            peers=len(reply.peers),
            seeds=-1 if reply.complete is None else reply.complete,
            leechers=-1 if reply.incomplete is None else reply.incomplete,
            warning=reply.warning,
        )
        if torrent.state != "stopped":
            torrent.learn(reply.peers, Source.TRACKER, teller=teller)

    def _others(self, reply: AnnounceReply) -> int:
        """How many peers were named besides ourselves, whom many trackers name too."""
        counted = (reply.complete or 0) + (reply.incomplete or 0)
        return 0 if len(reply.peers) == 1 and counted == 1 else len(reply.peers)

    def _failed(self, telling: _Telling, way: Way, failure: TrackerFailure, error: Optional[BitTorrentError]) -> None:
        announce, now = telling.announce, self._torrent.now()
        if self._heard.get(way) is False:
            del self._heard[way]
        unavailable = isinstance(error, FamilyUnavailable)
        if unavailable:
            self._unavailable[way] = now + UNAVAILABLE_PAUSE
        if telling.failure is None or not unavailable:
            telling.failure = failure
        if telling.waiting or telling.answered:
            return
        told = telling.failure
        self._announcer.failed(announce, told.reason, now, retry_in=told.retry_in, interval=told.interval)
        self._show()
        self._torrent.publish(events.TrackerFailed, url=masked(announce.url), event=announce.event, reason=told.reason)

    # -- the table ---------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Have the status tell it at once: what an event is about to tell, or the user just did."""
        self._refresh()
        self._torrent.refresh()

    def _refresh(self) -> None:
        now = self._torrent.now()
        self.rows = tuple([_status(row, now) for row in self._announcer.snapshot()])


def _parsed(fetched: Fetched) -> AnnounceReply:
    """What the tracker answered; raises TrackerFailure, also where none did."""
    if fetched.error is not None:
        raise TrackerFailure(getattr(fetched.error, "reason", "") or printable(str(fetched.error)))
    try:
        return AnnounceReply.parse(fetched.body)
    except TrackerFailure as failure:
        if fetched.status < 400:
            raise
        reason = f"HTTP status {fetched.status}, {failure.reason}"
        raise TrackerFailure(reason, retry_in=failure.retry_in, interval=failure.interval) from failure


def _of_family(ip: str, family: int) -> str:
    """The address, if it may be told over this family."""
    return ip if ip and family in (0, ipaddress.ip_address(ip).version) else ""


def _status(row: TrackerRow, now: float) -> TrackerStatus:
    return TrackerStatus(
        url=row.shown,
        tier=row.tier,
        state=row.state,
        working=row.state == "working",
        error=row.last_error,
        warning=row.warning,
        next_announce=-1.0 if row.next_announce is None else max(0.0, row.next_announce - now),
        seeds=-1 if row.seeds is None else row.seeds,
        leechers=-1 if row.leechers is None else row.leechers,
    )
