"""The DHT node of a session on its sockets: when it runs, what it keeps, and what a search costs and finds."""

from __future__ import annotations

import errno
import functools
from typing import List

from support.dht import INFOHASH, PORT, DhtBench, Finder, Listener, SimDhtNode

from bittorrent_threads.engine.dht_node import SAVE_INTERVAL
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.status import DhtStatus
from bittorrent_threads.swarm.ip_ranges import IpRanges, parse_range


def test_it_runs_while_a_torrent_is_started() -> None:
    bench = DhtBench()
    bench.run(60)
    assert not bench.node.running
    assert bench.node.status == DhtStatus()
    before = [other.dht.statistics().queries_received for other in bench.others]
    bench.run(60)
    assert [other.dht.statistics().queries_received for other in bench.others] == before, "it is silent"
    bench.set_state("active")
    bench.run(60)
    figures = bench.figures
    assert figures.running
    assert [each.family for each in figures.families] == [4]
    assert figures.families[0].joined
    assert figures.families[0].port == PORT
    assert figures.good_nodes >= len(bench.others) - 1
    assert figures.nodes >= figures.good_nodes
    assert figures.replies_received
    assert bench.node.port_of(4) == PORT
    assert bench.node.port_of(6) == 0
    bench.set_state("stopped")
    assert not bench.node.status.running
    assert bench.node.status.bytes_sent
    assert bench.node.port_of(4) == 0
    assert bench.network.datagram_sockets[4].closed


def test_what_it_knew_is_kept_for_the_next_start() -> None:
    bench = DhtBench(state="active")
    bench.run(60)
    bench.set_state("stopped")
    vars(bench.engine.dht.bootstrap)["begin"] = lambda: None  # no router helps
    bench.set_state("active")
    bench.run(60)
    assert bench.figures.good_nodes >= len(bench.others) - 1


def test_what_it_knew_is_kept_in_a_file_for_the_next_run() -> None:
    bench = DhtBench(state="active", dht_state="state/dht")
    bench.run(60)
    assert bench.figures.good_nodes >= len(bench.others) - 1
    bench.settings = bench.settings.replace(dht_routers=())
    bench.reboot()
    assert "state/dht" in bench.disk.states
    assert bench.node.running
    bench.run(60)
    assert bench.figures.good_nodes >= len(bench.others) - 1
    assert bench.figures.error == ""


def test_the_file_is_written_every_quarter_of_an_hour() -> None:
    bench = DhtBench(state="active", dht_state="dht")
    bench.run(SAVE_INTERVAL / 2)
    assert bench.disk.states == {}
    bench.run(SAVE_INTERVAL)
    assert bench.disk.states


def test_a_file_that_cannot_be_used_is_told_of_and_does_without() -> None:
    bench = DhtBench(dht_state="dht")
    bench.disk.read_errno = errno.EIO
    bench.set_state("active")
    bench.disk.read_errno = 0
    finder = bench.find()
    bench.run(60)
    assert finder.replies
    assert finder.replies[0] > 0
    bench.disk.write_errno = errno.EACCES
    bench.set_state("stopped")
    bench.disk.write_errno = 0
    bench.run(1)
    assert bench.node.failure == "dht: Permission denied"


def test_a_stop_while_the_file_is_read() -> None:
    bench = DhtBench(dht_state="dht")
    bench.disk.seek_time = 5.0
    bench.act(bench.node.use, bench)
    finder = bench.find()
    bench.act(bench.node.release, bench)
    assert finder.replies == [0]
    bench.run(60)
    assert not bench.node.running


def test_a_search_finds_what_others_announce_and_tells_it_once() -> None:
    bench = DhtBench(state="active")
    for number, other in enumerate(bench.others):
        other.announce(INFOHASH, 7000 + number)
    bench.run(60)
    finder = bench.find()
    bench.run(60)
    assert sorted(finder.peers) == sorted((other.network.name, 7000 + n) for n, other in enumerate(bench.others))
    assert finder.replies[0] >= 8


def test_peers_do_not_wait_for_the_end_of_the_pass_that_read_them() -> None:
    bench = DhtBench(state="active")
    bench.others[0].announce(INFOHASH, 7000)
    bench.run(60)
    finder, on_datagram = Finder(), bench.node.on_datagram
    gained: List[int] = []

    def read(data: memoryview, address: Address) -> None:
        before = len(finder.peers)
        on_datagram(data, address)
        gained.append(len(finder.peers) - before)

    vars(bench.node)["on_datagram"] = read
    bench.act(lambda: bench.node.search(INFOHASH, finder))
    bench.run(60)
    assert sum(gained) == len(finder.peers) == 1


def test_a_search_before_any_node_is_known_waits_for_one() -> None:
    bench = DhtBench()
    bench.others[0].announce(INFOHASH, 7000)
    bench.run(60)
    bench.act(bench.node.keep)
    finder = bench.find()
    bench.run(60)
    assert finder.peers == [("10.3.0.1", 7000)]


def test_a_search_that_is_cancelled_tells_nothing_more() -> None:
    bench = DhtBench(state="active")
    bench.run(30)
    finder = Finder()
    search = bench.node.search(INFOHASH, finder)
    bench.act(bench.node.cancel, search)
    bench.act(bench.node.cancel, search)
    bench.run(60)
    assert (finder.peers, finder.replies) == ([], [])


