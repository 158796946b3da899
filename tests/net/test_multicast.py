"""Multicast sockets, on the loopback interface and in network namespaces of their own."""

from __future__ import annotations

import errno
import functools
import socket
from typing import Any, Iterator, List, Optional, Tuple

import pytest
from support.loopback import Recorder
from support.namespaces import in_namespace

from bittorrent_threads.errors import ListenError
from bittorrent_threads.net import multicast as module
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.multicast import MAX_DATAGRAM, MulticastSocket

HOST = "127.0.0.1"
IPV4, IPV6 = "239.192.152.143", "ff15::efc0:988f"


class Inbox(Recorder):
    """Notes the datagrams that come; a test waits for them."""

    def __init__(self) -> None:
        super().__init__()
        self.datagrams: List[Tuple[bytes, Address]] = []

    def receive(self, data: bytes, sender: Address) -> None:
        with self._changed:
            self.datagrams.append((data, sender))
            self._changed.notify_all()

    def wait_datagrams(self, count: int) -> List[bytes]:
        self.wait(lambda: len(self.datagrams) >= count)
        return [data for data, _ in self.datagrams]


@pytest.fixture
def group() -> Address:
    """Return a group with a port that no other test uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return IPV4, probe.getsockname()[1]


@pytest.fixture
def pair(loop: Loop, group: Address) -> Iterator[Tuple[MulticastSocket, Inbox, MulticastSocket, Inbox]]:
    """Return two sockets in one group on the loopback interface, as two programs have them."""
    inboxes = Inbox(), Inbox()
    first, second = [loop.call(functools.partial(loop.multicast, group, inbox.receive, HOST)) for inbox in inboxes]
    yield first, inboxes[0], second, inboxes[1]
    for sock in (first, second):
        loop.call(sock.close)


def test_what_one_sends_every_socket_of_the_group_receives(loop: Loop, pair: Any) -> None:
    first, own, _, other = pair
    assert loop.call(lambda: first.send(b"hello")) == ""
    assert other.wait_datagrams(1) == own.wait_datagrams(1) == [b"hello"]
    assert other.datagrams[0][1][0] == HOST
    assert first.family == 4


def test_a_datagram_that_is_too_long_is_cut(loop: Loop, pair: Any) -> None:
    first, _, _, other = pair
    loop.call(lambda: first.send(b"x" * 4000))
    loop.call(lambda: first.send(b"next"))
    assert list(map(len, other.wait_datagrams(2))) == [MAX_DATAGRAM, 4]


def test_a_datagram_to_this_machine_alone_is_not_received(loop: Loop, pair: Any, group: Address) -> None:
    first, _, _, other = pair
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"spoofed", (HOST, group[1]))
    loop.call(lambda: first.send(b"hello"))
    assert other.wait_datagrams(1) == [b"hello"]


def test_a_closed_socket_sends_and_receives_nothing(loop: Loop, pair: Any) -> None:
    first, own, second, other = pair
    loop.call(second.close)
    loop.call(second.close)
    assert second.closed
    assert loop.call(lambda: second.send(b"hello")) == "the socket is closed"
    loop.call(lambda: first.send(b"hello"))
    own.wait_datagrams(1)
    assert other.datagrams == []


def test_what_the_receiver_raises_is_a_fault_and_no_end(
    loop: Loop, faults: List[Exception], group: Address, pair: Any
) -> None:
    first, *_ = pair
    inbox = Inbox()

    def receive(data: bytes, sender: Address) -> None:
        inbox.receive(data, sender)
        raise KeyError(data)

    sock = loop.call(lambda: loop.multicast(group, receive, HOST))
    for number in (1, 2):
        loop.call(lambda: first.send(b"hello"))
        inbox.wait_datagrams(number)
    loop.call(sock.close)
    assert [str(fault) for fault in faults] == ["b'hello'"] * 2
    faults.clear()


# -- senders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "own", "near"),
    [
        ("192.168.7.7", "", True),
        ("9.9.9.9", "9.9.9.200", True),
        ("9.9.9.9", "9.9.8.200", False),
        ("9.9.9.9", "", False),
        ("fe80::1", "", True),
        ("2a00::1", "2a00::2", True),
        ("2a00::1", "2a01::2", False),
    ],
)
def test_only_senders_of_our_own_networks_are_heard(
    host: str, own: str, near: bool, loop: Loop, pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender's address is forged at the seam: no test may have a public address."""
    first, _, second, inbox = pair
    real = second._socket
    senders = iter([host, HOST])

    class Forged:
        def recvfrom_into(self, memory: memoryview) -> Any:
            size, (_, port) = real.recvfrom_into(memory)
            return size, (next(senders), port)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(second, "_socket", Forged())
    monkeypatch.setattr(second, "_own_address", lambda other: own)
    for data in (b"forged", b"last"):
        loop.call(functools.partial(first.send, data))
    inbox.wait(lambda: inbox.datagrams and inbox.datagrams[-1][0] == b"last")
    assert [sender[0] for _, sender in inbox.datagrams] == ([host, HOST] if near else [HOST])
    monkeypatch.setattr(second, "_socket", real)


