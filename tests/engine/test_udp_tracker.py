"""Announces over UDP in virtual time: a tracker that is kind, one that is not, and others who pretend to be it."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Sequence

import pytest
from support.bench import Bench, torrent_of

from bittorrent_threads import events
from bittorrent_threads.engine.interfaces.tracker_client import Endpoint
from bittorrent_threads.engine.udp_tracker import UdpTrackerClient
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.protocol.announce import MAX_PEERS, AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.scrape import SwarmCounts
from bittorrent_threads.protocol.udp_tracker_messages import MAX_URL_DATA
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation.host import Faults
from bittorrent_threads.testing.simulation.lookups import Web
from bittorrent_threads.testing.simulation.network import MBIT, Internet
from bittorrent_threads.testing.simulation.swarm import PORT, Node
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.tracker import SimTracker
from bittorrent_threads.testing.simulation.udp_tracker import PORT as TRACKER_PORT
from bittorrent_threads.testing.simulation.udp_tracker import SimUdpTracker
from bittorrent_threads.testing.simulation.world import World

UDP = f"udp://u.sim:{TRACKER_PORT}/announce"
HTTP = "http://h.sim/announce"
HOST, HOST6 = "10.9.9.9", "fd00::99"
LINE = {"up": 50 * MBIT, "down": 50 * MBIT, "latency": 0.01}
REQUEST = AnnounceRequest(infohash=b"i" * 20, peerid=b"p" * 20, port=PORT, uploaded=0, downloaded=0, left=1, key="AB")


class Place:
    """A world with a UDP and an HTTP tracker, and one torrent that names trackers."""

    def __init__(self, *tiers: Sequence[str], hosts: Sequence[str] = (HOST,), seed: int = 3) -> None:
        self.world = World(seed)
        self.internet = Internet(self.world)
        self.udp, self.http = SimUdpTracker(self.internet, *hosts), SimTracker(self.world)
        self.web = Web()
        self.web.trackers["h.sim"] = self.http
        self.web.names["u.sim"] = list(hosts)
        self.torrent: SimTorrent = make_torrent(size=300_000, piece_length=65536, trackers=tiers or [[UDP]])

    def node(self, *hosts: str, seed: bool = False, **settings: Any) -> Node:
        pieces = range(self.torrent.metainfo.piece_count if seed else 0)
        options = Settings(**{"port": PORT, "announce_timeout": 10.0, **settings})
        node = Node(self.internet, self.web, hosts[0], self.torrent, pieces=pieces, settings=options, line=LINE)
        for host in hosts[1:]:
            self.internet.alias(node.network, host)
        return node

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)
        assert self.world.violations == []

    def events_of(self, host: str) -> List[str]:
        return [each.event for each in self.udp.announces if each.address[0] == host]

    @property
    def listed(self) -> Dict[str, int]:
        return self.udp.listed(self.torrent.metainfo.infohash)


# -- swarms ------------------------------------------------------------------------------------------------------------


def test_peers_meet_through_a_udp_tracker() -> None:
    place = Place()
    seed, down = place.node("10.0.0.1", seed=True), place.node("10.0.0.2")
    seed.start()
    place.run(5.0)
    down.start()
    place.world.run(lambda: down.complete, limit=60.0)
    place.run(1.0)
    assert place.listed == {"10.0.0.1": 0, "10.0.0.2": 0}
    (row,) = down.status.trackers
    assert (row.state, row.error, row.url) == ("working", "", UDP)
    announced = down.seen(events.TrackerAnnounced)[0]
    assert (announced.url, announced.peers, announced.seeds, announced.leechers) == (UDP, 1, 1, 1)
    down.leave()
    place.run(5.0)
    assert place.events_of("10.0.0.2") == ["started", "completed", "stopped"]
    assert list(place.listed) == ["10.0.0.1"]
    assert {each.url_data for each in place.udp.announces} == {b"\x02\x09/announce"}
    assert seed.lookups.urls == down.lookups.urls == []
    assert [sock.closed for sock in down.network.datagram_sockets.values()] == [True]


def test_both_families_announce_with_one_key_and_hear_of_peers_of_their_own() -> None:
    place = Place(hosts=[HOST, HOST6])
    both = place.node("10.0.0.1", "fd00::1", seed=True)
    four, six = place.node("10.0.0.2"), place.node("fd00::2")
    for node in (both, four, six):
        node.start()
        place.run(2.0)
    place.world.run(lambda: four.complete and six.complete, limit=200.0)
    started = [each for each in place.udp.announces if each.event == "started"]
    assert {each.address[0] for each in started} == {"10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"}
    assert len({each.key for each in started if each.address[0] in ("10.0.0.1", "fd00::1")}) == 1
    both.leave()
    place.run(5.0)
    assert place.listed.keys() == {"10.0.0.2", "fd00::2"}


@pytest.mark.parametrize("seed", range(4))
def test_peers_meet_through_a_tracker_that_loses_delays_repeats_and_garbles(seed: int) -> None:
    place = Place(seed=seed)
    place.udp.garbled = 0.25
    seeder = place.node("10.0.0.1", seed=True, announce_timeout=40.0)
    down = place.node("10.0.0.2", announce_timeout=40.0)
    for network in (place.udp.network, seeder.network, down.network):
        network.faults = Faults(loss=0.2, duplication=0.3, jitter=1.0)
    seeder.start()
    place.run(60.0)
    down.start()
    place.world.run(lambda: down.complete, limit=1500.0)
    place.run(300.0)
    assert place.listed == {"10.0.0.1": 0, "10.0.0.2": 0}
    assert down.status.faults == seeder.status.faults == 0


def test_a_tracker_that_refuses_is_a_failure_like_any_other() -> None:
    place = Place([UDP], [HTTP])
    place.udp.refusal = "not today"
    node = place.node("10.0.0.1")
    node.start()
    place.run(1.0)
    assert [(each.url, each.reason) for each in node.seen(events.TrackerFailed)] == [(UDP, "not today")]
    assert [(row.state, row.error) for row in node.status.trackers] == [("failing", "not today"), ("working", "")]
    place.udp.refusal = ""
    place.run(20.0)
    assert place.events_of("10.0.0.1") == ["started"]


def test_a_silent_tracker_keeps_neither_the_next_tier_nor_a_stop_waiting() -> None:
    place = Place([UDP], [HTTP])
    place.udp.silent = True
    node = place.node("10.0.0.1")
    node.start()
    place.run(9.0)
    assert [row.state for row in node.status.trackers] == ["announcing", "working"]
    place.run(1.5)
    assert [each.reason for each in node.seen(events.TrackerFailed)] == ["no answer within 10 s"]
    place.udp.silent = False
    place.run(50.0)
    place.udp.silent = True
    closed: List[float] = []
    start = place.world.now
    node.leave()
    node.act(node.torrent.wait_group.when_over, lambda: closed.append(place.world.now - start))
    assert node.engine.datagrams.families, "the answer to stopped is waited for"
    place.run(20.0)
    assert closed == [pytest.approx(3.0, abs=0.01)]
    assert node.engine.datagrams.families == ()


def test_a_lost_announce_is_sent_again_after_15_s() -> None:
    place = Place()
    node = place.node("10.0.0.1", announce_timeout=30.0)
    node.network.online = False
    node.start()
    place.run(1.0)
    node.network.online = True
    place.run(13.0)
    assert place.udp.datagrams == 0
    place.run(1.2)
    assert place.events_of("10.0.0.1") == ["started"]
    assert not node.seen(events.TrackerFailed)


def test_started_is_not_sent_again_after_stopped() -> None:
    place = Place()
    node = place.node("10.0.0.1", announce_timeout=300.0, stop_announce_timeout=100.0)
    node.start()
    place.run(0.08)
    place.udp.silent = True
    place.run(1.0)
    assert (len(place.udp.connects), place.udp.datagrams) == (1, 2)
    node.leave()
    place.udp.silent = False
    place.run(300.0)
    assert place.events_of("10.0.0.1") == ["stopped"]
    assert not node.seen(events.TrackerFailed)


def test_a_stop_before_the_first_answer_and_a_new_start() -> None:
    place = Place()
    node = place.node("10.0.0.1")
    node.start()
    node.leave()
    node.start()
    place.run(60.0)
    assert place.events_of("10.0.0.1")[-1] in ("started", "")
    assert place.listed.keys() == {"10.0.0.1"}
    assert [row.state for row in node.status.trackers] == ["working"]


def test_two_torrents_share_a_connection_id_for_a_minute() -> None:
    bench = Bench(torrent_of(UDP), state="stopped")
    udp = SimUdpTracker(bench.internet, HOST)
    bench.web.names["u.sim"] = [HOST]
    bench.set_state("active")
    content = torrent_of(UDP, seed=2)
    bench.disk.hold(content)
    other = bench.add(content)
    bench.act(other.set_state, "active")
    bench.run(30.0)
    assert [each.event for each in udp.announces] == ["started", "started"]
    assert len(udp.connects) == 1
    assert bench.lookups.resolved == ["u.sim"]
    bench.run(60.0)
    bench.act(other.reannounce)
    bench.run(1.0)
    assert len(udp.connects) == 2
    bench.run(1700.0)
    client = bench.engine.tracker_clients.by_scheme["udp"]
    assert isinstance(client, UdpTrackerClient)
    assert client.contacts == 0 or bench.world.now - udp.announces[-1].time < 61


def test_a_tracker_that_starts_again_is_asked_for_another_connection_id() -> None:
    place = Place()
    node = place.node("10.0.0.1")
    node.start()
    place.run(20.0)
    place.udp.forget_connections()
    node.leave()
    place.run(5.0)
    assert place.events_of("10.0.0.1") == ["started", "stopped"]
    assert len(place.udp.connects) == 2


# -- the client alone --------------------------------------------------------------------------------------------------


class Asked:
    """A client on a host of both families, and what it delivered."""

    def __init__(self, *names: str, **settings: Any) -> None:
        self.place = Place(hosts=[HOST, HOST6])
        if names:
            self.place.web.names["u.sim"] = list(names)
        self.node = self.place.node("10.0.0.1", "fd00::1", **settings)
        client = self.node.engine.tracker_clients.by_scheme["udp"]
        assert isinstance(client, UdpTrackerClient)
        self.client = client
        self.answers: List[Any] = []
        self.times: List[float] = []

    def open(self) -> None:
        addresses = list(self.node.network.addresses.values())
        self.node.act(self.node.engine.datagrams.open, addresses, PORT)

    def announce(self, url: str = UDP, *, family: int = 4, timeout: float = 10.0, trusted: bool = False) -> None:
        self._act(
            lambda deliver: self.client.announce(
                url, REQUEST, deliver, endpoint=Endpoint(family, ""), timeout=timeout, trusted=trusted
            )
        )

    def scrape(self, url: str = UDP) -> None:
        self._act(lambda deliver: self.client.scrape(url, b"i" * 20, deliver, timeout=10.0, trusted=False))

    def _act(self, ask: Callable[[Callable[[Any], None]], None]) -> None:
        inside = [True]

        def deliver(answer: Any) -> None:
            assert not inside, "never from inside the call"
            self.answers.append(answer)
            self.times.append(self.place.world.now)

        def call() -> None:
            ask(deliver)
            inside.clear()

        self.node.act(call)

    def run(self, seconds: float = 1.0) -> Any:
        """Let time pass, and return the answers since the last call."""
        self.place.run(seconds)
        answers, self.answers = self.answers, []
        return answers

    def reasons(self, seconds: float = 1.0) -> List[str]:
        return [answer.reason for answer in self.run(seconds)]

    @property
    def sent(self) -> int:
        return sum(sock.sent for sock in self.node.network.datagram_sockets.values())


def test_an_announce_over_each_family() -> None:
    asked = Asked()
    asked.open()
    for family, host in ((4, HOST), (6, HOST6), (0, HOST)):
        asked.announce(family=family)
        (reply,) = asked.run()
        assert reply == AnnounceReply(interval=1800, complete=0, incomplete=reply.incomplete, host=host)


def test_a_scrape() -> None:
    asked = Asked()
    asked.open()
    asked.scrape()
    assert asked.run() == [SwarmCounts(complete=0, incomplete=0, downloaded=0)]


def test_a_name_that_cannot_be_resolved() -> None:
    asked = Asked()
    asked.open()
    asked.announce("udp://nowhere.sim:1")
    assert asked.reasons() == ["nowhere.sim: name or service not known"]


def test_a_tracker_without_an_address_of_the_family() -> None:
    asked = Asked(HOST)
    asked.open()
    asked.announce(family=6)
    (failure,) = asked.run()
    assert (failure.reason, failure.family_unavailable) == ("u.sim has no address of IPv6", True)


def test_without_a_socket_nothing_can_be_asked_and_the_reason_is_told() -> None:
    asked = Asked()
    asked.node.network.busy_udp_ports |= {0, PORT}
    asked.announce()
    (failure,) = asked.run()
    assert (failure.reason, failure.family_unavailable) == ("no UDP socket at :::0: address already in use", True)


def test_a_session_that_does_not_listen_has_sockets_for_the_time_of_a_scrape() -> None:
    asked = Asked()
    asked.scrape()
    assert asked.run() == [SwarmCounts(complete=0, incomplete=0, downloaded=0)]
    assert [sock.closed for sock in asked.node.network.datagram_sockets.values()] == [True, True]


def test_what_the_system_refuses_fails_at_once() -> None:
    asked = Asked()
    asked.open()
    asked.node.network.unsendable[4] = "network unreachable"
    asked.announce()
    asked.announce(family=6)
    failure, reply = sorted(asked.run(), key=lambda answer: isinstance(answer, AnnounceReply))
    assert failure.reason == "network unreachable"
    assert reply.host == HOST6


def test_a_url_that_is_too_long_for_a_datagram_is_an_objection() -> None:
    asked = Asked()
    assert asked.client.objection(UDP) == ""
    assert asked.client.objection("udp://t:1/" + "x" * (MAX_URL_DATA - 1)) == ""
    assert "1025 bytes" in asked.client.objection("udp://t:1/" + "x" * MAX_URL_DATA)


def test_an_address_that_does_not_answer_is_tried_after_the_others() -> None:
    asked = Asked("10.9.9.1", HOST)
    asked.open()
    asked.announce()
    assert asked.reasons(11) == ["no answer within 10 s"]
    asked.announce()
    (reply,) = asked.run()
    assert reply.host == HOST


def test_answers_that_cannot_be_used_are_counted_in_the_reason() -> None:
    asked = Asked()
    asked.open()
    tapped = Tapped(asked)
    asked.announce()
    asked.run(0.5)
    for _ in range(2):
        forged(asked, struct.pack(">II", 2, tapped.transaction()), (HOST, TRACKER_PORT))
    assert asked.reasons(11) == ["no usable answer within 10 s, of 2 that came"]


def test_a_name_server_that_hangs_costs_no_more_than_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    asked.open()
    monkeypatch.setattr("bittorrent_threads.testing.simulation.lookups.DELAY", 60.0)
    asked.announce(timeout=3.0)
    assert asked.reasons(100) == ["no answer within 3 s"]
    assert asked.times == [pytest.approx(3.0)]


# -- attacks (BEP 15 "spoofing", SSRF) ---------------------------------------------------------------------------------


def forged(asked: Asked, datagram: bytes, sender: Address) -> None:
    """A datagram whose sender somebody else wrote arrives."""
    network = asked.node.network
    here = "fd00::1" if ":" in sender[0] else "10.0.0.1"
    network.take_datagram(datagram, sender, (here, PORT))


class Tapped:
    """Sees what the tracker is sent, and keeps it from the tracker."""

    def __init__(self, asked: Asked) -> None:
        self.seen: List[bytes] = []
        asked.place.udp.on_datagram = lambda data, address: self.seen.append(bytes(data))  # type: ignore[method-assign]

    def transaction(self) -> int:
        (transaction,) = struct.unpack_from(">I", self.seen[-1], 12)
        return int(transaction)


@pytest.mark.parametrize("sender", [("10.6.6.6", TRACKER_PORT), (HOST, TRACKER_PORT + 1)])
def test_an_answer_from_another_address_or_port_is_ignored_though_its_transaction_is_right(sender: Address) -> None:
    asked = Asked()
    asked.open()
    tapped = Tapped(asked)
    asked.announce()
    asked.run(0.5)
    forged(asked, struct.pack(">IIQ", 0, tapped.transaction(), 7), sender)
    forged(asked, struct.pack(">II", 3, tapped.transaction()) + b"go away", sender)
    assert asked.run(1.0) == []
    assert len(tapped.seen) == 1


def test_ten_thousand_guesses_of_the_transaction_from_the_right_address_have_no_effect() -> None:
    asked = Asked()
    asked.open()
    tapped = Tapped(asked)
    asked.announce()
    asked.run(0.5)
    right = tapped.transaction()
    for guess in range(right + 1, right + 10_001):
        forged(asked, struct.pack(">II", 3, guess % 2**32) + b"go away", (HOST, TRACKER_PORT))
    assert asked.run(1.0) == []
    forged(asked, struct.pack(">II", 3, right) + b"really", (HOST, TRACKER_PORT))
    assert asked.reasons() == ["really"]


def test_a_reply_that_fills_a_datagram_adds_a_bounded_number_of_peers() -> None:
    place = Place()
    node = place.node("10.0.0.1")
    many = [(f"10.{1 + number // 250}.{number % 250}.1", 6881) for number in range(9000)]
    place.udp.swarms[place.torrent.metainfo.infohash] = dict.fromkeys(many, 1)
    whole = place.udp._announced
    packed = b"".join(bytes(int(part) for part in host.split(".")) + struct.pack(">H", port) for host, port in many)

    def filled(datagram: bytes, host: str, transaction: int) -> bytes:
        return whole(datagram, host, transaction)[:20] + packed

    place.udp._announced = filled  # type: ignore[method-assign]
    node.start()
    place.run(1.0)
    (announced,) = node.seen(events.TrackerAnnounced)
    assert announced.peers == MAX_PEERS
    assert node.status.known <= MAX_PEERS


@pytest.mark.parametrize(
    ("host", "port"), [("239.255.255.250", 1900), ("255.255.255.255", 6969), ("0.0.0.0", 6969), ("ff02::fb", 5353)]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_no_datagram_goes_to_an_address_that_many_hosts_have(host: str, port: int, trusted: bool) -> None:
    asked = Asked(host)
    asked.open()
    asked.announce(f"udp://u.sim:{port}", family=6 if ":" in host else 4, trusted=trusted)
    assert asked.reasons() == [f"{host} is not the address of one host"]
    assert asked.sent == 0


def test_a_torrent_cannot_reach_services_of_the_local_network_and_the_program_can() -> None:
    asked = Asked("192.168.1.1")
    asked.open()
    asked.announce("udp://u.sim:161")
    assert asked.reasons() == ["192.168.1.1 is not public, and UDP trackers have no port below 1024 there"]
    assert asked.sent == 0
    asked.announce("udp://u.sim:161", trusted=True)
    asked.run()
    assert asked.sent == 16


def test_the_check_of_local_addresses_can_be_switched_off() -> None:
    asked = Asked("192.168.1.1", check_tracker_paths=False)
    asked.open()
    asked.announce("udp://u.sim:161")
    asked.run()
    assert asked.sent == 16


def test_a_name_that_has_an_allowed_address_too_is_asked_there() -> None:
    asked = Asked("239.1.1.1", HOST)
    asked.open()
    asked.announce()
    (reply,) = asked.run()
    assert reply.host == HOST


def test_a_tracker_that_sends_without_end_costs_nothing_more() -> None:
    asked = Asked()
    asked.open()
    asked.announce()
    assert len(asked.run()) == 1
    sent = asked.sent
    for number in range(1000):
        forged(asked, struct.pack(">IIIII", 1, number, 1, 1, 1), (HOST, TRACKER_PORT))
    assert asked.run() == []
    assert asked.sent == sent
    asked.run(120.0)
    assert asked.client.contacts == 0
