"""Several trackers, and trackers and hosts of two address families, in virtual time and in many orders."""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Sequence

import pytest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation import tracker as moods
from bittorrent_threads.testing.simulation.lookups import Web
from bittorrent_threads.testing.simulation.network import MBIT, Internet
from bittorrent_threads.testing.simulation.swarm import PORT, Node
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.tracker import SimTracker
from bittorrent_threads.testing.simulation.world import World

LINE = {"up": 50 * MBIT, "down": 50 * MBIT, "latency": 0.01}
SETTINGS = Settings(port=PORT)


class Place:
    """A world with trackers, to which nodes come."""

    def __init__(self, seed: int, *tiers: Sequence[str]) -> None:
        self.world = World(seed)
        self.internet = Internet(self.world)
        self.web = Web()
        urls = [[f"http://{name}.sim/announce" for name in tier] for tier in tiers]
        self.torrent: SimTorrent = make_torrent(size=300_000, piece_length=65536, trackers=urls)
        for tier in tiers:
            for name in tier:
                self.web.trackers[f"{name}.sim"] = SimTracker(self.world)

    def tracker(self, name: str) -> SimTracker:
        return self.web.trackers[f"{name}.sim"]

    def node(self, *hosts: str, seed: bool = False, settings: Settings = SETTINGS) -> Node:
        """A node at these addresses, of one family or both."""
        pieces: Iterable[int] = range(self.torrent.metainfo.piece_count) if seed else ()
        node = Node(self.internet, self.web, hosts[0], self.torrent, pieces=pieces, settings=settings, line=LINE)
        for host in hosts[1:]:
            self.internet.alias(node.network, host)
        return node

    def listed(self, name: str) -> Dict[str, int]:
        """Return the addresses in the swarm of a tracker."""
        swarm = self.tracker(name).swarms.get(self.torrent.metainfo.infohash, {})
        return {host: left for (host, _), left in swarm.items()}

    def run(self, *nodes: Node, limit: float = 300.0) -> None:
        """Until these nodes are complete."""
        self.world.run(lambda: all(node.complete for node in nodes), limit=limit)

    def start(self, nodes: Sequence[Node], order: Optional[Sequence[int]] = None) -> None:
        """Start the nodes, some seconds apart, in this order or at random."""
        chosen = list(range(len(nodes))) if order is None else list(order)
        if order is None:
            self.world.random.shuffle(chosen)
        for place, index in enumerate(chosen):
            self.world.after(5.0 * place, nodes[index].start)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tiers", [[["empty"], ["full"]], [["empty", "full"]]], ids=["two tiers", "one tier"])
def test_a_tracker_that_names_nobody_hides_no_other(tiers: List[List[str]], seed: int) -> None:
    place = Place(seed, *tiers)
    others = Place(seed, ["full"])
    others.world, others.internet, others.web = place.world, place.internet, place.web
    others.torrent = make_torrent(size=300_000, piece_length=65536, trackers=["http://full.sim/announce"])
    assert others.torrent.metainfo.infohash == place.torrent.metainfo.infohash
    seeder, down = others.node("10.0.0.1", seed=True), place.node("10.0.0.2")
    place.start([seeder, down])
    place.run(down)
    assert place.listed("full").keys() == {"10.0.0.1", "10.0.0.2"}


@pytest.mark.parametrize("seed", range(3))
def test_a_silent_tracker_keeps_no_other_tier_waiting(seed: int) -> None:
    place = Place(seed, ["slow"], ["down"], ["garbage"], ["full"])
    for name, mood in (("slow", moods.SLOW), ("down", moods.DOWN), ("garbage", moods.GARBAGE)):
        place.tracker(name).mood = mood
    down = place.node("10.0.0.2")
    place.start([place.node("10.0.0.1", seed=True), down])
    place.run(down, limit=65.0)


@pytest.mark.parametrize("seed", range(6))
def test_both_families_hear_of_a_host_that_has_both(seed: int) -> None:
    place = Place(seed, ["t"])
    both = place.node("10.0.0.1", "fd00::1", seed=True)
    four, six = place.node("10.0.0.2"), place.node("fd00::2")
    place.start([both, four, six])
    place.run(four, six, limit=200.0)
    assert {"10.0.0.1", "fd00::1"} <= place.listed("t").keys()
    assert {announce.address[0] for announce in place.tracker("t").announces if announce.event == "started"} == {
        "10.0.0.1",
        "fd00::1",
        "10.0.0.2",
        "fd00::2",
    }
    both.leave()
    place.world.run(place.world.now + 5)
    assert place.listed("t").keys() == {"10.0.0.2", "fd00::2"}


