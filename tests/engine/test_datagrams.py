"""The UDP sockets of a session: opened and closed with the listening port, on its number if that is free."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from support.bench import PORT, Bench

from bittorrent_threads import events
from bittorrent_threads.engine.datagrams import Datagrams, family_of
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation.network import Internet, SimNetwork
from bittorrent_threads.testing.simulation.world import World

HOSTS = ("10.0.0.1", "fd00::1")


class Inbox:
    """A protocol that notes what it is given."""

    def __init__(self) -> None:
        self.heard: List[Tuple[bytes, Address]] = []
        self.unsent: List[str] = []

    def on_datagram(self, data: memoryview, address: Address) -> None:
        self.heard.append((bytes(data), address))

    def on_unsent(self, address: Address, reason: str) -> None:
        self.unsent.append(reason)


class Place:
    """Two hosts of both families; the sockets under test are on the first."""

    def __init__(self) -> None:
        self.world = World(1)
        internet = Internet(self.world)
        self.near, self.far = internet.add("10.0.0.1"), internet.add("10.0.0.2")
        internet.alias(self.near, "fd00::1")
        internet.alias(self.far, "fd00::2")
        self.datagrams = Datagrams(self.near, HOSTS)

    def other(self, host: str) -> Inbox:
        inbox = Inbox()
        self.far.datagram(family_of(host), host, 7).add(inbox, lambda data: True)
        return inbox

    def send(self, data: bytes, address: Address, inbox: Inbox) -> bool:
        sent: List[bool] = []
        self.near.run_pass(lambda: sent.append(self.datagrams.send(data, address, inbox)))
        self.world.run(self.world.now + 1)
        return sent[0]


def test_both_families_share_the_number_of_the_tcp_port() -> None:
    place = Place()
    assert (place.datagrams.families, place.datagrams.port) == ((), 0)
    place.datagrams.open(HOSTS, PORT)
    assert place.datagrams.families == (4, 6)
    assert [place.datagrams.port_of(family) for family in (4, 6)] == [PORT, PORT]
    assert place.datagrams.failure == ""


def test_a_datagram_leaves_from_the_socket_of_its_family_and_the_answer_comes_to_the_handler() -> None:
    place = Place()
    inbox = Inbox()
    place.datagrams.add(inbox, lambda data: data[0] == 100)
    place.datagrams.open(HOSTS, PORT)
    later = Inbox()
    place.datagrams.add(later, lambda data: True)
    for host, near in (("10.0.0.2", "10.0.0.1"), ("fd00::2", "fd00::1")):
        far = place.other(host)
        assert place.send(b"ping", (host, 7), inbox)
        assert far.heard == [(b"ping", (near, PORT))]
        place.far.run_pass(
            lambda far=near, host=host: [  # type: ignore[misc]
                place.far.datagram(family_of(host)).send(data, (far, PORT)) for data in (b"dict", b"other")
            ]
        )
        place.world.run(place.world.now + 1)
        assert (inbox.heard.pop(), later.heard.pop()) == ((b"dict", (host, 7)), (b"other", (host, 7)))


def test_a_removed_handler_hears_nothing_also_of_sockets_opened_later() -> None:
    place = Place()
    inbox = Inbox()
    place.datagrams.add(inbox, lambda data: True)
    place.datagrams.open(HOSTS[:1], PORT)
    place.datagrams.remove(inbox)
    place.datagrams.remove(inbox)
    place.datagrams.open(HOSTS, PORT)
    for family in (4, 6):
        place.far.run_pass(lambda family=family: place.far.datagram(family).send(b"x", (HOSTS[family == 6], PORT)))  # type: ignore[misc]
    place.world.run(1.0)
    assert inbox.heard == []
    assert [sock.unclaimed for sock in place.near.datagram_sockets.values()] == [1, 1]


def test_a_taken_port_is_replaced_by_another() -> None:
    place = Place()
    place.near.busy_udp_ports.add(PORT)
    place.datagrams.open(HOSTS, PORT)
    ports = [place.datagrams.port_of(family) for family in (4, 6)]
    assert 0 not in ports
    assert PORT not in ports
    assert "address already in use" in place.datagrams.failure


@pytest.mark.parametrize("port", [0, PORT])
def test_without_any_socket_nothing_is_sent_and_the_reason_is_known(port: int) -> None:
    place = Place()
    place.near.busy_udp_ports |= {0, PORT}
    place.datagrams.open(HOSTS, port)
    assert (place.datagrams.families, place.datagrams.port, place.datagrams.port_of(4)) == ((), 0, 0)
    assert place.datagrams.failure.startswith("no UDP socket at fd00::1:0")
    assert not place.send(b"x", ("10.0.0.2", 7), Inbox())


def test_a_datagram_that_the_system_refuses_is_told() -> None:
    place = Place()
    place.datagrams.open(HOSTS, PORT)
    inbox = Inbox()
    assert place.send(bytes(70_000), ("10.0.0.2", 7), inbox)
    assert inbox.unsent == ["message too long"]


def test_the_sockets_stay_open_for_the_answers_that_are_waited_for() -> None:
    place = Place()
    place.datagrams.open(HOSTS, PORT)
    place.datagrams.begin_exchange()
    place.datagrams.close()
    assert len(place.datagrams.families) == 2
    place.datagrams.end_exchange()
    assert not place.datagrams.families
    assert all(sock.closed for sock in place.near.datagram_sockets.values())
    place.datagrams.close()


def test_sockets_are_opened_for_an_exchange_of_a_session_that_does_not_listen() -> None:
    place = Place()
    place.datagrams.begin_exchange()
    place.datagrams.begin_exchange()
    assert [place.datagrams.port_of(family) > 0 for family in (4, 6)] == [True, True]
    place.datagrams.end_exchange()
    assert len(place.datagrams.families) == 2
    place.datagrams.end_exchange()
    assert not place.datagrams.families


def test_sockets_that_are_wanted_again_stay_open() -> None:
    place = Place()
    place.datagrams.open(HOSTS, PORT)
    place.datagrams.begin_exchange()
    place.datagrams.close()
    place.datagrams.open(HOSTS, PORT)
    place.datagrams.end_exchange()
    assert place.datagrams.families == (4, 6)


# -- in a session ------------------------------------------------------------------------------------------------------


def udp_of(network: SimNetwork) -> List[Address]:
    return [sock.address for sock in network.datagram_sockets.values() if not sock.closed]


def test_they_are_open_while_the_session_listens() -> None:
    bench = Bench()
    (listening,) = bench.seen(events.Listening)
    host = bench.network.name
    assert (listening.udp_port, udp_of(bench.network)) == (PORT, [(host, PORT)])
    bench.set_state("stopped")
    bench.run(1)
    assert udp_of(bench.network) == []
    bench.set_state("active")
    assert udp_of(bench.network) == [(host, PORT)]


def test_another_number_than_that_of_the_tcp_port_is_told() -> None:
    bench = Bench(state="stopped")
    bench.network.busy_udp_ports.add(PORT)
    bench.set_state("active")
    (listening,) = bench.seen(events.Listening)
    assert listening.port == PORT
    assert listening.udp_port == bench.engine.datagrams.port
    assert listening.udp_port not in (0, PORT)


@pytest.mark.parametrize("settings", [Settings(port=PORT), Settings(port=PORT, host="10.0.0.1")])
def test_a_session_that_cannot_listen_has_them_nevertheless(settings: Settings) -> None:
    bench = Bench(state="stopped", settings=settings)
    bench.network.listen("", PORT, lambda stream: stream.close())
    bench.set_state("active")
    assert bench.seen(events.ListenFailed)
    assert bench.engine.datagrams.families == (4,)
    bench.set_state("stopped")
    bench.run(1)
    assert udp_of(bench.network) == []


def test_a_session_at_an_ipv4_address_has_no_ipv6_socket() -> None:
    loop = Loop(Settings())
    loop.start()
    try:
        datagrams = Datagrams(loop, ("127.0.0.1",))
        listener = loop.call(lambda: loop.listen("127.0.0.1", 0, lambda stream: stream.close()))
        loop.call(lambda: datagrams.open(listener.addresses, listener.port))
        assert list(datagrams.families) == [4]
        assert not loop.call(lambda: datagrams.send(b"x", ("::1", 9)))
        with_both = loop.call(lambda: loop.listen("", 0, lambda stream: stream.close()))
        loop.call(lambda: datagrams.open(with_both.addresses, with_both.port))
        assert list(datagrams.families) == [4, 6]
        assert datagrams.port_of(6) == with_both.port
        assert loop.call(lambda: datagrams.send(b"x", ("::1", 9)))
    finally:
        loop.stop()
        loop.join(10)
