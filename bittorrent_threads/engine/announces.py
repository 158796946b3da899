"""Makes the announces of one torrent that the announcer decides on, and reports their ends to it and to the user.

Each announce is made once over each address family of the session, so that peers of both families learn our address
(BEP 7).  To the announcer these are one announce: the first reply counts, and it failed if it failed over all families.

The rule: this module builds requests and reads replies as values, and does not know which protocol carries them
(``interfaces.TrackerClient``).
"""

from __future__ import annotations

import functools
import ipaddress
from typing import Any, Callable, Container, Iterable, List, Optional, Protocol, Sequence, Tuple

from .. import events
from ..net.interfaces import Address
from ..protocol.announce import PAUSED, REGULAR, STARTED, STOPPED, AnnounceReply, AnnounceRequest
from ..protocol.tracker_reply import TrackerFailure
from ..settings import Settings
from ..status import ScrapeResult, TrackerStatus
from ..swarm.announcer import Announcer, Random
from ..swarm.external_address import ExternalAddress
from ..swarm.peer_list import PeerList, Source
from ..swarm.tracker_state import Announce, TrackerRow
from ..text import masked
from .interfaces.tracker_client import Endpoint, TrackerAnswer, TrackerClient
from .scrape import Done, Scrape
from .tracker_routes import Route, TrackerRoutes
from .wait_group import WaitGroup

LONELY = 60.0
"""Seconds without a connected peer after which the peers that trackers named are taken to be useless."""


class AnnouncingSession(Protocol):
    """What trackers are told of the session."""

    key: str
    """Identifies the session after its address changed (BEP 7)."""
    peerid: bytes
    own_host: ExternalAddress

    @property
    def endpoints(self) -> Tuple[Endpoint, ...]:
        """Local addresses, one of each address family; never empty."""

    @property
    def public_port(self) -> int:
        """TCP port at which peers reach the session."""

    def drop_handshakes(self, torrent: object) -> None:
        """Give up the connections that are being made for this torrent."""


class Progress(Protocol):
    """How much of a torrent is there."""

    @property
    def left(self) -> int:
        """Bytes of wanted files that are missing."""

    @property
    def wanting(self) -> bool:
        """Whether pieces of wanted files are missing."""

    @property
    def partial_seed(self) -> bool:
        """Whether all wanted pieces are there, and others are not (BEP 21)."""