def block(bench: DhtBench, *others: SimDhtNode) -> None:
    ranges = IpRanges(parse_range(other.address[0]) for other in others)
    bench.act(bench.engine.change_filter, bench.engine.address_filter.ranges, ranges)


def test_the_ip_filter_is_for_nodes_too() -> None:
    bench = DhtBench(state="active")
    bench.run(60)
    assert bench.figures.good_nodes >= len(bench.others) - 1
    blocked, free = bench.others[:4], bench.others[4:]
    block(bench, *blocked)
    assert bench.figures.good_nodes <= len(free), "they are forgotten"
    heard = [len(other.addresses) for other in blocked]
    for other in blocked:
        other.announce(INFOHASH, 7000)
    received = bench.figures.datagrams_received
    finder = bench.find()
    bench.run(60)
    assert [len(other.addresses) for other in blocked] == heard, "nothing goes to them"
    assert 0 < finder.replies[0] <= len(free)
    assert bench.figures.datagrams_received > received
    assert bench.figures.good_nodes <= len(free), "and nothing comes from them"


def test_a_filter_that_refuses_every_node_leaves_the_loop_in_peace() -> None:
    bench = DhtBench(state="active")
    block(bench, *bench.others)
    finder = bench.find()
    bench.run(120)
    assert (finder.replies, bench.figures.nodes) == ([0], 0)
    assert bench.figures.queries_sent <= 40


def test_a_search_ends_with_the_session() -> None:
    bench = DhtBench(state="active")
    finder = bench.find()
    over: List[bool] = []
    bench.act(bench.engine.close, lambda: over.append(True))
    bench.until(lambda: bool(over))
    assert finder.replies == [0]
    bench.act(bench.node.keep)
    assert not bench.node.running


def test_without_a_socket_there_is_no_node_and_searches_end() -> None:
    bench = DhtBench(0)
    bench.network.busy_udp_ports |= {0, PORT}
    bench.act(bench.node.keep)
    assert not bench.node.running
    finder = bench.find()
    bench.run(1)
    assert finder.replies == [0]
    assert bench.node.failure.startswith("no UDP socket at")


def test_the_program_keeps_it_running_without_a_torrent_and_names_nodes() -> None:
    bench = DhtBench(8, dht_state="dht")
    bench.settings = bench.settings.replace(dht_routers=())
    bench.boot()
    bench.web.names["node.sim"] = ["10.3.0.1"]
    bench.act(bench.node.keep)
    bench.act(bench.node.name_node, "node.sim", PORT)
    bench.run(60)
    assert bench.figures.good_nodes >= 1
    bench.torrent = bench.add(bench.content)
    bench.set_state("active")
    bench.set_state("stopped")
    assert bench.node.running
    assert not bench.network.datagram_sockets[4].closed
    over: List[bool] = []
    bench.act(bench.engine.close, lambda: over.append(True))
    bench.until(lambda: bool(over))
    assert bench.network.datagram_sockets[4].closed


def test_a_name_that_leads_nowhere_is_no_node() -> None:
    bench = DhtBench(0)
    bench.act(bench.node.keep)
    bench.act(bench.node.name_node, "nowhere.sim", PORT)
    bench.run(60)
    assert bench.figures.nodes == 0


def test_read_only_it_asks_and_does_not_answer() -> None:
    bench = DhtBench(state="active", dht_read_only=True)
    bench.run(60)
    figures = bench.figures
    assert figures.read_only
    assert figures.good_nodes
    assert figures.answers_sent == 0
    assert bench.node.port_of(4) == 0


def test_offline_it_asks_ever_more_rarely() -> None:
    bench = DhtBench(0)
    router = Listener(bench.internet.add("10.3.0.1"))
    bench.set_state("active")
    bench.run(3600)
    events = bench.world.events
    assert 3 <= len(router.datagrams) <= 40
    bench.run(3600)
    assert len(router.datagrams) <= 60
    ticks = 3600
    assert bench.world.events - events <= ticks + 1000, "no timer but that of the session runs every second"


def test_datagrams_that_are_no_messages_are_counted_and_dropped() -> None:
    bench = DhtBench(1, state="active")
    bench.run(10)
    stranger = bench.internet.add("10.4.0.1")
    sock = stranger.datagram(4, "10.4.0.1", 1)

    def send(data: bytes) -> None:
        sock.send(data, ("10.0.0.1", PORT))

    for data in (b"de", b"d1:y1:qe", b"d" * 50 + b"e" * 50, b"d1:ad2:id20:" + bytes(20) + b"e1:q4:ping1:t2:aa1:y1:qe"):
        stranger.run_pass(functools.partial(send, data))
    bench.run(1)
    figures = bench.figures
    assert figures.malformed >= 1
    assert figures.queries_received >= 1
    assert bench.engine.faults == 0


def test_a_node_of_the_simulation_joins() -> None:
    """The helper of these tests does what it says."""
    bench = DhtBench(5)
    assert all(isinstance(other, SimDhtNode) and other.dht.node_count(4) for other in bench.others)
