"""Carries out what the announcer decides: makes the URL, lets a look-up thread fetch it, hands on what came back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Iterable, Optional, Tuple

from .. import events
from ..protocol.announce import PAUSED, STOPPED, AnnounceReply, AnnounceRequest
from ..protocol.tracker_reply import TrackerFailure
from ..status import TrackerStatus
from ..swarm.announcer import Announce, Announcer, TrackerRow
from ..swarm.peerlist import Source
from ..text import masked, printable
from .ports import Fetched

if TYPE_CHECKING:
    from .torrent import Torrent

MAX_BODY = 1024 * 1024
"""Bytes of a tracker's answer, decompressed."""


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
        self.rows: Tuple[TrackerStatus, ...] = ()
        """The trackers as of the last tick."""
        self._refresh()

    def start(self) -> None:
        """Tell the trackers that we are there."""
        self._announcer.start(self._torrent.now())
        self._go()

    def complete(self) -> None:
        """The download ended in this run."""
        self._announcer.complete(self._torrent.now())
        self._go()

    def stop(self) -> None:
        """Tell the trackers that we go; whoever waits for the torrent to be quiet waits for that, not for long."""
        for announce in self._announcer.stop():
            self._torrent.farewell.expect()
            self._fetch(announce, self._torrent.settings.stop_announce_timeout)
        self._refresh()

    def tick(self, now: float) -> None:
        """Once a second while the torrent is started."""
        torrent = self._torrent
        if torrent.picker.missing and not len(torrent.peers) and not torrent.peerlist.promising:
            self._announcer.reannounce(now)
        due = self._announcer.next_time()
        if due is not None and due <= now:
            self._go()

    def _go(self) -> None:
        announce = self._announcer.due(self._torrent.now())
        if announce is not None:
            self._fetch(announce, self._torrent.settings.announce_timeout)
        self._refresh()

    def _fetch(self, announce: Announce, timeout: float) -> None:
        torrent = self._torrent
        partial = not torrent.picker.missing and not torrent.have.full
        request = AnnounceRequest(
            infohash=torrent.metainfo.infohash,
            peerid=torrent.engine.peerid,
            # Trackers refuse port 0; without a listening socket no port is right, and peers are wanted all the same.
            port=torrent.engine.port or torrent.settings.port or 1,
            uploaded=torrent.peers.uploaded,
            downloaded=torrent.peers.downloaded,
            left=torrent.holdings.missing_bytes,
            event=announce.event or (PAUSED if partial else ""),
            numwant=announce.numwant,
            key=announce.key,
            trackerid=announce.trackerid,
        )
        answered = functools.partial(self._answered, announce)
        torrent.engine.lookups.fetch(
            request.url(announce.url), timeout, MAX_BODY, answered, trusted=announce.trusted
        )

    def _answered(self, announce: Announce, fetched: Fetched) -> None:
        torrent = self._torrent
        if fetched.error is not None:
            self._failed(announce, getattr(fetched.error, "reason", "") or printable(str(fetched.error)))
        else:
            try:
                self._succeeded(announce, AnnounceReply.parse(fetched.body), fetched.host)
            except TrackerFailure as error:
                reason = error.reason if fetched.status < 400 else f"HTTP status {fetched.status}, {error.reason}"
                self._failed(announce, reason, retry_in=error.retry_in)
        if announce.event == STOPPED:
            torrent.farewell.answered()
        else:
            self._go()

    def _succeeded(self, announce: Announce, reply: AnnounceReply, teller: str) -> None:
        torrent = self._torrent
        self._announcer.succeeded(announce, reply, torrent.now())
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

    def _failed(self, announce: Announce, reason: str, retry_in: Optional[float] = None) -> None:
        self._announcer.failed(announce, reason, self._torrent.now(), retry_in=retry_in)
        self._show()
        self._torrent.publish(events.TrackerFailed, url=masked(announce.url), event=announce.event, reason=reason)

    def _show(self) -> None:
        """Have the status tell what an event is about to tell."""
        self._refresh()
        self._torrent.refresh()

    def _refresh(self) -> None:
        now = self._torrent.now()
        self.rows = tuple([_status(row, now) for row in self._announcer.snapshot()])


def _status(row: TrackerRow, now: float) -> TrackerStatus:
    return TrackerStatus(
        url=masked(row.url),
        tier=row.tier,
        working=row.state == "working",
        error=row.last_error,
        warning=row.warning,
        next_announce=-1.0 if row.next_announce is None else max(0.0, row.next_announce - now),
        seeds=-1 if row.seeds is None else row.seeds,
        leechers=-1 if row.leechers is None else row.leechers,
    )