def test_our_own_address_toward_another(loop: Loop, pair: Any) -> None:
    assert pair[0]._own_address("127.0.0.9") == HOST
    assert pair[0]._own_address("255.255.255.255") == ""


# -- failures ----------------------------------------------------------------------------------------------------------


def test_without_room_for_a_socket_there_is_an_error(loop: Loop, group: Address) -> None:
    loop.selection.capacity = 0
    with pytest.raises(ListenError, match="too many open sockets"):
        loop.call(lambda: loop.multicast(group, Inbox().receive, HOST))


def test_a_group_that_cannot_be_bound_is_an_error(loop: Loop) -> None:
    with pytest.raises(ListenError) as caught:
        loop.call(lambda: loop.multicast(("8.8.8.8", 6771), Inbox().receive, HOST))
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("number", "closed"), [(errno.ECONNREFUSED, False), (errno.ENETDOWN, False), (errno.EIO, True)]
)
def test_an_error_that_stays_closes_the_socket_and_does_not_spin(
    number: int, closed: bool, loop: Loop, pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = pair[2]
    real = second._socket
    reads: List[int] = []

    class Failing:
        def recvfrom_into(self, memory: memoryview) -> Any:
            reads.append(number)
            raise OSError(number, "it fails")

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(second, "_socket", Failing())
    loop.call(second.on_readable)
    assert second.closed == closed
    assert len(reads) == (1 if closed else module.MAX_BATCH)
    monkeypatch.setattr(second, "_socket", real)


# -- interfaces --------------------------------------------------------------------------------------------------------


CABLE = [
    "ip link set lo up",
    "ip link add name one type veth peer name two",
    "ip link set one up",
    "ip link set two up",
]
"""Makes an interface and the other end of its cable."""

SENDS = """
    from bittorrent_threads.net.loop import Loop
    from bittorrent_threads.settings import Settings
    import queue, sys

    loop = Loop(Settings())
    loop.start()
    for host, port in (("239.192.152.143", 6771), ("ff15::efc0:988f", 6771)):
        for own in sys.argv[1:]:
            own = "" if own == "any" else own
            if own and (":" in own) != (":" in host):
                continue
            found = queue.Queue()
            sock = loop.call(lambda: loop.multicast((host, port), lambda data, sender: found.put(sender[0]), own))
            reason = loop.call(lambda: sock.send(b"hello"))
            print(reason or found.get(timeout=20))
            loop.call(sock.close)
    loop.stop()
    loop.join(20)
"""


@pytest.mark.parametrize(
    ("commands", "own", "printed"),
    [
        ([], ["any"], ["no network interface", "no network interface"]),
        (["ip link set lo up"], ["any", "127.0.0.1"], ["127.0.0.1", "127.0.0.1", "no network interface"]),
        (
            [
                *CABLE,
                "ip address add 10.5.0.1/24 dev one",
                "ip address add fd05::1/64 dev one nodad",
            ],
            ["any", "10.5.0.1", "fd05::1", "fd05::9"],
            ["10.5.0.1", "10.5.0.1", "fd05::1", "fd05::1", "no network interface"],
        ),
        (
            [
                *CABLE,
                "ip address add 9.9.9.9/24 dev one",
                "ip address add 2a00::1/64 dev one nodad",
            ],
            ["any"],
            ["9.9.9.9", "2a00::1"],
        ),
    ],
    ids=["no interface", "loopback alone", "a private network", "a public network"],
)
def test_it_leaves_on_each_interface(commands: List[str], own: List[str], printed: List[str]) -> None:
    assert in_namespace(commands, SENDS, *own).split("\n")[:-1] == printed


def test_interfaces_that_cannot_be_listed_are_none(loop: Loop, group: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Optional[Any]:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(socket, "if_nameindex", fail)
    sock = loop.call(lambda: loop.multicast(group, Inbox().receive))
    assert loop.call(lambda: sock.send(b"hello")) == "", "the loopback interface is there always"
    loop.call(sock.close)
