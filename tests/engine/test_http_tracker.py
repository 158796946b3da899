"""Announces as HTTP requests, and responses as replies or failures."""

from __future__ import annotations

import math
from typing import Callable, Dict, List, NamedTuple, Optional
from urllib.parse import parse_qs, urlsplit

import pytest

from bittorrent_threads.engine.http_tracker import MAX_BODY, HttpTracker
from bittorrent_threads.engine.interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer
from bittorrent_threads.errors import BitTorrentError, SessionClosed, TrackerError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.net.interfaces import Fetched, Resolved
from bittorrent_threads.net.resolver import FamilyUnavailable
from bittorrent_threads.protocol.announce import MAX_PEERS, AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.scrape import SwarmCounts
from bittorrent_threads.protocol.tracker_reply import TrackerFailure

URL = "http://t/announce?passkey=1"
REQUEST = AnnounceRequest(infohash=b"i" * 20, peerid=b"p" * 20, port=6881, uploaded=1, downloaded=2, left=3)


class Asked(NamedTuple):
    """One GET."""

    url: str
    timeout: float
    max_body: int
    trusted: bool
    family: int
    source: str


class ScriptedLookups:
    """Look-ups that a test answers."""

    def __init__(self) -> None:
        self.asked: List[Asked] = []
        self._waiting: List[Callable[[Fetched], None]] = []

    def fetch(
        self,
        url: str,
        timeout: float,
        max_body: int,
        deliver: Callable[[Fetched], None],
        *,
        trusted: bool = False,
        family: int = 0,
        source: str = "",
    ) -> None:
        self.asked.append(Asked(url, timeout, max_body, trusted, family, source))
        self._waiting.append(deliver)

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Resolved], None]) -> None:
        raise AssertionError("the look-up thread resolves the name with the request")

    def respond(self, status: int = 200, body: bytes = b"", error: Optional[BitTorrentError] = None) -> None:
        self._waiting.pop(0)(Fetched(URL, status, body, error, "" if error else "192.0.2.1"))


class Now:
    """A moment that does not pass."""

    def now(self) -> float:
        return 0.0

    def call_later(self, delay: float, callback: Callable[[], None]) -> object:
        raise AssertionError("nothing is under way")

    def defer(self, callback: Callable[[], None]) -> None:
        callback()


def announce(lookups: ScriptedLookups) -> List[TrackerAnswer]:
    answers: List[TrackerAnswer] = []
    tracker = HttpTracker(lookups, Now())
    tracker.announce(URL, REQUEST, answers.append, endpoint=Endpoint(6, "fd00::1"), timeout=7.0, trusted=True)
    assert answers == []
    return answers


def test_the_request_and_its_limits() -> None:
    lookups = ScriptedLookups()
    announce(lookups)
    ((url, *limits),) = lookups.asked
    assert limits == [7.0, MAX_BODY, True, 6, "fd00::1"]
    fields: Dict[str, List[str]] = parse_qs(urlsplit(url).query)
    assert (fields["passkey"], fields["info_hash"], fields["left"]) == (["1"], ["i" * 20], ["3"])


def test_a_reply_has_the_address_that_answered() -> None:
    lookups = ScriptedLookups()
    answers = announce(lookups)
    lookups.respond(body=bencode.encode({"interval": 60, "peers": b"\1\2\3\4\0\5"}))
    assert answers == [AnnounceReply(peers=(("1.2.3.4", 5),), interval=60, host="192.0.2.1")]


