"""The simulated look-ups and the tracker behind them."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List
from urllib.parse import quote

import pytest

from bittorrent_threads.engine.interfaces.lookups import Lookups
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.net.interfaces import Fetched, Resolved
from bittorrent_threads.testing.simulation import tracker
from bittorrent_threads.testing.simulation.lookups import SimLookups, Web
from bittorrent_threads.testing.simulation.network import Internet
from bittorrent_threads.testing.simulation.tracker import SimTracker
from bittorrent_threads.testing.simulation.world import World

INFOHASH = bytes(range(200, 220))


class Bench:
    """A web with one tracker, and hosts that ask it."""

    def __init__(self) -> None:
        self.world = World(3)
        self.web = Web()
        self.tracker = self.web.trackers["tracker.sim"] = SimTracker(self.world, interval=900)
        self.internet = Internet(self.world)

    def lookups(self, host: str) -> SimLookups:
        network = self.internet.hosts.get(host) or self.internet.add(host)
        return SimLookups(network, self.web)

    def ask(self, verb: Callable[..., None], *args: Any) -> Any:
        """The answer to one call, which must not come from inside it."""
        answers: List[Any] = []
        verb(*args, answers.append)
        assert answers == []
        self.world.run(lambda: bool(answers), limit=60)
        return answers[0]

    def fetch(self, host: str, url: str, max_body: int = 1 << 20) -> Fetched:
        fetched = self.ask(self.lookups(host).fetch, url, 30, max_body)
        assert isinstance(fetched, Fetched)
        return fetched

    def announce(self, host: str, port: int, event: str = "", left: int = 5, numwant: int = 50) -> Dict[bytes, Any]:
        query = f"info_hash={quote(INFOHASH)}&port={port}&left={left}&numwant={numwant}&event={event}"
        fetched = self.fetch(host, f"http://tracker.sim/announce?{query}")
        assert fetched.status == 200
        assert fetched.error is None
        reply = bencode.decode(fetched.body)
        assert isinstance(reply, dict)
        return reply


def conforms(lookups: Lookups) -> None:
    """For the type checker: it fails here when the simulation and the ports part."""


def peers(*numbers: int) -> List[bytes]:
    return [struct.pack(">4BH", 10, 0, 0, number, 6880 + number) for number in numbers]


def cut(compact: bytes, size: int = 6) -> List[bytes]:
    return sorted(compact[at : at + size] for at in range(0, len(compact), size))


def test_the_tracker_introduces_peers_to_each_other() -> None:
    bench = Bench()
    conforms(bench.lookups("10.0.0.1"))
    first = bench.announce("10.0.0.1", 6881, "started", left=0)
    assert first == {b"interval": 900, b"peers": b"", b"complete": 1, b"incomplete": 0}
    bench.announce("10.0.0.2", 6882, "started")
    third = bench.announce("10.0.0.3", 6883, "started")
    assert cut(third[b"peers"]) == peers(1, 2)
    assert (third[b"complete"], third[b"incomplete"]) == (1, 2)
    bench.announce("10.0.0.1", 6881, "stopped")
    assert cut(bench.announce("10.0.0.3", 6883)[b"peers"]) == peers(2)
    assert [(heard.address, heard.event) for heard in bench.tracker.announces][-2:] == [
        (("10.0.0.1", 6881), "stopped"),
        (("10.0.0.3", 6883), ""),
    ]


def test_numwant_bounds_the_reply_and_ipv6_peers_have_their_own_list() -> None:
    bench = Bench()
    for number in range(1, 20):
        bench.announce(f"10.0.0.{number}", 6880 + number)
    bench.announce("fd00::1", 7000)
    reply = bench.announce("10.0.0.99", 1, numwant=7)
    assert len(cut(reply[b"peers"])) + len(cut(reply.get(b"peers6", b""), 18)) == 7
    reply = bench.announce("10.0.0.99", 1)
    assert reply[b"peers6"] == bytes.fromhex("fd" + "00" * 14 + "01") + struct.pack(">H", 7000)
    assert bench.announce("10.0.0.99", 1, numwant=0)[b"peers"] == b""


def test_scrape_counts() -> None:
    bench = Bench()
    bench.announce("10.0.0.1", 1, left=0)
    fetched = bench.fetch("10.0.0.1", f"http://tracker.sim/scrape?info_hash={quote(INFOHASH)}&info_hash={'x' * 20}")
    assert bencode.decode(fetched.body) == {
        b"files": {INFOHASH: {b"complete": 1, b"incomplete": 0, b"downloaded": 0}},
    }


@pytest.mark.parametrize(
    ("mood", "status", "body", "error", "seconds"),
    [
        (tracker.DOWN, 0, b"", "connection refused", 0.05),
        (tracker.SLOW, 0, b"", "no answer within 30 s", 30),
        (tracker.GARBAGE, 200, b"<html>", None, 0.05),
        (tracker.BROKEN, 503, b"Service", None, 0.05),
        (tracker.REFUSING, 200, b"d14:failure reason9:not todaye", None, 0.05),
    ],
)
def test_moods(mood: str, status: int, body: bytes, error: str, seconds: float) -> None:
    bench = Bench()
    bench.tracker.mood = mood
    url = "http://tracker.sim/announce?port=1"
    fetched = bench.fetch("10.0.0.1", url)
    assert fetched.status == status
    assert fetched.body.startswith(body)
    assert fetched.url == url
    assert str(fetched.error) == (f"{url}: {error}" if error else "None")
    assert bench.world.now == pytest.approx(seconds)


def test_unknown_hosts_large_bodies_and_pulled_cables_are_errors() -> None:
    bench = Bench()
    assert "not known" in str(bench.fetch("10.0.0.1", "http://nowhere.sim/announce").error)
    bench.tracker.mood = tracker.GARBAGE
    assert "more than 10 bytes" in str(bench.fetch("10.0.0.1", "http://tracker.sim/announce", 10).error)
    bench.internet.hosts["10.0.0.1"].online = False
    assert "no answer within 30 s" in str(bench.fetch("10.0.0.1", "http://tracker.sim/announce").error)


def test_names() -> None:
    bench = Bench()
    bench.web.names["host.sim"] = ["10.0.0.7", "fd00::7"]
    lookups = bench.lookups("10.0.0.1")
    assert bench.ask(lookups.resolve, "host.sim", 80, 5) == Resolved((("10.0.0.7", 80), ("fd00::7", 80)), None)
    nobody = bench.ask(lookups.resolve, "nobody.sim", 80, 5)
    assert nobody.addresses == ()
    assert "nobody.sim" in str(nobody.error)
