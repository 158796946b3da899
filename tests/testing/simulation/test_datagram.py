"""Simulated datagrams: as unkind as UDP, and the same for the same seed."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest

from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.testing.simulation.datagram import HEADERS, MAX_DATAGRAM, SimUdpSocket
from bittorrent_threads.testing.simulation.host import Faults
from bittorrent_threads.testing.simulation.network import Internet, SimNetwork
from bittorrent_threads.testing.simulation.world import World

PORT = 6881
COUNT = 2000


class Inbox:
    """A protocol that notes what it is given."""

    def __init__(self, network: SimNetwork) -> None:
        self.datagrams: List[Tuple[bytes, Address]] = []
        self.times: List[float] = []
        self.unsent: List[Tuple[Address, str]] = []
        self.kept: Optional[memoryview] = None
        self._network = network

    def on_datagram(self, data: memoryview, address: Address) -> None:
        self.datagrams.append((bytes(data), address))
        self.times.append(self._network.now())
        self.kept = data

    def on_unsent(self, address: Address, reason: str) -> None:
        self.unsent.append((address, reason))

    @property
    def numbers(self) -> List[int]:
        return [int(data) for data, _ in self.datagrams]


class Pair:
    """Two hosts with a UDP socket each."""

    def __init__(self, *, seed: int = 7, up: float = 1e9, faults: Optional[Faults] = None) -> None:
        self.world = World(seed)
        internet = Internet(self.world)
        self.a = internet.add("10.0.0.1", up=up, latency=0.01)
        self.b = internet.add("10.0.0.2", latency=0.02)
        self.a.faults = faults or Faults()
        self.near, self.far = Inbox(self.a), Inbox(self.b)
        self.out, self.into = self.socket(self.a, self.near), self.socket(self.b, self.far)

    def socket(self, network: SimNetwork, inbox: Inbox) -> SimUdpSocket:
        sock = network.datagram(4, port=PORT)
        sock.add(inbox, lambda data: True)
        return sock

    def send(self, count: int = COUNT) -> None:
        """Send so many numbers in one pass, then let all of them arrive."""
        self.a.run_pass(lambda: [self.out.send(b"%d" % number, self.into.address) for number in range(count)])
        self.world.run(self.world.now + 60)


def test_a_datagram_takes_its_time_and_can_be_answered() -> None:
    pair = Pair(up=1000.0)
    pair.a.run_pass(lambda: pair.out.send(bytes(100), pair.into.address))
    pair.world.run(1.0)
    assert pair.far.datagrams == [(bytes(100), ("10.0.0.1", PORT))]
    assert pair.far.times == [pytest.approx((100 + HEADERS) / 1000.0 + 0.03)]
    pair.b.run_pass(lambda: pair.into.send(b"pong", pair.far.datagrams[0][1]))
    pair.world.run(2.0)
    assert pair.near.datagrams == [(b"pong", ("10.0.0.2", PORT))]


def test_a_good_path_delivers_all_in_order() -> None:
    pair = Pair()
    pair.send()
    assert pair.far.numbers == list(range(COUNT))
    assert pair.out.lost == 0


def test_some_are_lost() -> None:
    pair = Pair(faults=Faults(loss=0.25))
    pair.send()
    arrived = pair.far.numbers
    assert 0.7 < len(arrived) / COUNT < 0.8
    assert arrived == sorted(set(arrived))
    assert pair.out.lost == COUNT - len(arrived)


def test_some_come_twice() -> None:
    pair = Pair(faults=Faults(duplication=0.1))
    pair.send()
    arrived = pair.far.numbers
    assert sorted(set(arrived)) == list(range(COUNT))
    assert 1.05 < len(arrived) / COUNT < 1.15


def test_some_are_overtaken() -> None:
    pair = Pair(faults=Faults(jitter=0.05))
    pair.send()
    arrived = pair.far.numbers
    assert sorted(arrived) == list(range(COUNT))
    assert arrived != sorted(arrived)
    assert min(pair.far.times) >= 0.03
    assert max(pair.far.times) <= 0.03 + 0.05 + 0.001


def test_a_seed_gives_one_run_and_another_seed_another() -> None:
    digests = []
    for seed in (1, 1, 2):
        pair = Pair(seed=seed, faults=Faults(loss=0.2, duplication=0.2, jitter=0.1))
        pair.send()
        digests.append(pair.world.digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_slow_line_delays_datagrams_and_drops_what_would_wait_too_long() -> None:
    pair = Pair(up=10_000.0)
    pair.send()
    arrived = pair.far.numbers
    assert arrived == list(range(len(arrived))), "the queue of the line is full after the first ones"
    assert pair.out.lost == COUNT - len(arrived) > 0
    assert 0.9 < max(pair.far.times) < 1.1


def test_protocols_share_a_socket_by_first_bytes() -> None:
    pair = Pair()
    pair.into.remove(pair.far)
    dht = Inbox(pair.b)
    pair.into.add(dht, lambda data: data[0] == ord("d"))

    def send() -> None:
        for data in (b"d1:q", b"\xff", b""):
            pair.out.send(data, pair.into.address)

    pair.a.run_pass(send)
    pair.world.run(1.0)
    assert [data for data, _ in dht.datagrams] == [b"d1:q"]
    assert pair.into.unclaimed == 1


def test_a_view_that_is_kept_is_overwritten() -> None:
    pair = Pair()
    pair.send(1)
    assert pair.far.kept is not None
    assert bytes(pair.far.kept) == b"\xdb"


@pytest.mark.parametrize(
    ("size", "address", "reason"),
    [
        (MAX_DATAGRAM + 1, ("10.0.0.2", PORT), "message too long"),
        (1, ("::1", PORT), "'::1' is not a numeric address of IPv4"),
        (1, ("10.0.0.2", 0), "invalid argument"),
    ],
)
def test_what_the_system_refuses_is_told(size: int, address: Address, reason: str) -> None:
    pair = Pair()
    pair.a.run_pass(lambda: pair.out.send(bytes(size), address, pair.near))
    assert pair.near.unsent == [(address, reason)]
    assert pair.out.dropped == 1
    pair.a.run_pass(lambda: pair.out.send(bytes(size), address))
    pair.world.run(1.0)
    assert pair.out.dropped == 2
    assert not pair.far.datagrams


@pytest.mark.parametrize("where", ["cable out here", "cable out there", "no host", "no port", "closed"])
def test_what_reaches_no_socket_is_lost_without_a_word(where: str) -> None:
    pair = Pair()
    address = pair.into.address
    if where == "cable out here":
        pair.a.online = False
    elif where == "cable out there":
        pair.b.online = False
    elif where == "no host":
        address = ("10.0.0.3", PORT)
    elif where == "no port":
        address = ("10.0.0.2", PORT + 1)
    else:
        pair.into.close()
    pair.a.run_pass(lambda: pair.out.send(b"x", address, pair.near))
    pair.world.run(1.0)
    assert not pair.far.datagrams
    assert not pair.near.unsent


def test_a_family_has_one_socket_until_it_is_closed() -> None:
    pair = Pair()
    assert pair.a.datagram(4) is pair.out
    pair.out.close()
    assert not pair.out.send(b"x", pair.into.address)
    assert pair.a.datagram(4) is not pair.out
    pair.b.restart()
    assert pair.into.closed
