"""What trackers are told and when, and what becomes of their answers."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Sequence, Tuple
from urllib.parse import parse_qs, urlsplit

import pytest
from support.bench import BLOCK, COUNT, PIECE_LENGTH, PORT, SIZE, TRACKER, Bench, torrent_of

from bittorrent_threads import events
from bittorrent_threads.engine.announces import Announces
from bittorrent_threads.engine.interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer
from bittorrent_threads.engine.wait_group import WaitGroup
from bittorrent_threads.errors import ListenError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.net.interfaces import Address, Fetched
from bittorrent_threads.protocol.announce import AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.tracker_reply import TrackerFailure
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.external_address import ExternalAddress
from bittorrent_threads.swarm.peer_list import PeerList
from bittorrent_threads.swarm.source_shares import Source
from bittorrent_threads.testing.peer_messages import INTERESTED, REQUEST, UNCHOKE, message
from bittorrent_threads.testing.simulation import tracker
from bittorrent_threads.testing.simulation.tracker import SimTracker

OTHER = "http://other.sim/announce"


def told(bench: Bench) -> List[str]:
    """The events announced so far."""
    return [announce.event for announce in bench.tracker.announces]


def two_trackers(**options: Any) -> Bench:
    """A torrent with two tiers, not started."""
    bench = Bench(torrent_of(TRACKER, OTHER), state="stopped", **options)
    bench.web.trackers["other.sim"] = SimTracker(bench.world)
    return bench


def test_a_start_tells_everything() -> None:
    bench = Bench(torrent_of(TRACKER), have=[0, COUNT - 1])
    query = parse_qs(urlsplit(bench.lookups.urls[0]).query, encoding="latin-1")
    fields = {name: values[0] for name, values in query.items()}
    assert fields.pop("info_hash").encode("latin-1") == bench.content.metainfo.infohash
    assert fields.pop("peer_id").encode("latin-1") == bench.engine.peerid
    assert fields == {
        "port": str(PORT),
        "uploaded": "0",
        "downloaded": "0",
        "left": str(SIZE - PIECE_LENGTH - 20_000),
        "compact": "1",
        "event": "started",
        "numwant": "200",
        "key": bench.engine.key,
    }


def test_the_sequence_of_events() -> None:
    bench = Bench(torrent_of(TRACKER))
    assert told(bench) == ["started"]
    bench.run(1900)
    assert told(bench)[1:]
    assert set(told(bench)[1:]) == {""}
    bench.tracker.announces.clear()
    bench.seed().serve()
    bench.run(1)
    assert told(bench) == ["completed"]
    bench.run(4000)
    assert told(bench) == ["completed", "", ""]
    bench.set_state("stopped")
    assert told(bench)[3:] == ["stopped"]
    bench.run(8000)
    bench.set_state("active")
    assert told(bench)[4:] == ["started"]


def test_who_was_complete_before_tells_no_completion() -> None:
    bench = Bench(torrent_of(TRACKER), have=range(COUNT))
    bench.run(10)
    assert told(bench) == ["started"]
    assert bench.tracker.announces[0].fields["left"] == b"0"


def test_the_figures_are_those_of_the_moment() -> None:
    bench = Bench(torrent_of(TRACKER), have=range(6))
    guest = bench.guest(range(6, COUNT))
    guest.say(message(UNCHOKE), message(INTERESTED))
    guest.give(*[block for block in guest.requests() if block[0] in (6, 7)])
    guest.say(message(REQUEST, 0, 0, BLOCK))
    bench.set_state("stopped")
    fields = bench.tracker.announces[-1].fields
    assert fields["downloaded"] == b"%d" % (2 * PIECE_LENGTH)
    assert fields["uploaded"] == b"%d" % BLOCK
    assert fields["left"] == b"%d" % (SIZE - 8 * PIECE_LENGTH)
    assert fields["event"] == b"stopped"
    assert fields["numwant"] == b"0"


def test_peers_of_the_answer_are_dialled() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    address, guests = bench.open_house()
    bench.tracker.swarms[bench.content.metainfo.infohash] = {address: 0, ("10.0.0.9", 1): 5}
    bench.set_state("active")
    bench.run(1)
    assert guests
    (announced,) = bench.seen(events.TrackerAnnounced)
    assert (announced.url, announced.event, announced.peers) == (TRACKER, "started", 2)
    assert (announced.seeds, announced.leechers) == (1, 2)
    (row,) = bench.status.trackers
    assert row.working
    assert row.url == TRACKER
    assert row.error == ""
    assert row.seeds == 1
    assert row.next_announce == pytest.approx(1800, abs=5)


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (tracker.DOWN, "connection refused"),
        (tracker.REFUSING, "not today"),
        (tracker.BROKEN, "HTTP status 503, not a tracker's answer: 'Service Unavailable'"),
        (tracker.GARBAGE, "not a tracker's answer: '<html><body>It works!"),
    ],
)
def test_a_tracker_that_fails_is_told_and_the_next_tier_is_asked(mood: str, reason: str) -> None:
    bench = two_trackers()
    bench.tracker.mood = mood
    bench.set_state("active")
    bench.run(1)
    failed = bench.seen(events.TrackerFailed)[0]
    assert (failed.url, failed.event) == (TRACKER, "started")
    assert failed.reason.startswith(reason)
    assert [announce.event for announce in bench.web.trackers["other.sim"].announces] == ["started"]
    first, second = bench.status.trackers
    assert first.error.startswith(reason)
    assert not first.working
    assert first.tier == 0
    assert second.working
    assert second.tier == 1


def test_a_tracker_that_hangs_is_given_up_after_its_time_and_keeps_no_other_tier_waiting() -> None:
    bench = two_trackers(settings=Settings(announce_timeout=12.0))
    bench.tracker.mood = tracker.SLOW
    bench.set_state("active")
    bench.run(1)
    assert bench.web.trackers["other.sim"].announces
    bench.run(10)
    assert not bench.seen(events.TrackerFailed)
    assert f"({TRACKER}: being asked, {OTHER}: named none)" in bench.status.stall
    bench.run(2)
    assert bench.seen(events.TrackerFailed)[0].reason == "no answer within 12 s"


def test_a_tracker_that_failed_is_asked_again_later() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.mood = tracker.DOWN
    bench.set_state("active")
    bench.run(5)
    assert len(bench.lookups.urls) == 1
    bench.run(6)
    assert len(bench.lookups.urls) == 2
    bench.tracker.mood = tracker.UP
    bench.run(30)
    assert told(bench)[:1] == ["started"]


def test_without_any_peer_it_asks_again_as_soon_as_it_may() -> None:
    bench = Bench(torrent_of(TRACKER))
    bench.run(200)
    assert told(bench) == ["started", "", "", ""]


def test_a_seed_without_peers_waits_for_the_interval() -> None:
    bench = Bench(torrent_of(TRACKER), have=range(COUNT))
    bench.run(1700)
    assert told(bench) == ["started"]


def test_a_stop_waits_for_the_goodbye() -> None:
    bench = Bench(torrent_of(TRACKER))
    over: List[float] = []
    start = bench.world.now
    bench.act(bench.torrent.set_state, "stopped")
    bench.act(bench.torrent.wait_group.when_over, lambda: over.append(bench.world.now - start))
    assert not over
    bench.run(1)
    assert over == [pytest.approx(0.05, abs=0.01)]
    assert told(bench) == ["started", "stopped"]


def test_a_goodbye_that_nobody_hears_is_not_waited_for_long() -> None:
    bench = Bench(torrent_of(TRACKER))
    bench.tracker.mood = tracker.SLOW
    over: List[float] = []
    start = bench.world.now
    bench.act(bench.torrent.set_state, "stopped")
    bench.act(bench.torrent.wait_group.when_over, lambda: over.append(bench.world.now - start))
    bench.run(10)
    assert over == [pytest.approx(3.0, abs=0.01)]


def test_peers_of_a_late_answer_are_not_listed() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.swarms[bench.content.metainfo.infohash] = {("10.0.0.9", 1): 5}
    bench.act(bench.torrent.set_state, "active")
    bench.until(lambda: bool(bench.lookups.urls))
    bench.set_state("stopped")
    bench.run(1)
    assert bench.status.known == 0
    assert told(bench) == ["started", "stopped"]


def test_a_slow_tracker_hears_of_a_completion_before_the_goodbye() -> None:
    bench = Bench(torrent_of(TRACKER))
    guest = bench.seed()
    bench.tracker.announces.clear()
    delays = {"completed": 1.0, "stopped": 0.0}
    fetch = bench.lookups.fetch

    def slow(url: str, *arguments: Any, **options: Any) -> None:
        (event,) = parse_qs(urlsplit(url).query, encoding="latin-1")["event"]
        bench.network.call_later(delays[event], lambda: fetch(url, *arguments, **options))

    bench.lookups.fetch = slow  # type: ignore[method-assign]
    guest.serve()
    bench.act(bench.torrent.set_state, "stopped")
    bench.run(5)
    assert told(bench) == ["completed", "stopped"]
    assert bench.tracker.swarms == {bench.content.metainfo.infohash: {}}


@pytest.mark.parametrize(("host", "known"), [("8.8.8.8", 1), ("10.9.9.9", 2), ("", 2)])
def test_a_tracker_of_the_internet_does_not_have_us_knock_at_services_of_this_network(host: str, known: int) -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.host = host
    bench.tracker.swarms[bench.content.metainfo.infohash] = {("10.7.0.1", 80): 1, ("10.7.0.1", 6881): 1}
    bench.set_state("active")
    bench.run(1)
    assert bench.status.known == known


def test_a_warning_and_a_tracker_id() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    body = bencode.encode({"interval": 100, "peers": b"", "tracker id": b"a b", "warning message": b"soon closed"})

    def fetch(url: str, timeout: float, max_body: int, deliver: Any, **_: Any) -> None:
        bench.lookups.urls.append(url)
        bench.network.call_later(0.1, lambda: deliver(Fetched(url, 200, body, None)))

    bench.lookups.fetch = fetch  # type: ignore[method-assign]
    bench.set_state("active")
    bench.run(110)
    assert bench.seen(events.TrackerAnnounced)[0].warning == bench.status.trackers[0].warning == "soon closed"
    assert "trackerid" not in bench.lookups.urls[0]
    assert "trackerid=a%20b" in bench.lookups.urls[1]


def test_five_hundred_failing_trackers_of_one_host_are_asked_as_one() -> None:
    urls = [f"http://victim.sim/{number}/announce" for number in range(499)]
    bench = Bench(torrent_of(*urls, TRACKER), state="stopped")
    bench.set_state("active")
    bench.run(10)
    assert sum("victim.sim" in url for url in bench.lookups.urls) <= 5
    assert told(bench) == ["started"]


def test_a_stop_and_a_start_forget_that_a_tracker_said_never() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bodies = [bencode.encode({"failure reason": "no", "retry in": "never"}), bencode.encode({"peers": b""})]

    def fetch(url: str, timeout: float, max_body: int, deliver: Any, **_: Any) -> None:
        bench.lookups.urls.append(url)
        body = bodies[min(len(bench.lookups.urls), len(bodies)) - 1]
        bench.network.call_later(0.1, lambda: deliver(Fetched(url, 200, body, None)))

    bench.lookups.fetch = fetch  # type: ignore[method-assign]
    bench.set_state("active")
    bench.run(10_000)
    assert len(bench.lookups.urls) == 1
    bench.set_state("stopped")
    bench.set_state("active")
    bench.run(1)
    assert len(bench.lookups.urls) == 2
    assert bench.status.trackers[0].working


def test_secrets_of_urls_are_used_and_not_shown() -> None:
    bench = Bench(torrent_of("http://me:hunter2@tracker.sim/announce?passkey=hunter3"), state="stopped")
    for mood in (tracker.DOWN, tracker.UP):
        bench.tracker.mood = mood
        bench.set_state("active")
        bench.run(1)
        assert all("me:hunter2@" in url and "passkey=hunter3" in url for url in bench.lookups.urls)
        shown = repr((bench.status, bench.seen(events.TrackerFailed), bench.seen(events.TrackerAnnounced)))
        assert "hunter" not in shown
        assert "http://me:***@tracker.sim/announce?passkey=***" in shown
        bench.set_state("stopped")


def query_of(url: str) -> Dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, encoding="latin-1").items()}


def test_a_failure_that_names_an_interval_is_obeyed() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    body = bencode.encode({"failure reason": "busy", "min interval": 3600})

    def fetch(url: str, timeout: float, max_body: int, deliver: Any, **_: Any) -> None:
        bench.lookups.urls.append(url)
        bench.network.call_later(0.1, lambda: deliver(Fetched(url, 503, body, None)))

    bench.lookups.fetch = fetch  # type: ignore[method-assign]
    bench.set_state("active")
    bench.run(3500)
    assert len(bench.lookups.urls) == 1
    assert bench.status.trackers[0].error == "HTTP status 503, busy"
    bench.run(200)
    assert len(bench.lookups.urls) == 2


def test_a_port_and_an_address_that_a_router_forwards() -> None:
    settings = Settings(announce_port=7777, announce_ip="203.0.113.9")
    bench = Bench(torrent_of(TRACKER), settings=settings)
    said = query_of(bench.lookups.urls[0])
    assert (said["port"], said["ip"]) == ("7777", "203.0.113.9")
    address = ("10.0.0.9", 1)
    assert bench.torrent.extension_handshake(address).port == 7777


def test_an_address_is_told_over_its_own_family() -> None:
    bench = Bench(torrent_of(TRACKER), settings=Settings(announce_ip="2001:db8::9"))
    assert "ip" not in query_of(bench.lookups.urls[0])


def test_without_a_listening_socket_trackers_are_asked_all_the_same() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")

    def listen(*_: Any) -> Any:
        raise ListenError("address already in use")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.network, "listen", listen)
        bench.set_state("active")
        bench.run(1)
        assert told(bench) == ["started"]
        assert bench.status.trackers[0].working
    bench.act(bench.engine.listen)
    bench.set_state("stopped")
    assert told(bench) == ["started", "stopped"], "also if it is asked another way by now"


def test_a_reannounce_keeps_to_the_least_interval_and_not_to_a_back_off() -> None:
    bench = two_trackers(have=range(COUNT))
    bench.tracker.mood = tracker.DOWN
    bench.set_state("active")
    bench.run(200)
    bench.tracker.mood = tracker.UP
    other = bench.web.trackers["other.sim"].announces
    assert (len(other), told(bench)) == (1, [])
    bench.act(bench.torrent.announces.reannounce)
    bench.run(1)
    assert (len(other), told(bench)) == (1, ["started"]), "the first that answers, for a seed wants no peers"
    bench.act(bench.torrent.announces.reannounce)
    bench.run(50)
    assert told(bench) == ["started"]
    bench.run(20)
    assert told(bench) == ["started", ""]


def test_a_reannounce_of_a_stopped_torrent_is_none() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.act(bench.torrent.announces.reannounce)
    bench.act(bench.torrent.announces.add, [[OTHER]])
    bench.run(100)
    assert bench.lookups.urls == []
    assert [row.url for row in bench.status.trackers] == [TRACKER, OTHER]


def test_trackers_that_are_added_are_asked_at_once_while_peers_are_wanted() -> None:
    bench = Bench(torrent_of(TRACKER))
    bench.run(10)
    bench.web.trackers["other.sim"] = SimTracker(bench.world)
    bench.act(bench.torrent.announces.add, [[OTHER, TRACKER]])
    bench.run(1)
    assert [announce.event for announce in bench.web.trackers["other.sim"].announces] == ["started"]
    assert [(row.url, row.tier, row.state) for row in bench.status.trackers] == [
        (TRACKER, 0, "working"),
        (OTHER, 1, "working"),
    ]
    bench.set_state("stopped")
    assert [announce.event for announce in bench.web.trackers["other.sim"].announces] == ["started", "stopped"]


def test_a_torrent_that_knows_enough_peers_asks_one_tracker() -> None:
    bench = two_trackers(settings=Settings(max_connections_per_torrent=3))
    infohash = bench.content.metainfo.infohash
    bench.tracker.swarms[infohash] = {(f"10.0.9.{number}", 1): 5 for number in range(1, 9)}
    bench.set_state("active")
    bench.run(61)
    bench.act(bench.torrent.announces.reannounce)
    bench.run(1)
    assert told(bench) == ["started", ""]
    assert len(bench.web.trackers["other.sim"].announces) == 1, "at the start it knew none"


def test_a_tracker_that_names_only_ourselves_names_nobody() -> None:
    bench = Bench(torrent_of((f"{TRACKER}/1", f"{TRACKER}/2")), state="stopped")
    body = bencode.encode({"peers": bytes([10, 0, 0, 1, 0, 1]), "complete": 0, "incomplete": 1})

    def fetch(url: str, timeout: float, max_body: int, deliver: Any, **_: Any) -> None:
        bench.lookups.urls.append(url)
        bench.network.call_later(0.1, lambda: deliver(Fetched(url, 200, body, None)))

    bench.lookups.fetch = fetch  # type: ignore[method-assign]
    bench.set_state("active")
    bench.run(1)
    assert len(bench.lookups.urls) == 2


def answered(bench: Bench, body: Callable[[str, int], bytes]) -> None:
    """Have every request answered with this, of its URL and address family; nothing is a failure."""

    def fetch(url: str, timeout: float, max_body: int, deliver: Any, *, family: int = 0, **_: Any) -> None:
        bench.lookups.urls.append(url)
        bench.network.call_later(0.1, lambda: deliver(Fetched(url, 200, body(url, family), None)))

    bench.lookups.fetch = fetch  # type: ignore[method-assign]


DEAD = bencode.encode({"peers": bytes([10, 99, 0, 1, 0, 1]), "complete": 1, "incomplete": 1})
NOBODY = bencode.encode({"peers": b""})
FAILURE = bencode.encode({"failure reason": "no"})


def test_peers_that_cannot_be_reached_do_not_hide_the_rest_of_a_tier_for_ever() -> None:
    bench = Bench(torrent_of((f"{TRACKER}/1", f"{TRACKER}/2")), state="stopped")
    answered(bench, lambda url, family: DEAD)
    bench.set_state("active")
    bench.run(50)
    assert len(bench.lookups.urls) == 1
    bench.run(20)
    assert len({url.partition("?")[0] for url in bench.lookups.urls}) == 2
    assert len(bench.lookups.urls) <= 3, "the first may be asked again after its least interval"


def test_peers_that_come_over_the_other_family_suffice() -> None:
    bench = Bench(torrent_of((f"{TRACKER}/1", f"{TRACKER}/2")), state="stopped")
    bench.internet.alias(bench.network, "fd00::1")
    first: List[str] = []

    def body(url: str, family: int) -> bytes:
        first.append(url[: len(TRACKER) + 2])
        if first[-1] != first[0]:
            return FAILURE
        return DEAD if family == 6 else NOBODY

    answered(bench, body)
    bench.set_state("active")
    bench.run(50)
    assert len(set(first[:2])) == 1
    assert len(first) == 4, "the second is asked after the first had no peers, and no third"


def test_a_torrent_without_trackers_asks_nobody() -> None:
    bench = Bench()
    bench.run(100)
    bench.set_state("stopped")
    assert bench.lookups.urls == []
    assert bench.status.trackers == ()


def test_the_status_knows_of_an_answer_when_the_event_tells_it() -> None:
    bench = two_trackers(have=range(COUNT))
    working: List[Any] = []

    class Listener:
        publish_passed = publish_files = staticmethod(lambda *_: None)
        refreshed = staticmethod(lambda: None)

        def publish(self, event: events.Event) -> None:
            if isinstance(event, (events.TrackerAnnounced, events.TrackerFailed)):
                working.append([(row.working, bool(row.error)) for row in bench.torrent.status.trackers])

    bench.dispatch(Listener())
    bench.set_state("active")
    bench.run(1)
    assert working == [[(True, False), (False, False)]]
    (row, _) = bench.torrent.status.trackers
    assert row.working, "though nothing has moved since"


# -- without a torrent -------------------------------------------------------------------------------------------------


class Unknown:
    """A torrent of which nothing is known but its infohash, in a session of two address families."""

    left = 1
    wanting = True
    partial_seed = False
    downloaded = uploaded = 0
    private = False
    key = "BEEF"
    peerid = b"p" * 20
    public_port = 7000
    endpoints = (Endpoint(4, "10.0.0.1"), Endpoint(6, ""))

    def __init__(self) -> None:
        self.own_host = ExternalAddress()
        self.learned: List[Tuple[Sequence[Address], Source, str]] = []
        self.published: List[str] = []
        self.refreshed = 0
        self.now = 100.0

    def __len__(self) -> int:
        return 0

    @property
    def progress(self) -> Unknown:
        return self

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        self.learned.append((addresses, source, teller))

    def drop_handshakes(self, torrent: object) -> None:
        raise AssertionError("the torrent is public")

    def close_all(self, reason: str) -> None:
        raise AssertionError("the torrent is public")

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        self.published.append(f"{kind.__name__} {fields['event']}")

    def refresh(self) -> None:
        self.refreshed += 1


class Carrier:
    """A tracker client of whatever scheme: requests wait for the answer that a test gives."""

    def __init__(self) -> None:
        self.asked: List[Tuple[str, AnnounceRequest, Endpoint, float, bool]] = []
        self.waiting: List[Callable[[TrackerAnswer], None]] = []

    def objection(self, url: str) -> str:
        return "" if url.startswith("carrier:") else "no carrier"

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
        self.asked.append((url, request, endpoint, timeout, trusted))
        self.waiting.append(deliver)

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        raise AssertionError("an announce is no scrape")

    def answer(self, answer: TrackerAnswer) -> None:
        self.waiting.pop(0)(answer)


def announces_of(torrent: Unknown, carrier: Carrier, over: WaitGroup) -> Announces:
    return Announces(
        [["carrier://t"], [OTHER]],
        given=[],
        trusted=True,
        infohash=b"i" * 20,
        torrent=torrent,
        session=torrent,
        client=carrier,
        peers=torrent,
        peer_list=PeerList(limit=10, random=random.Random(1)),
        wait_group=over,
        settings=Settings(announce_timeout=9.0, stop_announce_timeout=2.0),
        random=random.Random(1),
        now=lambda: torrent.now,
    )


def test_an_infohash_is_enough_to_announce() -> None:
    torrent, carrier, over = Unknown(), Carrier(), WaitGroup()
    announces = announces_of(torrent, carrier, over)
    assert [(row.state, row.error) for row in announces.rows] == [("unused", ""), ("refused", "no carrier")]
    announces.start()
    request = AnnounceRequest(
        infohash=b"i" * 20,
        peerid=b"p" * 20,
        port=7000,
        uploaded=0,
        downloaded=0,
        left=1,
        event="started",
        numwant=Settings().numwant,
        key="BEEF",
    )
    assert carrier.asked == [("carrier://t", request, endpoint, 9.0, True) for endpoint in torrent.endpoints]
    carrier.answer(TrackerFailure("no such family", family_unavailable=True))
    assert torrent.published == []
    peers = (("10.9.9.9", 1),)
    carrier.answer(AnnounceReply(peers=peers, interval=60, external_ip="192.0.2.7", host="192.0.2.9"))
    assert torrent.published == ["TrackerAnnounced started"]
    assert torrent.learned == [(peers, Source.TRACKER, "192.0.2.9")]
    assert announces.rows[0].state == "working"
    assert torrent.refreshed == 1
    announces.stop()
    ((_, goodbye, endpoint, timeout, _),) = carrier.asked[2:]
    assert (goodbye.event, goodbye.numwant, endpoint.family, timeout) == ("stopped", 0, 6, 2.0)
    assert not over.over
    carrier.answer(TrackerFailure("timed out"))
    assert over.over
    assert torrent.published[1:] == ["TrackerFailed stopped"]


@pytest.mark.parametrize("unavailable_first", [False, True])
def test_the_failure_of_a_family_that_is_there_is_the_one_told(unavailable_first: bool) -> None:
    torrent, carrier = Unknown(), Carrier()
    announces = announces_of(torrent, carrier, WaitGroup())
    announces.start()
    failures = [TrackerFailure("refused"), TrackerFailure("no such family", family_unavailable=True)]
    for failure in reversed(failures) if unavailable_first else failures:
        carrier.answer(failure)
    assert announces.rows[0].error == "refused"
    assert torrent.published == ["TrackerFailed started"]


def test_a_family_over_which_the_start_was_not_accepted_is_told_it_again() -> None:
    torrent, carrier = Unknown(), Carrier()
    announces = announces_of(torrent, carrier, WaitGroup())
    announces.start()
    carrier.answer(AnnounceReply(interval=60))
    carrier.answer(TrackerFailure("broken"))
    torrent.now += 100
    announces.tick(torrent.now)
    assert [(request.event, endpoint.family) for _, request, endpoint, *_ in carrier.asked[2:]] == [
        ("", 4),
        ("started", 6),
    ]


# -- private torrents (BEP 27) -----------------------------------------------------------------------------------------


def test_a_private_torrent_leaves_its_peers_when_another_tracker_is_used() -> None:
    bench = Bench(torrent_of(TRACKER, OTHER, private=True), state="stopped")
    other = bench.web.trackers["other.sim"] = SimTracker(bench.world)
    infohash = bench.content.metainfo.infohash
    address, guests = bench.open_house()
    new_address, new_guests = bench.open_house()
    bench.tracker.swarms[infohash] = {address: 0}
    other.swarms[infohash] = {new_address: 0}
    bench.set_state("active")
    bench.run(5)
    assert (len(guests), len(new_guests), len(other.announces)) == (1, 0, 0)
    guests[0].greet(peerid=b"-AC0001-" + bytes(12))
    bench.run(60)
    bench.tracker.mood = tracker.DOWN
    bench.act(bench.torrent.reannounce)
    bench.run(5)
    assert other.announces
    assert bench.seen(events.PeerClosed)[0].reason == "the torrent is private, and its tracker changed"
    assert (len(guests), len(new_guests)) == (1, 1), "only those are connected to that the new tracker names"


# -- other trackers while it runs --------------------------------------------------------------------------------------


def test_a_removed_tracker_is_told_stopped_and_the_status_has_it_no_more() -> None:
    bench = two_trackers()
    bench.set_state("active")
    bench.run(1)
    bench.act(bench.torrent.announces.remove, {TRACKER})
    assert [row.url for row in bench.torrent.status.trackers] == [OTHER]
    bench.run(1)
    assert told(bench) == ["started", "stopped"]
    bench.set_state("stopped")
    bench.run(1)
    assert told(bench) == ["started", "stopped"]
    assert [announce.event for announce in bench.web.trackers["other.sim"].announces] == ["started", "stopped"]


def test_replaced_trackers_are_told_stopped_and_the_new_ones_started() -> None:
    bench = two_trackers()
    third = bench.web.trackers["third.sim"] = SimTracker(bench.world)
    bench.set_state("active")
    bench.run(1)
    bench.act(bench.torrent.announces.replace, [["http://third.sim/announce"], [OTHER]])
    bench.run(1)
    assert told(bench) == ["started", "stopped"]
    assert [announce.event for announce in third.announces] == ["started"]
    assert [announce.event for announce in bench.web.trackers["other.sim"].announces] == ["started"]
    assert [(row.tier, row.url) for row in bench.status.trackers] == [(0, "http://third.sim/announce"), (1, OTHER)]