class AnnouncedTorrent(Protocol):
    """The torrent that is announced."""

    @property
    def progress(self) -> Progress:
        """How much of the torrent is there."""

    @property
    def private(self) -> bool:
        """Whether it is known to be private (BEP 27)."""

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers."""

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        """Publish an event of the torrent."""

    def refresh(self) -> None:
        """Update the status that the user reads."""


class Transfers(Protocol):
    """The connected peers, and what was exchanged with these and earlier ones."""

    def __len__(self) -> int:
        """Return the number of connected peers."""

    @property
    def downloaded(self) -> int:
        """Payload bytes received."""

    @property
    def uploaded(self) -> int:
        """Payload bytes sent."""

    def close_all(self, reason: str) -> None:
        """Close every connection."""


class _Attempt:
    """One announce that was sent over one or more address families."""

    def __init__(self, announce: Announce) -> None:
        self.announce = announce
        self.waiting = 0
        """Number of answers to come."""
        self.answered = False
        """There was a reply."""
        self.failure: Optional[TrackerFailure] = None
        """The failure to report: one of a family that was available, if there is one."""

    def failed(self, failure: TrackerFailure) -> TrackerFailure:
        """Take the failure of one family; return the failure to report."""
        before = self.failure
        if before is not None and before.family_unavailable and failure.family_unavailable:
            # Which of the two comes first is chance, and either may be what matters.
            failure = TrackerFailure("; ".join(sorted({before.reason, failure.reason})), family_unavailable=True)
        elif before is not None and failure.family_unavailable:
            failure = before
        self.failure = failure
        return failure


class Announces:
    """The trackers of one torrent.

    Args:
        tiers: URLs of the .torrent, in tiers.
        given: URLs that the program gives besides, in tiers behind the others.
        trusted: Whether the program made the .torrent itself.
        infohash: Infohash to announce.
        torrent: The torrent that is announced.
        session: Its session.
        client: Carries announces to trackers.
        peers: The connected peers.
        peer_list: The known peers.
        wait_group: Waits for the ``stopped`` announces.
        settings: Limits and intervals.
        random: Random source.
        now: Returns the time of the monotonic clock, in seconds.
    """

    def __init__(
        self,
        tiers: Iterable[Iterable[str]],
        *,
        given: Iterable[Iterable[str]],
        trusted: bool,
        infohash: bytes,
        torrent: AnnouncedTorrent,
        session: AnnouncingSession,
        client: TrackerClient,
        peers: Transfers,
        peer_list: PeerList,
        wait_group: WaitGroup,
        settings: Settings,
        random: Random,
        now: Callable[[], float],
    ) -> None:
        self._infohash = infohash
        self._torrent = torrent
        self._session = session
        self._client = client
        self._peers = peers
        self._peer_list = peer_list
        self._wait_group = wait_group
        self._settings = settings
        self._now = now
        self._announcer = Announcer(
            tiers,
            given=given,
            trusted=trusted,
            settings=settings,
            random=random,
            objection=client.objection,
            key=session.key,
        )
        self.running = False
        """Announces are made: the torrent is started, and its files are examined."""
        self._routes = TrackerRoutes()
        self._due: Optional[float] = None
        """Time of the next announce, None if there is none before an answer: an idle torrent only compares it."""
        self._lonely_since = 0.0
        """When a peer was connected last."""
        self.rows: Tuple[TrackerStatus, ...] = ()
        """The trackers as of the latest change."""
        self._refresh_rows()

    def start(self) -> None:
        """Start announcing, with ``started``."""
        self.running = True
        self._lonely_since = self._now()
        self._routes.forgive()
        self._announcer.start(self._now())
        self._announce_due()
        self._refresh_rows()

    def complete(self) -> None:
        """Announce that the download ended in this run."""
        self._announcer.complete(self._now())
        self._announce_due()
        self._refresh_rows()

    def reannounce(self) -> None:
        """Announce again as soon as each tracker allows, also to those that failed."""
        self._routes.forgive()
        self._announcer.reannounce(self._now(), forgiving=True)
        self._announce_due()
        self._refresh_status()

    def add(self, tiers: Iterable[Iterable[str]]) -> None:
        """Append trackers that the program gives."""
        self._announcer.add(tiers, self._now())
        self._announce_due()
        self._refresh_status()

    def remove(self, urls: Container[str]) -> None:
        """Forget trackers, which are told ``stopped``; see ``Announcer.remove``."""
        self._leave(self._announcer.remove(urls, self._now()))

    def replace(self, tiers: Iterable[Iterable[str]]) -> None:
        """Use these trackers of the program in place of all others, which are told ``stopped``."""
        self._leave(self._announcer.replace(tiers, self._now()))

    def _leave(self, stopped: Iterable[Announce]) -> None:
        for announce in stopped:
            self._send(announce, self._settings.stop_announce_timeout)
        self._announce_due()
        self._refresh_status()

    def scrape(self, timeout: float, done: Done) -> None:
        """Ask the trackers for the size of the swarm; ``done`` gets a result for each, or for that which is used.

        Args:
            timeout: Seconds for all of them.
            done: Called once, at once if there is no tracker.
        """

        def ended(results: Tuple[ScrapeResult, ...]) -> None:
            self._refresh_status()
            done(results)

        self._announcer.private = self._torrent.private
        trackers = self._announcer.scraped()
        Scrape(trackers, self._infohash, client=self._client, timeout=timeout, now=self._now, done=ended)

    def stop(self) -> None:
        """Stop announcing, with ``stopped``; the wait group waits for the answers, for a short time only."""
        self.running = False
        for announce in self._announcer.stop():
            self._send(announce, self._settings.stop_announce_timeout)
        self._routes.forget()
        self._refresh_rows()

    def tick(self, now: float) -> None:
        """Make the announces that are due; to be called once a second between ``start`` and ``stop``."""
        if self._torrent.progress.wanting:
            if len(self._peers):
                self._lonely_since = now
            elif not self._peer_list.promising:
                self._announcer.reannounce(now)
            self._update_demand(now)
            self._due = self._announcer.next_time()
        if self._due is not None and self._due <= now:
            self._announce_due()

    def _update_demand(self, now: float) -> None:
        """Tell the announcer whether peers are wanted, and of whom they may be."""
        self._announcer.private = self._torrent.private
        known = max(len(self._peers), self._peer_list.counts.known)
        enough = self._settings.max_connections_per_torrent
        self._announcer.wanting = self._torrent.progress.wanting and known < enough
        self._announcer.lonely = now - self._lonely_since >= LONELY

    def _announce_due(self) -> None:
        now = self._now()
        self._update_demand(now)
        announce = self._announcer.due(now)
        if announce is not None:
            while announce is not None:
                self._send(announce, self._settings.announce_timeout)
                announce = self._announcer.due(now)
            self._refresh_rows()
        self._due = self._announcer.next_time()

    # -- one announce ------------------------------------------------------------------------------------------------

    def _send(self, announce: Announce, timeout: float) -> None:
        attempt = _Attempt(announce)
        for endpoint in self._endpoints(announce):
            route = (announce.url, endpoint.family)
            request = self._request(announce, route)
            if announce.event == STOPPED:
                self._wait_group.expect()
            else:
                self._routes.announced(route)
            attempt.waiting += 1
            self._client.announce(
                announce.url,
                request,
                functools.partial(self._ended, attempt, route),
                endpoint=endpoint,
                timeout=timeout,
                trusted=announce.trusted,
            )

    def _endpoints(self, announce: Announce) -> List[Endpoint]:
        """Return the endpoints to announce from."""
        endpoints = self._session.endpoints
        if announce.event == STOPPED:
            return self._routes.leave(announce.url, endpoints)
        return self._routes.usable(announce.url, endpoints, self._now())

    def _request(self, announce: Announce, route: Route) -> AnnounceRequest:
        progress, session = self._torrent.progress, self._session
        event = announce.event
        if event not in (STARTED, STOPPED) and not self._routes.registered(route):
            event = STARTED
        return AnnounceRequest(
            infohash=self._infohash,
            peerid=session.peerid,
            port=session.public_port,
            uploaded=self._peers.uploaded,
            downloaded=self._peers.downloaded,
            left=progress.left,
            event=PAUSED if event == REGULAR and progress.partial_seed else event,
            numwant=announce.numwant,
            key=announce.key,
            trackerid=announce.trackerid,
            ip=_of_family(self._settings.announce_ip, route[1]),
        )

    def _ended(self, attempt: _Attempt, route: Route, answer: TrackerAnswer) -> None:
        attempt.waiting -= 1
        if isinstance(answer, TrackerFailure):
            self._failed(attempt, route, answer)
        else:
            self._succeeded(attempt, route, answer)
        if attempt.announce.event == STOPPED:
            self._wait_group.answered()
        else:
            self._announce_due()

    def _succeeded(self, attempt: _Attempt, route: Route, reply: AnnounceReply) -> None:
        announce = attempt.announce
        self._routes.succeeded(route)
        named = reply.named
        if attempt.answered:
            self._announcer.named(announce.url, named)
        elif self._announcer.succeeded(announce, reply, self._now(), named=named):
            self._leave_peers()
        attempt.answered = True
        self._session.own_host.report(reply.external_ip, reply.host)
        self._refresh_status()
        self._torrent.publish(
            events.TrackerAnnounced,
            url=masked(announce.url),
            event=announce.event,
            peers=len(reply.peers),
            seeds=-1 if reply.complete is None else reply.complete,
            leechers=-1 if reply.incomplete is None else reply.incomplete,
            warning=reply.warning,
        )
        if self.running:
            self._torrent.learn(reply.peers, Source.TRACKER, teller=reply.host)

    def _leave_peers(self) -> None:
        """Leave the peers that another tracker of the private torrent named: that is not used any more (BEP 27)."""
        self._session.drop_handshakes(self._torrent)
        self._peers.close_all("the torrent is private, and its tracker changed")
        self._peer_list.remove(lambda address, source: source is not Source.USER)

    def _failed(self, attempt: _Attempt, route: Route, failure: TrackerFailure) -> None:
        announce, now = attempt.announce, self._now()
        self._routes.failed(route, now, unavailable=failure.family_unavailable)
        shown = attempt.failed(failure)
        if attempt.waiting or attempt.answered:
            return
        counts = self._announcer.failed(announce, shown.reason, now, retry_in=shown.retry_in, interval=shown.interval)
        if not counts and announce.event != STOPPED:
            return  # the torrent was stopped since, and what a tracker was to be told before is of no interest
        self._refresh_status()
        self._torrent.publish(events.TrackerFailed, url=masked(announce.url), event=announce.event, reason=shown.reason)

    # -- the table ---------------------------------------------------------------------------------------------------

    def _refresh_status(self) -> None:
        """Update the status of the torrent, so that it has what the next event says or what the user just did."""
        self._refresh_rows()
        self._torrent.refresh()

    def _refresh_rows(self) -> None:
        now = self._now()
        self.rows = tuple([_status(row, now) for row in self._announcer.snapshot()])


def _of_family(ip: str, family: int) -> str:
    """Return the address if it is of this family, or the family is 0; else an empty string."""
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
        downloads=-1 if row.downloads is None else row.downloads,
        peers=-1 if row.named is None else row.named,
    )
