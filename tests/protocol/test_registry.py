"""The tracker's side, driven by what clients send and read back by what clients understand."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any, Dict, List, Tuple
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import registry
from bittorrent_threads.protocol.announce import AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.registry import Registry
from bittorrent_threads.protocol.scrape import SwarmCounts, parse_scrape, scrape_url

INFOHASH = bytes(range(236, 256))
BASE = "http://t/announce"


def peerid(number: int) -> bytes:
    return b"-TH0100-%012d" % number


def made(interval: int = 1800) -> Registry:
    return Registry(interval=interval, min_interval=60, random=random.Random(1))


def body(subject: Registry, url: str, host: str = "10.0.0.1", now: float = 0.0) -> bytes:
    parts = urlsplit(url)
    answer = subject.answer(parts.path, parts.query, host, now)
    assert answer is not None
    return answer


def announce(
    subject: Registry, number: int, *, host: str = "", now: float = 0.0, more: str = "", **changes: Any
) -> AnnounceReply:
    values = {"uploaded": 0, "downloaded": 0, "left": 5, "port": 6881, "infohash": INFOHASH, **changes}
    url = AnnounceRequest(peerid=peerid(number), **values).url(BASE) + more
    return AnnounceReply.parse(body(subject, url, host or f"10.0.{number >> 8}.{number & 255}", now))


def scrape(subject: Registry, *infohashes: bytes, now: float = 0.0) -> Any:
    url = scrape_url(BASE, infohashes)
    assert url is not None
    return parse_scrape(body(subject, url, now=now))


def test_peers_hear_of_those_before_them_and_never_of_themselves() -> None:
    subject = made()
    first = announce(subject, 1, left=0)
    assert first == AnnounceReply(
        interval=1800, min_interval=60, complete=1, incomplete=0, downloaded=0, external_ip="10.0.0.1"
    )
    assert announce(subject, 2, port=6882).peers == (("10.0.0.1", 6881),)
    assert announce(subject, 1, left=0).peers == (("10.0.0.2", 6882),)
    assert subject.swarm(INFOHASH, 0.0) == (("10.0.0.2", 6882), ("10.0.0.1", 6881))


def test_other_torrents_are_other_swarms() -> None:
    subject = made()
    announce(subject, 1)
    assert announce(subject, 2, infohash=bytes(20)).peers == ()
    assert subject.swarm(b"x" * 20, 0.0) == ()


def test_stopped_leaves_at_once() -> None:
    subject = made()
    announce(subject, 1)
    announce(subject, 2)
    assert announce(subject, 1, event="stopped").peers == ()
    assert subject.swarm(INFOHASH, 0.0) == (("10.0.0.2", 6881),)
    announce(subject, 3, event="stopped")
    assert len(subject.swarm(INFOHASH, 0.0)) == 1


def test_a_client_started_anew_takes_its_own_place() -> None:
    subject = made()
    announce(subject, 1, host="10.9.9.9")
    assert announce(subject, 2, host="10.9.9.9").peers == ()
    assert len(subject.swarm(INFOHASH, 0.0)) == 1


@pytest.mark.parametrize(("interval", "lifetime"), [(15, 300.0), (1800, 3600.0)])
def test_who_is_silent_is_forgotten(interval: int, lifetime: float) -> None:
    subject = made(interval)
    announce(subject, 1, now=0.0)
    announce(subject, 2, now=10.0)
    assert announce(subject, 3, now=lifetime - 1).peers != ()
    assert subject.swarm(INFOHASH, lifetime) == (("10.0.0.2", 6881), ("10.0.0.3", 6881))
    assert scrape(subject, INFOHASH, now=lifetime + 10)[INFOHASH].incomplete == 1
    announce(subject, 3, now=lifetime + 100)
    assert subject.swarm(INFOHASH, 2 * lifetime) == (("10.0.0.3", 6881),)


def test_counts_and_scrape() -> None:
    subject = made()
    announce(subject, 1, left=0)
    announce(subject, 2, event="started")
    announce(subject, 3, event="paused")
    announce(subject, 2, event="completed", left=0)
    announce(subject, 2, event="completed", left=0)
    reply = announce(subject, 4)
    assert (reply.complete, reply.incomplete, reply.downloaded) == (2, 2, 1)
    counts = SwarmCounts(complete=2, incomplete=2, downloaded=1, downloaders=1)
    assert scrape(subject, INFOHASH, b"x" * 20) == {INFOHASH: counts}
    assert scrape(subject) == {}


def test_downloads_of_deserted_swarms_are_remembered_for_the_latest_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_DESERTED", 2)
    subject = made()
    infohashes = [letter * 20 for letter in (b"a", b"b", b"c")]
    for infohash in infohashes:
        announce(subject, 1, infohash=infohash, event="completed", left=0)
        announce(subject, 1, infohash=infohash, event="stopped", left=0)
    gone = SwarmCounts(complete=0, incomplete=0, downloaded=1, downloaders=0)
    assert scrape(subject, *infohashes) == {infohashes[1]: gone, infohashes[2]: gone}
    assert announce(subject, 2, infohash=infohashes[1]).downloaded == 1
    assert announce(subject, 2, infohash=infohashes[0]).downloaded == 0


def test_both_families() -> None:
    subject = made()
    announce(subject, 1, host="2001:db8::1")
    announce(subject, 1, host="10.0.0.1")
    announce(subject, 2, host="::ffff:10.0.0.2")
    reply = announce(subject, 3, host="2001:db8::3")
    assert sorted(reply.peers) == [("10.0.0.1", 6881), ("10.0.0.2", 6881), ("2001:db8::1", 6881)]
    assert reply.external_ip == "2001:db8::3"


def test_the_long_form_on_demand() -> None:
    subject = made()
    announce(subject, 1, host="2001:db8::1")
    url = AnnounceRequest(INFOHASH, peerid(2), 6881, 0, 0, 5).url(BASE).replace("compact=1", "compact=0")
    answer = body(subject, url)
    assert bencode.decode(answer)[b"peers"] == [{b"peer id": peerid(1), b"ip": b"2001:db8::1", b"port": 6881}]
    assert AnnounceReply.parse(answer).peers == (("2001:db8::1", 6881),)


@pytest.mark.parametrize(("numwant", "given"), [(0, 0), (3, 3), (50, 50), (10**6, 200), (-1, 50)])
def test_numwant(numwant: int, given: int) -> None:
    subject = made()
    for number in range(300):
        announce(subject, number, numwant=0)
    assert len(announce(subject, 999, numwant=numwant).peers) == given


def test_ip_counts_from_this_machine_only() -> None:
    subject = made()
    announce(subject, 1, host="127.0.0.1", more="&ip=10.1.1.1")
    announce(subject, 2, host="::1", more="&ip=10.2.2.2")
    announce(subject, 3, host="10.0.0.3", more="&ip=10.3.3.3")
    announce(subject, 4, host="127.0.0.1", more="&ip=victim.example")
    assert [host for host, _ in subject.swarm(INFOHASH, 0.0)] == ["10.1.1.1", "10.2.2.2", "10.0.0.3", "127.0.0.1"]


def test_announces_are_remembered_as_they_were_understood() -> None:
    subject = made()
    figures: Dict[str, Any] = {"uploaded": 1, "downloaded": 2, "left": 3, "numwant": 4}
    announce(subject, 1, event="started", key="beef", trackerid=b"\xff", now=9.0, **figures)
    assert subject.announces[0] == registry.Announced(
        infohash=INFOHASH,
        peerid=peerid(1),
        address=("10.0.0.1", 6881),
        event="started",
        uploaded=1,
        downloaded=2,
        left=3,
        numwant=4,
        compact=True,
        key="beef",
        trackerid=b"\xff",
        time=9.0,
    )


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "port is missing"),
        ("port=1&info_hash=short", "info_hash has 5 bytes, not 20"),
        ("port=1&info_hash=aaaaaaaaaaaaaaaaaaaa", "peer_id has 0 bytes, not 20"),
        ("port=0", "port is 0, not 1 to 65535"),
        ("port=65536", "port is 65536, not 1 to 65535"),
        ("port=-1", "port is not a number"),
        ("port=" + "9" * 5000, "port is not a number"),
        ("port=%D9%A3", "port is not a number"),
        ("event=paid", "event is none of started, completed, stopped, paused"),
        (f"port=1&info_hash={20 * 'a'}&peer_id={20 * 'a'}&uploaded=1&downloaded=1", "left is missing"),
        ("a=1&" * 101, "more than 100 names in the query"),
    ],
)
def test_bad_announces_get_a_reason(query: str, reason: str) -> None:
    subject = made()
    with pytest.raises(TrackerError) as caught:
        AnnounceReply.parse(body(subject, f"{BASE}?{query}"))
    assert caught.value.reason == reason
    assert list(subject.announces) == []


def test_nothing_else_is_there() -> None:
    assert made().answer("/", "", "10.0.0.1", 0.0) is None
    assert made().answer("/announce/", "", "10.0.0.1", 0.0) is None


def test_a_full_swarm_forgets_who_was_silent_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_SWARM", 3)
    subject = made()
    for number in (1, 2, 3, 1, 4):
        announce(subject, number)
    assert [host for host, _ in subject.swarm(INFOHASH, 0.0)] == ["10.0.0.3", "10.0.0.1", "10.0.0.4"]


def test_a_full_tracker_forgets_who_was_silent_longest_in_any_torrent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_PEERS", 3)
    subject = made()
    for number, name in enumerate((b"a", b"b", b"a", b"c", b"b")):
        announce(subject, number, infohash=name * 20)
    assert [len(subject.swarm(name * 20, 0.0)) for name in (b"a", b"b", b"c")] == [1, 1, 1]
    announce(subject, 2, infohash=b"a" * 20)
    announce(subject, 9, infohash=b"d" * 20)
    assert [len(subject.swarm(name * 20, 0.0)) for name in (b"a", b"b", b"c", b"d")] == [1, 1, 0, 1]


def test_invented_torrents_of_one_host_cost_nobody_else_anything() -> None:
    subject = made()
    for number in range(50):
        announce(subject, number, infohash=INFOHASH)
    for number in range(2 * registry.MAX_HOST):
        announce(subject, 1, host="10.9.9.9", infohash=b"%020d" % number, event="completed", left=0)
    assert announce(subject, 77, infohash=b"new torrent new host").peers == ()
    assert len(subject.swarm(INFOHASH, 0.0)) == 50
    assert len(subject._peers) == 51 + registry.MAX_HOST
    assert len(subject._deserted) == registry.MAX_DESERTED
    assert scrape(subject, b"%020d" % (2 * registry.MAX_HOST - 1))
    assert subject.swarm(b"%020d" % 5, 0.0) == ()


@pytest.mark.parametrize("network", ["10.9.9.9", "2001:db8:1:2::{}"])
def test_one_host_does_not_flush_a_swarm(network: str) -> None:
    subject = made()
    for number in range(50):
        announce(subject, number, port=1 + number)
    for port in range(1, registry.MAX_SWARM + 100):
        announce(subject, 1, host=network.format(f"{port:x}"), port=port, numwant=0)
    hosts = [host for host, _ in subject.swarm(INFOHASH, 0.0)]
    assert sum(host.startswith("10.0.0.") for host in hosts) == 50
    assert len(hosts) == 50 + registry.MAX_HOST_SWARM
    assert announce(subject, 51, host="2001:db8:1:3::1").complete == 0
    assert len(subject.swarm(INFOHASH, 0.0)) == 51 + registry.MAX_HOST_SWARM


def test_the_memory_of_a_full_tracker_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.MAX_PEERS * 1400 < 30_000_000
    monkeypatch.setattr(registry, "MAX_PEERS", 2000)
    subject = made()
    tracemalloc.start()
    try:
        for number in range(registry.MAX_PEERS + 100):  # the dearest: each in a swarm of its own
            host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            query = f"info_hash={number:020d}&peer_id={number:020d}&port=6881&uploaded=1&downloaded=1&left=1&key=1234"
            subject.answer("/announce", query, host, 0.0)
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(subject._peers) == len(subject._swarms) == registry.MAX_PEERS
    size -= 1000 * len(subject.announces)
    assert size < 1400 * registry.MAX_PEERS


def test_the_tables_agree_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"MAX_PEERS": 40, "MAX_SWARM": 15, "MAX_HOST": 12, "MAX_HOST_SWARM": 5, "MAX_DESERTED": 3}
    for name, most in limits.items():
        monkeypatch.setattr(registry, name, most)
    chance = random.Random(4)
    subject = made(15)
    now = 0.0
    for _ in range(3000):
        now += chance.random() * 20
        event = chance.choice(["", "started", "stopped", "completed", "paused"])
        host = f"10.0.0.{chance.randrange(9)}"
        infohash = b"%020d" % chance.randrange(8)
        left = chance.randrange(2)
        port, number = chance.randrange(1, 9), chance.randrange(99)
        announce(subject, number, host=host, port=port, infohash=infohash, event=event, left=left, now=now)
        peers = [peer for swarm in subject._swarms.values() for peer in swarm.peers.values()]
        assert len(peers) <= 40
        assert set(peers) == set(subject._peers)
        assert {peer for own in subject._hosts.values() for peer in own} == set(peers)
        assert all(0 < len(own) <= 12 for own in subject._hosts.values())
        times = [peer.time for peer in subject._peers]
        assert times == sorted(times)
        assert not subject._swarms.keys() & subject._deserted.keys()
        assert len(subject._deserted) <= 3
        for swarm in subject._swarms.values():
            assert 0 < len(swarm.peers) <= 15
            assert swarm.seeds == sum(not peer.left for peer in swarm.peers.values())
            assert swarm.downloaders == sum(peer.left and not peer.paused for peer in swarm.peers.values())


def test_the_memory_of_announces_has_an_end() -> None:
    subject = made()
    for number in range(registry.MAX_ANNOUNCES + 5):
        announce(subject, number, numwant=0, more="&key=" + "x" * 500)
    assert len(subject.announces) == registry.MAX_ANNOUNCES
    assert subject.announces[-1].key == "x" * 64


def test_noise_is_answered() -> None:
    chance = random.Random(0)
    good = AnnounceRequest(INFOHASH, peerid(1), 6881, 0, 0, 5, event="started", key="x").url(BASE).partition("?")[2]
    subject = made()
    for _ in range(2000):
        query = list(good)
        for _ in range(chance.randint(1, 4)):
            query[chance.randrange(len(query))] = chr(chance.randrange(256))
        answer = subject.answer("/announce", "".join(query), "10.0.0.1", 0.0)
        assert answer is not None
        assert bencode.decode(answer).keys() & {b"interval", b"failure reason"}


STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 2),
        st.sampled_from(["", "started", "stopped", "completed", "paused"]),
        st.booleans(),
    ),
    max_size=40,
)


@given(STEPS)
def test_a_scrape_and_a_swarm_tell_what_was_announced(steps: List[Tuple[int, int, str, bool]]) -> None:
    subject = made()
    swarms: Dict[bytes, Dict[str, Tuple[bool, bool]]] = {}
    for peer, torrent, event, seed in steps:
        infohash, host = bytes([torrent]) * 20, f"10.0.0.{peer}"
        reply = announce(subject, peer, infohash=infohash, event=event, left=0 if seed else 5)
        swarm = swarms.setdefault(infohash, {})
        others = {(other, 6881) for other in swarm if other != host}
        swarm.pop(host, None)
        if event != "stopped":
            swarm[host] = (seed, event == "paused")
        assert set(reply.peers) == (set() if event == "stopped" else others)
        assert (reply.complete, reply.incomplete) == (
            sum(seed for seed, _ in swarm.values()),
            sum(not seed for seed, _ in swarm.values()),
        )
    for infohash, swarm in swarms.items():
        assert subject.swarm(infohash, 0.0) == tuple((host, 6881) for host in swarm)
        counts = scrape(subject, infohash).get(infohash, SwarmCounts(0, 0, 0, 0))
        downloaders = sum(not seed and not paused for seed, paused in swarm.values())
        assert counts.complete == sum(seed for seed, _ in swarm.values())
        assert (counts.incomplete, counts.downloaders) == (len(swarm) - counts.complete, downloaders)
