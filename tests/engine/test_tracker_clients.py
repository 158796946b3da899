"""The table of tracker clients: which scheme is served by which client, proven by a client of another scheme."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Set

import pytest
from support.simulation.lookups import SimLookups, Web
from support.simulation.network import MBIT, Internet
from support.simulation.swarm import PORT, Node
from support.simulation.torrent import SimTorrent, make_torrent
from support.simulation.tracker import SimTracker
from support.simulation.udp_tracker import UdpTracker, UdpTrackerClient
from support.simulation.world import World

import bittorrent_threads
from bittorrent_threads import events
from bittorrent_threads.engine.engine import Engine
from bittorrent_threads.engine.tracker_clients import TrackerClients
from bittorrent_threads.settings import Settings

UDP = "udp://u.sim:6969/announce"
HTTP = "http://h.sim/announce"
LINE = {"up": 50 * MBIT, "down": 50 * MBIT, "latency": 0.01}


def clients() -> TrackerClients:
    network = Internet(World()).add("10.0.0.1")
    return TrackerClients(SimLookups(network, Web()))


@pytest.mark.parametrize(
    ("url", "objection"),
    [
        ("http://t/announce", ""),
        ("https://t/announce", ""),
        ("HTTP://t/announce", ""),
        ("udp://t:6969/announce", "udp trackers are not supported yet"),
        ("wss://t/announce", "wss trackers are not supported yet"),
        ("http://t/announce?peer_id=x", "the URL has peer_id already"),
    ],
)
def test_a_scheme_without_a_client_is_an_objection(url: str, objection: str) -> None:
    assert clients().objection(url) == objection


# -- a client of another scheme ----------------------------------------------------------------------------------------


class UdpNode(Node):
    """A node whose engine has a client of UDP trackers in its table."""

    udp_trackers: Dict[str, UdpTracker]

    def _engine(self) -> Engine:
        engine = super()._engine()
        engine.tracker_clients.by_scheme["udp"] = UdpTrackerClient(self.network, self.udp_trackers)
        return engine


class Place:
    """A world with a UDP and an HTTP tracker, and one torrent that names trackers."""

    def __init__(self, *tiers: Sequence[str]) -> None:
        self.world = World(3)
        self.udp, self.http = UdpTracker(), SimTracker(self.world)
        self.internet = Internet(self.world)
        self.web = Web()
        self.web.trackers["h.sim"] = self.http
        self.torrent: SimTorrent = make_torrent(size=300_000, piece_length=65536, trackers=tiers)

    def node(self, host: str, *, seed: bool = False) -> UdpNode:
        pieces = range(self.torrent.metainfo.piece_count if seed else 0)
        UdpNode.udp_trackers = {"u.sim": self.udp}
        settings = Settings(port=PORT, announce_timeout=10.0)
        return UdpNode(self.internet, self.web, host, self.torrent, pieces=pieces, settings=settings, line=LINE)


def test_peers_meet_through_a_udp_tracker() -> None:
    place = Place([UDP])
    seed, down = place.node("10.0.0.1", seed=True), place.node("10.0.0.2")
    seed.start()
    place.world.run(5.0)
    down.start()
    place.world.run(lambda: down.complete, limit=60.0)
    place.world.run(place.world.now + 1)
    swarm = place.udp.swarms[place.torrent.metainfo.infohash]
    assert swarm == {("10.0.0.1", PORT): 0, ("10.0.0.2", PORT): 0}
    (row,) = down.status.trackers
    assert (row.state, row.error, row.url) == ("working", "", UDP)
    announced = down.seen(events.TrackerAnnounced)[0]
    assert (announced.url, announced.peers, announced.seeds, announced.leechers) == (UDP, 1, 1, 1)
    down.leave()
    place.world.run(place.world.now + 5)
    heard = [event for (host, _), event in place.udp.events if host == "10.0.0.2"]
    assert heard == ["started", "completed", "stopped"]
    assert list(swarm) == [("10.0.0.1", PORT)]
    assert seed.lookups.urls == down.lookups.urls == []
    assert place.world.violations == []


def test_a_udp_tracker_that_refuses_is_a_failure_like_any_other() -> None:
    place = Place([UDP], [HTTP])
    place.udp.refusal = "not today"
    node = place.node("10.0.0.1")
    node.start()
    place.world.run(1.0)
    assert [(each.url, each.reason) for each in node.seen(events.TrackerFailed)] == [(UDP, "not today")]
    assert [(row.state, row.error) for row in node.status.trackers] == [("failing", "not today"), ("working", "")]
    place.udp.refusal = ""
    place.world.run(20.0)
    assert [event for _, event in place.udp.events] == ["started"]


def test_a_udp_tracker_that_is_silent_keeps_neither_the_next_tier_nor_a_stop_waiting() -> None:
    place = Place([UDP], [HTTP])
    place.udp.silent = True
    node = place.node("10.0.0.1")
    node.start()
    place.world.run(9.0)
    assert [row.state for row in node.status.trackers] == ["announcing", "working"]
    place.world.run(10.5)
    assert [each.reason for each in node.seen(events.TrackerFailed)] == ["no answer within 10 s"]
    place.udp.silent = False
    place.world.run(60.0)
    place.udp.silent = True
    closed: List[float] = []
    start = place.world.now
    node.leave()
    node.act(node.torrent.wait_group.when_over, lambda: closed.append(place.world.now - start))
    place.world.run(place.world.now + 20)
    assert closed == [pytest.approx(3.0, abs=0.01)]


# -- one place ---------------------------------------------------------------------------------------------------------

SCHEMES = ("http", "https", "udp")
WHERE = {
    "metainfo/urls.py": "which schemes a URL may have",
    "net/http.py": "the default port, and whether TLS is used",
    "tracker.py": "the URL of our own tracker",
}


def scheme_literals(path: Path) -> Iterator[str]:
    """The strings in a module that are the name of a scheme, or begin a URL with one; docstrings are none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            scheme, separator, _ = node.value.partition("://")
            if node.value in SCHEMES or (separator and scheme in SCHEMES):
                yield node.value


def test_schemes_are_compared_in_one_place() -> None:
    root = Path(bittorrent_threads.__file__).parent
    found: Set[str] = {
        path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py")) if any(scheme_literals(path))
    }
    assert found == set(WHERE)


def test_a_comparison_elsewhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""http"""\nif url.startswith("http://") or url == "udp":\n    "https"\n')
    assert list(scheme_literals(path)) == ["http://", "udp"]
