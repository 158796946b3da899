"""The simulated network keeps the promises of ``engine.interfaces``, and is as unkind as TCP."""

from __future__ import annotations

import random
from typing import Callable, List, Optional, Tuple

import pytest

from bittorrent_threads.engine.interfaces.network import Listener, Network, Stream
from bittorrent_threads.errors import ListenError
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.testing.simulation.link import PACKET, WINDOW
from bittorrent_threads.testing.simulation.network import MBIT, REFUSED, Internet, SimNetwork
from bittorrent_threads.testing.simulation.pipe import CLOSED_BY_PEER, RESET_BY_PEER
from bittorrent_threads.testing.simulation.stream import SimStream
from bittorrent_threads.testing.simulation.world import World

PORT = 6881


class Recorder:
    """Writes down what a stream says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: List[str] = []
        self.received = bytearray()
        self.chunks: List[int] = []
        self.kept: Optional[memoryview] = None
        self.times: List[float] = []
        self.on_data: Callable[[], None] = lambda: None

    def on_connected(self) -> None:
        self.calls.append("connected")

    def on_received(self, data: memoryview) -> None:
        self.received += data
        self.chunks.append(len(data))
        self.times.append(self.world.now)
        self.kept = data
        self.on_data()

    def on_drained(self) -> None:
        self.calls.append("drained")

    def on_closed(self, reason: str) -> None:
        self.calls.append(reason)


class Pair:
    """Two hosts, one connection from ``a`` to ``b``."""

    def __init__(self, *, up: float = 100 * MBIT, down: float = 100 * MBIT, latency: float = 0.01) -> None:
        self.world = World(7)
        internet = Internet(self.world)
        self.a = internet.add("10.0.0.1", up=up, latency=latency)
        self.b = internet.add("10.0.0.2", down=down, latency=latency)
        self.near, self.far = Recorder(self.world), Recorder(self.world)
        accepted: List[SimStream] = []

        def accept(stream: SimStream) -> None:
            stream.handler = self.far
            accepted.append(stream)

        self.listener = self.b.listen("", PORT, accept)
        self.out = self.a.connect(("10.0.0.2", PORT), self.near, 10)
        self.world.run(lambda: bool(self.near.calls))
        (self.into,) = accepted

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def conforms(network: Network, stream: Stream, listener: Listener) -> None:
    """For the type checker: it fails here when the simulation and the ports part."""


def test_the_ends_of_a_connection_know_each_other() -> None:
    pair = Pair()
    conforms(pair.a, pair.out, pair.listener)
    assert pair.near.calls == ["connected"]
    assert pair.far.calls == []
    assert pair.world.now == pytest.approx(0.04)
    assert pair.out.address == ("10.0.0.2", PORT)
    assert not pair.out.incoming
    assert pair.into.address[0] == "10.0.0.1"
    assert pair.into.incoming


def test_bytes_arrive_in_order_in_pieces_of_many_sizes() -> None:
    pair = Pair()
    data = noise(1_000_000)
    pair.out.send([data[:10], bytearray(data[10:70_000]), memoryview(data)[70_000:]])
    pair.into.send([b"hello"])
    pair.run(5)
    assert bytes(pair.far.received) == data
    assert pair.near.received == b"hello"
    assert len(set(pair.far.chunks)) > 10
    assert min(pair.far.chunks) < 100
    assert max(pair.far.chunks) > 20 * PACKET
    assert pair.out.sent == pair.into.received == len(data)
    assert pair.world.violations == []


def test_a_view_kept_after_the_call_is_spoiled() -> None:
    pair = Pair()
    pair.out.send([b"precious"])
    pair.run(1)
    assert pair.far.received == b"precious"
    assert pair.far.kept is not None
    assert bytes(pair.far.kept) != b"precious"


def test_a_buffer_changed_before_it_was_sent_is_a_violation() -> None:
    pair = Pair()
    data = bytearray(3 * WINDOW)
    pair.out.send([data])
    pair.run(0.001)
    assert 0 < pair.out.sent < len(data)
    data[-1] = 1
    pair.run(5)
    assert len(pair.world.violations) == 1
    assert "changed" in pair.world.violations[0]


def test_send_takes_nothing_before_the_end_of_the_pass() -> None:
    pair = Pair()
    seen: List[Tuple[str, int]] = []

    def work() -> None:
        pair.out.send([b"12345"])
        pair.a.defer(lambda: pair.out.send([b"678"]))
        pair.a.defer(lambda: seen.append(("deferred", pair.out.backlog)))
        seen.append(("work", pair.out.backlog))

    pair.a.call_later(1, work)
    pair.run(2)
    assert seen == [("work", 5), ("deferred", 8)]
    assert pair.out.sent == 8
    assert pair.out.backlog == 0
    assert pair.far.received == b"12345678"


def test_what_is_deferred_outside_a_pass_gets_one() -> None:
    pair = Pair()
    seen: List[str] = []

    def first() -> None:
        seen.append("first")
        pair.a.defer(lambda: seen.append("second"))

    pair.a.defer(first)
    assert seen == []
    pair.run(0)
    assert seen == ["first", "second"]


def test_a_paused_receiver_makes_the_senders_backlog_stay() -> None:
    pair = Pair()
    pair.out.low_water = 1000
    pair.into.pause()
    pair.out.send([noise(3 * WINDOW)])
    pair.run(10)
    assert pair.out.backlog == 2 * WINDOW
    assert pair.out.sent == WINDOW
    assert pair.far.received == b""
    assert "drained" not in pair.near.calls
    pair.into.resume()
    pair.run(10)
    assert bytes(pair.far.received) == noise(3 * WINDOW)
    assert pair.near.calls == ["connected", "drained"]


def test_drained_is_said_each_time_the_backlog_falls_to_the_low_water() -> None:
    pair = Pair()
    pair.out.low_water = 50
    pair.out.send([bytes(40)])
    pair.run(1)
    assert pair.near.calls == ["connected"]
    for _ in range(2):
        pair.out.send([bytes(2 * WINDOW)])
        pair.run(1)
    assert pair.near.calls == ["connected", "drained", "drained"]


def test_pausing_inside_a_call_holds_back_what_comes_after() -> None:
    pair = Pair()
    pair.far.on_data = pair.into.pause
    pair.out.send([noise(100_000)])
    pair.run(5)
    assert len(pair.far.chunks) == 1
    assert pair.into.received == pair.far.chunks[0]


@pytest.mark.parametrize(("up", "down"), [(8 * MBIT, 100 * MBIT), (100 * MBIT, 8 * MBIT)])
def test_the_slower_line_sets_the_speed(up: float, down: float) -> None:
    pair = Pair(up=up, down=down, latency=0.001)
    start = pair.world.now
    pair.out.send([bytes(2_000_000)])
    pair.world.run(lambda: len(pair.far.received) == 2_000_000)
    assert pair.world.now - start == pytest.approx(2.0, rel=0.05)


def test_connections_of_a_host_share_its_line_evenly() -> None:
    world = World(1)
    internet = Internet(world)
    sender = internet.add("10.0.0.1", up=8 * MBIT)
    receivers = [Recorder(world) for _ in range(4)]
    for number, recorder in enumerate(receivers):
        host = internet.add(f"10.0.1.{number}")
        host.listen("", PORT, lambda stream, recorder=recorder: setattr(stream, "handler", recorder))  # type: ignore[misc]
        sender.connect((host.name, PORT), Recorder(world), 10).send([bytes(1_000_000)])
    world.run(2)
    shares = [len(recorder.received) for recorder in receivers]
    assert sum(shares) == pytest.approx(1_960_000, rel=0.05)
    assert max(shares) < 1.3 * min(shares)


def test_a_window_over_a_long_way_bounds_the_speed() -> None:
    pair = Pair(latency=0.25)
    pair.out.send([bytes(8 * WINDOW)])
    start = pair.world.now
    pair.world.run(lambda: len(pair.far.received) == 8 * WINDOW)
    assert pair.world.now - start == pytest.approx(7.5, rel=0.1)


@pytest.mark.parametrize("end", ["read", "write"])
def test_throttles_of_one_stream_and_of_the_host_hold(end: str) -> None:
    for host_rate, rate, expected in [(0, 100_000, 100_000), (100_000, 0, 100_000), (50_000, 100_000, 50_000)]:
        pair = Pair()
        if end == "read":
            pair.b.download.rate = host_rate
            pair.into.limit(read=[pair.b.throttle(rate, "rate")])
        else:
            pair.a.upload.rate = host_rate
            pair.out.limit(write=[pair.a.throttle(rate, "rate")])
        data = noise(1_000_000)
        pair.out.send([data])
        pair.run(5)
        assert len(pair.far.received) == pytest.approx(5 * expected, rel=0.1)
        pair.run(20)
        assert bytes(pair.far.received) == data
        assert pair.world.violations == []


def test_closing_lets_the_system_finish_what_it_took_and_drops_the_rest() -> None:
    pair = Pair()
    pair.out.send([noise(2 * WINDOW)])
    pair.a.call_later(0.01, pair.out.close)
    pair.run(5)
    assert bytes(pair.far.received) == noise(2 * WINDOW)[: pair.out.sent]
    assert WINDOW <= pair.out.sent < 2 * WINDOW
    assert pair.far.calls == [CLOSED_BY_PEER]
    assert pair.near.calls == ["connected"]


def test_sending_to_a_closed_end_is_answered_with_a_reset() -> None:
    pair = Pair()
    pair.out.low_water = 1000
    pair.into.close()
    pair.out.send([b"too late"])
    pair.run(5)
    assert pair.near.calls == ["connected", CLOSED_BY_PEER]
    pair = Pair()
    pair.out.low_water = 1000
    pair.out.send([b"unread"])
    pair.into.pause()
    pair.run(1)
    pair.into.close()
    pair.run(1)
    assert pair.near.calls == ["connected", RESET_BY_PEER]


def test_nothing_is_heard_after_our_own_close() -> None:
    pair = Pair()
    pair.out.send([bytes(100_000)])
    pair.far.on_data = pair.into.close
    pair.run(5)
    assert len(pair.far.chunks) == 1
    assert pair.far.calls == []


def dial(world: World, network: SimNetwork, address: Address, timeout: float = 15) -> Recorder:
    recorder = Recorder(world)
    network.connect(address, recorder, timeout)
    world.run(world.now + timeout + 1)
    return recorder


def test_dials_that_fail_say_why() -> None:
    world = World()
    internet = Internet(world)
    a = internet.add("10.0.0.1")
    b = internet.add("10.0.0.2")
    assert dial(world, a, ("10.0.0.2", PORT)).calls == [REFUSED]
    assert dial(world, a, ("10.9.9.9", PORT)).calls == ["timed out after 15 s"]
    listener = b.listen("", PORT, lambda stream: stream.close())
    assert dial(world, a, ("10.0.0.2", PORT)).calls == ["connected", CLOSED_BY_PEER]
    b.online = False
    assert dial(world, a, ("10.0.0.2", PORT), 3).calls == ["timed out after 3 s"]
    b.online = True
    listener.close()
    assert dial(world, a, ("10.0.0.2", PORT)).calls == [REFUSED]


def test_a_dial_taken_back_resets_the_other_end() -> None:
    world = World()
    internet = Internet(world)
    far, near = Recorder(world), Recorder(world)
    internet.add("10.0.0.2").listen("", PORT, lambda stream: setattr(stream, "handler", far))
    stream = internet.add("10.0.0.1").connect(("10.0.0.2", PORT), near, 15)
    world.after(0.03, stream.close)
    world.run(20)
    assert near.calls == []
    assert far.calls == [RESET_BY_PEER]


def test_a_host_without_its_cable_falls_silent() -> None:
    pair = Pair()
    pair.out.send([bytes(10_000_000)])
    pair.run(0.2)
    pair.b.online = False
    before = len(pair.far.received)
    pair.run(60)
    assert len(pair.far.received) == before > 0
    assert pair.near.calls == ["connected"]
    assert pair.far.calls == []


def test_a_killed_process_leaves_its_connections_to_the_system_and_its_timers_to_nobody() -> None:
    pair = Pair()
    seen: List[str] = []
    pair.b.call_later(1, lambda: seen.append("timer"))
    pair.out.send([b"unread"])
    pair.into.pause()
    pair.run(0.5)
    pair.b.restart()
    pair.run(5)
    assert seen == []
    assert pair.far.calls == []
    assert pair.near.calls[-1] == RESET_BY_PEER
    assert dial(pair.world, pair.a, ("10.0.0.2", PORT)).calls == [REFUSED]
    pair.b.listen("", PORT, lambda stream: None)
    pair.b.call_later(1, lambda: seen.append("new"))
    pair.run(2)
    assert seen == ["new"]


def test_ports_are_taken_once_and_0_finds_a_free_one() -> None:
    network = Internet(World()).add("10.0.0.1")
    network.listen("", PORT, lambda stream: None)
    with pytest.raises(ListenError):
        network.listen("", PORT, lambda stream: None)
    assert network.listen("", 0, lambda stream: None).port not in (0, PORT)


def test_a_cancelled_timer_stays_silent() -> None:
    world = World()
    network = Internet(world).add("10.0.0.1")
    seen: List[float] = []
    network.call_later(1, lambda: seen.append(network.now()))
    network.call_later(2, lambda: seen.append(network.now())).cancel()
    world.run(5)
    assert seen == [1]


def test_the_same_seed_gives_the_same_run() -> None:
    def digest(seed: int) -> str:
        pair = Pair()
        pair.world.random.seed(seed)
        pair.out.send([noise(500_000)])
        pair.run(5)
        return pair.world.digest

    assert digest(1) == digest(1) != digest(2)