@pytest.mark.parametrize(
    ("status", "body", "error", "failure"),
    [
        (0, b"", TrackerError("timed out", URL), TrackerFailure("timed out")),
        (0, b"", FamilyUnavailable("no IPv6", URL), TrackerFailure("no IPv6", family_unavailable=True)),
        (0, b"", SessionClosed("the session\n is closed"), TrackerFailure("the session is closed")),
        (200, b"", None, TrackerFailure("not a tracker's answer: '' (the data ends inside a value)")),
        (503, b"le", None, TrackerFailure("HTTP status 503, not a tracker's answer: 'le'")),
        (200, b"d14:failure reason2:noe", None, TrackerFailure("no")),
        (
            200,
            b"d14:failure reason2:no8:intervali60e8:retry ini2ee",
            None,
            TrackerFailure("no", retry_in=120.0, interval=60.0),
        ),
        (
            404,
            b"d14:failure reason2:no8:intervali60e8:retry in5:nevere",
            None,
            TrackerFailure("HTTP status 404, no", retry_in=math.inf, interval=60.0),
        ),
    ],
)
def test_what_is_no_reply_is_a_failure(
    status: int, body: bytes, error: Optional[BitTorrentError], failure: TrackerFailure
) -> None:
    lookups = ScriptedLookups()
    answers = announce(lookups)
    lookups.respond(status, body, error)
    (answer,) = answers
    assert isinstance(answer, TrackerFailure)
    assert answer.args == failure.args


def test_a_reply_with_an_error_status_counts() -> None:
    lookups = ScriptedLookups()
    answers = announce(lookups)
    lookups.respond(500, b"d8:intervali60ee")
    assert answers == [AnnounceReply(interval=60, host="192.0.2.1")]


def test_the_largest_reply_fits() -> None:
    longest = {"ip": "2001:0db8:0000:0000:0000:0000:0000:0000", "peer id": b"x" * 20, "port": 65535}
    assert 4 * len(bencode.encode({"peers": [longest] * MAX_PEERS})) < MAX_BODY


def test_a_url_that_has_our_fields_already_is_not_asked() -> None:
    tracker = HttpTracker(ScriptedLookups(), Now())
    assert tracker.objection(URL) == ""
    assert tracker.objection("http://t/announce?info_hash=x") == "the URL has info_hash already"


# -- scrapes -----------------------------------------------------------------------------------------------------------


def scrape(lookups: ScriptedLookups, url: str = URL) -> List[ScrapeAnswer]:
    answers: List[ScrapeAnswer] = []
    tracker = HttpTracker(lookups, Now())
    tracker.scrape(url, b"i" * 20, answers.append, timeout=7.0, trusted=True)
    return answers


def test_a_scrape_and_its_limits() -> None:
    lookups = ScriptedLookups()
    answers = scrape(lookups)
    ((url, *limits),) = lookups.asked
    assert url == f"http://t/scrape?passkey=1&info_hash={'i' * 20}"
    assert limits == [7.0, MAX_BODY, True, 0, ""]
    counts = {"complete": 1, "incomplete": 2, "downloaded": 3}
    lookups.respond(body=bencode.encode({"files": {b"o" * 20: {"complete": 9}, b"i" * 20: counts}}))
    assert answers == [SwarmCounts(complete=1, incomplete=2, downloaded=3)]


def test_a_tracker_that_does_not_know_the_torrent_has_no_counts() -> None:
    lookups = ScriptedLookups()
    answers = scrape(lookups)
    lookups.respond(body=b"d5:filesdee")
    assert answers == [SwarmCounts()]


@pytest.mark.parametrize(
    ("status", "body", "error", "reason"),
    [
        (0, b"", TrackerError("timed out", URL), "timed out"),
        (404, b"d14:failure reason2:noe", None, "HTTP status 404, no"),
        (200, b"d8:intervali60ee", None, "the answer to a scrape has no files"),
    ],
)
def test_what_is_no_scrape_is_a_failure(
    status: int, body: bytes, error: Optional[BitTorrentError], reason: str
) -> None:
    lookups = ScriptedLookups()
    answers = scrape(lookups)
    lookups.respond(status, body, error)
    (answer,) = answers
    assert isinstance(answer, TrackerFailure)
    assert answer.reason == reason


def test_a_url_without_a_scrape_is_not_asked() -> None:
    lookups = ScriptedLookups()
    (answer,) = scrape(lookups, "http://t/tracker.php")
    assert isinstance(answer, TrackerFailure)
    assert answer.reason == "the URL names no scrape (BEP 48)"
    assert lookups.asked == []