@pytest.mark.parametrize("family", [4, 6])
def test_nobody_is_listed_where_nobody_listens(family: int) -> None:
    place = Place(1, ["t"])
    node = place.node("10.0.0.1", "fd00::1")
    del node.network.addresses[10 - family]
    node.start()
    place.world.run(4000.0)
    assert [":" in host for host in place.listed("t")] == [family == 6]
    assert not node.status.trackers[0].error


@pytest.mark.parametrize("addresses", [["10.255.0.1"], ["fd00::ff"]])
def test_a_tracker_of_one_family_works_and_is_not_asked_over_the_other_all_the_time(addresses: List[str]) -> None:
    place = Place(1, ["t"])
    place.web.names["t.sim"] = addresses
    node = place.node("10.0.0.1", "fd00::1")
    node.start()
    place.world.run(60.0)
    assert len(place.listed("t")) == 1
    assert node.status.trackers[0].working
    place.world.run(3500.0)
    asked = len(place.tracker("t").announces)
    assert asked > 50
    assert len(node.lookups.urls) == asked + 1
    assert not node.seen(events.TrackerFailed)
    node.leave()
    place.world.run(3510.0)
    assert len(node.lookups.urls) == asked + 2
    assert not place.listed("t"), "only those are told that knew us"
    node.start()
    place.world.run(3511.0)
    assert len(node.lookups.urls) == asked + 4, "a new run may find what the last did not"


def test_a_tracker_of_one_family_that_is_down_is_told_once_and_by_the_reason_that_matters() -> None:
    place = Place(1, ["t"])
    place.web.names["t.sim"] = ["10.255.0.1"]
    place.tracker("t").mood = moods.DOWN
    node = place.node("10.0.0.1", "fd00::1")
    node.start()
    place.world.run(1.0)
    assert [event.reason for event in node.seen(events.TrackerFailed)] == ["connection refused"]
    assert node.status.trackers[0].error == "connection refused"


def test_a_tracker_that_fails_over_both_families_is_told_once() -> None:
    place = Place(1, ["t"])
    place.tracker("t").mood = moods.DOWN
    node = place.node("10.0.0.1", "fd00::1")
    node.start()
    place.world.run(1.0)
    assert len(node.lookups.urls) == 2
    assert len(node.seen(events.TrackerFailed)) == 1


def test_a_tracker_that_none_of_our_families_reaches_says_so() -> None:
    place = Place(1, ["t"])
    place.web.names["t.sim"] = ["fd00::ff"]
    node = place.node("10.0.0.1")
    node.start()
    place.world.run(100.0)
    assert node.status.trackers[0].error == "has no address of that family"
    assert len(node.lookups.urls) > 3, "and is tried again, for that may change"


def test_where_no_family_can_be_used_the_reason_has_both() -> None:
    place = Place(1, ["t"])
    place.web.names["t.sim"] = []
    node = place.node("10.0.0.1", "fd00::1")
    node.start()
    place.world.run(1.0)
    assert [event.reason for event in node.seen(events.TrackerFailed)] == [node.status.trackers[0].error]


def test_a_family_that_fails_is_no_failure_of_the_tracker() -> None:
    place = Place(1, ["t"])
    node = place.node("10.0.0.1", "fd00::1")
    answer = place.tracker("t").answer

    def failing(url: str, host: str) -> object:
        return (500, b"broken") if ":" in host else answer(url, host)

    place.tracker("t").answer = failing  # type: ignore[assignment,method-assign]
    node.start()
    place.world.run(600.0)
    assert node.status.trackers[0].working
    assert list(place.listed("t")) == ["10.0.0.1"]
    place.tracker("t").answer = answer  # type: ignore[method-assign]
    place.world.run(700.0)
    assert set(place.listed("t")) == {"10.0.0.1", "fd00::1"}
    heard = [announce.event for announce in place.tracker("t").announces if ":" in announce.address[0]]
    assert heard[0] == "started", "what it was told over the other family does not count"
