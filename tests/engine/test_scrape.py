"""Scrapes of all trackers of a torrent: results in order, a few at once, in bounded time."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from support.bench import TRACKER, Bench, torrent_of

from bittorrent_threads.engine.interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer
from bittorrent_threads.engine.scrape import MAX_UNDER_WAY, Scrape
from bittorrent_threads.protocol.announce import AnnounceRequest
from bittorrent_threads.protocol.scrape import SwarmCounts
from bittorrent_threads.protocol.tracker_reply import TrackerFailure
from bittorrent_threads.status import ScrapeResult
from bittorrent_threads.swarm.tracker_state import Host, Tracker
from bittorrent_threads.testing.simulation import tracker as moods
from bittorrent_threads.testing.simulation.tracker import SimTracker
from bittorrent_threads.testing.simulation.udp_tracker import PORT, SimUdpTracker

UDP = f"udp://u.sim:{PORT}"
REFUSED = "http://t/announce?passkey=0123456789abcdef0123"


class Client:
    """A tracker client that a test answers."""

    def __init__(self) -> None:
        self.asked: List[Tuple[str, float, bool]] = []
        self.waiting: List[Callable[[ScrapeAnswer], None]] = []

    def objection(self, url: str) -> str:
        return ""

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
        raise AssertionError("a scrape is no announce")

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        assert infohash == b"i" * 20
        self.asked.append((url, timeout, trusted))
        self.waiting.append(deliver)


class Place:
    def __init__(self, *urls: str, objection: str = "") -> None:
        self.now = 100.0
        self.client = Client()
        self.trackers = [Tracker(url, Host(), 0.0, trusted=True, objection=objection) for url in urls]
        self.results: Optional[Tuple[ScrapeResult, ...]] = None
        Scrape(
            self.trackers,
            b"i" * 20,
            client=self.client,
            timeout=10.0,
            now=lambda: self.now,
            done=self._done,
        )

    def _done(self, results: Tuple[ScrapeResult, ...]) -> None:
        assert self.results is None, "done once"
        self.results = results

    def answer(self, answer: ScrapeAnswer) -> None:
        self.client.waiting.pop(0)(answer)


def test_each_tracker_has_its_result_in_order() -> None:
    place = Place("http://a", REFUSED, "udp://c:1", "udp://d:1")
    assert place.client.asked == [(tracker.url, 10.0, True) for tracker in place.trackers]
    place.client.waiting.reverse()
    place.answer(SwarmCounts(complete=5))
    place.answer(SwarmCounts())
    place.answer(TrackerFailure("no"))
    assert place.results is None
    place.answer(SwarmCounts(complete=1, incomplete=2, downloaded=3))
    assert place.results == (
        ScrapeResult("http://a", seeds=1, leechers=2, downloads=3),
        ScrapeResult("http://t/announce?passkey=***", error="no"),
        ScrapeResult("udp://c:1", error="the tracker does not know the torrent"),
        ScrapeResult("udp://d:1", seeds=5),
    )


def test_a_few_are_asked_at_once_and_those_that_would_be_too_late_are_not() -> None:
    place = Place(*[f"udp://t:{port}" for port in range(1, 501)])
    assert len(place.client.asked) == MAX_UNDER_WAY
    place.now = 104.0
    place.answer(SwarmCounts(complete=1))
    assert place.client.asked[-1] == ("udp://t:9", 6.0, True)
    assert len(place.client.asked) == MAX_UNDER_WAY + 1
    place.now = 110.0
    while place.client.waiting:
        place.answer(TrackerFailure("late"))
    assert place.results is not None
    assert len(place.client.asked) == MAX_UNDER_WAY + 1
    assert {result.error for result in place.results} == {"", "late", "not asked within 10 s"}


def test_no_tracker_and_one_that_cannot_be_asked() -> None:
    assert Place().results == ()
    assert Place("udp://t:1", objection="cannot be").results == (ScrapeResult("udp://t:1", error="cannot be"),)


# -- of a torrent ------------------------------------------------------------------------------------------------------


def scraped(bench: Bench, seconds: float = 10.0) -> Tuple[ScrapeResult, ...]:
    found: List[Tuple[ScrapeResult, ...]] = []
    bench.act(bench.torrent.announces.scrape, 5.0, found.append)
    bench.run(seconds)
    (results,) = found
    return results


def test_a_stopped_torrent_scrapes_over_http_and_udp_without_announcing() -> None:
    bench = Bench(torrent_of(TRACKER, UDP, "http://down.sim/announce"), state="stopped")
    infohash = bench.content.metainfo.infohash
    bench.tracker.swarms[infohash] = {("10.9.0.1", 1): 0, ("10.9.0.2", 1): 5}
    bench.web.trackers["down.sim"] = SimTracker(bench.world)
    bench.web.trackers["down.sim"].mood = moods.DOWN
    udp = SimUdpTracker(bench.internet, "10.9.9.9")
    bench.web.names["u.sim"] = ["10.9.9.9"]
    udp.swarms[infohash] = {("10.9.0.1", 1): 0}
    assert scraped(bench) == (
        ScrapeResult(TRACKER, seeds=1, leechers=1, downloads=0),
        ScrapeResult(UDP, seeds=1, leechers=0, downloads=0),
        ScrapeResult("http://down.sim/announce", error="connection refused"),
    )
    rows = bench.status.trackers
    assert [(row.state, row.seeds, row.leechers, row.downloads) for row in rows] == [
        ("unused", 1, 1, 0),
        ("unused", 1, 0, 0),
        ("unused", -1, -1, -1),
    ]
    assert not bench.tracker.announces
    assert not udp.announces


def test_of_a_private_torrent_the_tracker_that_is_used_is_asked_alone() -> None:
    other = "http://other.sim/announce"
    bench = Bench(torrent_of(TRACKER, other, private=True), state="stopped")
    bench.web.trackers["other.sim"] = SimTracker(bench.world)
    assert [result.url for result in scraped(bench)] == [TRACKER]
    bench.tracker.mood = moods.DOWN
    bench.set_state("active")
    bench.run(10)
    assert [result.url for result in scraped(bench)] == [other]
