"""UDP sockets over loopback: both families, floods, full queues, errors of the system, closing."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import selectors
import socket
from typing import Any, Callable, Iterator, List, Optional, Tuple

import pytest
from support.loopback import PATIENCE, Plain, Recorder, close_all, dialled

from bittorrent_threads.errors import ListenError
from bittorrent_threads.net import datagram as module
from bittorrent_threads.net.datagram import UdpSocket
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.timers import Timer
from bittorrent_threads.settings import Settings

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
IP_RECVERR = 11  # Linux; the standard library does not name it


class Inbox(Recorder):
    """A protocol: notes the datagrams that come and those that could not be sent; a test waits for them."""

    def __init__(self, reply: Optional[Callable[[bytes, Address], None]] = None) -> None:
        super().__init__()
        self.datagrams: List[Tuple[bytes, Address]] = []
        self.unsent: List[Tuple[Address, str]] = []
        self._reply = reply

    def on_datagram(self, data: memoryview, address: Address) -> None:
        with self._changed:
            self.datagrams.append((bytes(data), address))
            self._changed.notify_all()
        if self._reply is not None:
            self._reply(bytes(data), address)

    def on_unsent(self, address: Address, reason: str) -> None:
        with self._changed:
            self.unsent.append((address, reason))
            self._changed.notify_all()

    def wait_datagrams(self, count: int) -> List[bytes]:
        self.wait(lambda: len(self.datagrams) >= count)
        return [data for data, _ in self.datagrams]


class Failing:
    """A socket whose reads fail until no failure is left."""

    def __init__(self, real: socket.socket, failures: List[OSError]) -> None:
        self._real = real
        self._failures = failures

    def recvfrom_into(self, memory: memoryview) -> Any:
        if self._failures:
            raise self._failures.pop()
        return self._real.recvfrom_into(memory)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def everything(data: memoryview) -> bool:
    return True


def opened(loop: Loop, family: int = 4, inbox: Optional[Inbox] = None) -> UdpSocket:
    sock: UdpSocket = loop.call(lambda: loop.datagram(family, LOOPBACK[family]))
    if inbox is not None:
        loop.call(lambda: sock.add(inbox, everything))
    return sock


@contextlib.contextmanager
def plain_socket(family: int = 4) -> Iterator[socket.socket]:
    """A blocking UDP socket of the test."""
    with socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK[family], 0))
        sock.settimeout(PATIENCE)
        yield sock


def received(sock: socket.socket) -> Tuple[bytes, Address]:
    data, address = sock.recvfrom(65535)
    return data, address[:2]


@pytest.mark.parametrize("family", [4, 6])
def test_datagrams_of_each_family(loop: Loop, family: int) -> None:
    inbox = Inbox()
    sock = opened(loop, family, inbox)
    assert (sock.family, sock.address[0]) == (family, LOOPBACK[family])
    with plain_socket(family) as other:
        place = other.getsockname()[:2]
        other.sendto(b"ping", sock.address)
        inbox.wait_datagrams(1)
        assert inbox.datagrams == [(b"ping", place)]
        assert loop.call(lambda: sock.send(b"pong", place, inbox))
        assert received(other) == (b"pong", sock.address)
    loop.call(int)
    assert (sock.received, sock.sent, sock.dropped, sock.waiting) == (4, 4, 0, 0)
    loop.call(sock.close)


def test_a_family_has_one_socket(loop: Loop) -> None:
    four, six = opened(loop, 4), opened(loop, 6)
    assert opened(loop, 4) is four
    assert opened(loop, 6) is six
    assert four is not six
    loop.call(four.close)
    assert opened(loop, 4) is not four
    for sock in (opened(loop, 4), six):
        loop.call(sock.close)


def test_both_families_of_every_interface_share_a_port(loop: Loop) -> None:
    four: UdpSocket = loop.call(lambda: loop.datagram(4))
    six: UdpSocket = loop.call(lambda: loop.datagram(6, port=four.address[1]))
    assert (four.address[0], six.address) == ("0.0.0.0", ("::", four.address[1]))
    for sock in (four, six):
        loop.call(sock.close)


def test_a_port_may_be_that_of_a_listener(loop: Loop) -> None:
    listener = loop.call(lambda: loop.listen(LOOPBACK[4], 0, lambda stream: None))
    sock = loop.call(lambda: loop.datagram(4, LOOPBACK[4], listener.port))
    assert sock.address[1] == listener.port
    loop.call(sock.close)
    loop.call(listener.close)


def test_a_port_in_use_gives_way_to_another_unless_it_is_strict(loop: Loop) -> None:
    with plain_socket() as other:
        taken = other.getsockname()[1]
        sock: UdpSocket = loop.call(lambda: loop.datagram(4, LOOPBACK[4], taken))
        assert sock.address[1] != taken
        loop.call(sock.close)
        loop.settings = Settings(port_strict=True)
        with pytest.raises(ListenError) as caught:
            loop.call(lambda: loop.datagram(4, LOOPBACK[4], taken))
        assert caught.value.errno == errno.EADDRINUSE


def test_an_address_of_the_other_family_is_refused(loop: Loop) -> None:
    with pytest.raises(ListenError):
        loop.call(lambda: loop.datagram(6, "127.0.0.1"))
    with pytest.raises(ListenError):
        loop.call(lambda: loop.datagram(4, "localhost"))


def test_protocols_share_a_socket_by_first_bytes(loop: Loop) -> None:
    dht, utp = Inbox(), Inbox()
    sock = opened(loop)

    def add() -> None:
        sock.add(dht, lambda data: data[0] == ord("d"))
        sock.add(utp, lambda data: data[0] & 15 == 1)

    loop.call(add)
    with plain_socket() as other:
        for data in (b"d1:q", b"", b"\xff", b"\x41uTP"):
            other.sendto(data, sock.address)
        assert utp.wait_datagrams(1) == [b"\x41uTP"]
        assert dht.wait_datagrams(1) == [b"d1:q"]
        assert sock.unclaimed == 1
        loop.call(lambda: sock.remove(dht))
        other.sendto(b"d1:r", sock.address)
        other.sendto(b"\x41", sock.address)
        utp.wait_datagrams(2)
        assert (len(dht.datagrams), sock.unclaimed) == (1, 2)
    loop.call(sock.close)


# -- what a remote end can cost --------------------------------------------------------------------------------------


def test_a_pass_reads_a_bounded_number_of_datagrams(loop: Loop) -> None:
    passes: List[float] = []
    inbox = Inbox(lambda data, address: passes.append(loop.now()))
    sock = opened(loop, inbox=inbox)
    count = 5 * module.MAX_BATCH

    def flood() -> None:  # on the network thread, so that all of it is there when the loop looks
        for number in range(count):
            other.sendto(b"%d" % number, sock.address)

    with plain_socket() as other:
        loop.call(flood)
        assert inbox.wait_datagrams(count) == [b"%d" % number for number in range(count)]
    assert max(map(passes.count, passes)) == module.MAX_BATCH
    loop.call(sock.close)


def test_an_answer_leaves_before_the_next_datagram_of_a_batch_is_read(loop: Loop) -> None:
    with plain_socket() as other:
        other.setblocking(False)
        answered: List[List[bytes]] = []

        def reply(data: bytes, address: Address) -> None:
            before = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    before.append(other.recv(100))
            answered.append(before)
            sock.send(data.upper(), address)

        inbox = Inbox(reply)
        sock = opened(loop, 4, inbox)
        # All of them are there when the pass begins.
        loop.call(lambda: [other.sendto(data, sock.address) for data in (b"a", b"b", b"c")])
        inbox.wait_datagrams(3)
        loop.call(int)
        assert answered == [[], [b"A"], [b"B"]]
        assert other.recv(100) == b"C"


def test_a_pass_is_shorter_while_another_thread_holds_the_gil(loop: Loop) -> None:
    passes: List[float] = []
    inbox = Inbox(lambda data, address: passes.append(loop.now()))
    sock = opened(loop, inbox=inbox)

    def flood() -> None:
        for _ in range(100):
            loop.gil_contention.note(1.0)
        for _ in range(20):
            other.sendto(b"x", sock.address)

    with plain_socket() as other:
        loop.call(flood)
        inbox.wait_datagrams(20)
    assert max(map(passes.count, passes)) == module.MAX_CONTENDED_BATCH
    loop.call(sock.close)


def test_a_flood_does_not_keep_a_stream_from_its_bytes(loop: Loop, plain: Plain) -> None:
    """Each datagram is answered by another that comes back at once, so that the socket stays readable."""
    sock = opened(loop)

    def answer(data: bytes, address: Address) -> None:
        sock.send(data, address)

    echo = Inbox(answer)
    loop.call(lambda: sock.add(echo, everything))

    def begin() -> None:
        for _ in range(200):
            sock.send(b"again", sock.address)

    loop.call(begin)
    echo.wait_datagrams(2000)
    handler = Recorder()
    stream, other = dialled(loop, plain, handler)
    other.sendall(b"through")
    handler.wait_received(7)
    assert sock.waiting <= 200
    loop.call(sock.close)
    close_all(loop, [(stream, other)])


def test_what_no_protocol_claims_is_not_answered(loop: Loop) -> None:
    sock = opened(loop)
    with plain_socket() as other:
        for _ in range(100):
            other.sendto(b"anything", sock.address)
        while sock.unclaimed < 100:
            loop.call(int)
        assert not select.select([other], [], [], 0)[0]
    assert sock.sent == 0
    loop.call(sock.close)


# -- the send queue --------------------------------------------------------------------------------------------------


def test_a_datagram_leaves_while_the_next_one_is_made(loop: Loop) -> None:
    sock = opened(loop)
    with plain_socket() as other:
        place = other.getsockname()[:2]
        assert loop.call(lambda: (sock.send(b"one", place), received(other)[0])) == (True, b"one")
    loop.call(sock.close)


def test_datagrams_leave_in_order_in_bounded_batches(loop: Loop) -> None:
    sock = opened(loop)
    count = 3 * module.MAX_BATCH

    def send_all() -> List[int]:
        for number in range(count):
            assert sock.send(b"%d" % number, place)
        loop.defer(lambda: loop.defer(lambda: waiting.append(sock.waiting)))  # after the first batch of the pass
        return waiting

    waiting: List[int] = []
    with plain_socket() as other:
        place = other.getsockname()[:2]
        loop.call(send_all)
        assert [received(other)[0] for _ in range(count)] == [b"%d" % number for number in range(count)]
    assert waiting == [count - module.MAX_BATCH]
    loop.call(sock.close)


@pytest.mark.parametrize("size", [1, 60_000])
def test_a_full_queue_drops_what_comes(loop: Loop, size: int) -> None:
    sock = opened(loop)
    fit = module.MAX_BATCH + min(module.MAX_QUEUED, module.MAX_QUEUED_BYTES // size)  # a batch leaves at once

    def send_all() -> List[bool]:
        return [sock.send(bytes(size), place) for _ in range(fit + 2)]

    with plain_socket() as other:
        place = other.getsockname()[:2]
        assert loop.call(send_all) == [True] * fit + [False] * 2
        assert sock.dropped == 2
        while sock.waiting:
            loop.call(int)
        while select.select([other], [], [], 0)[0]:  # the system has dropped what its own buffer could not hold
            received(other)
        assert loop.call(lambda: sock.send(b"room again", place))
        assert received(other)[0] == b"room again"
        loop.call(int)
        assert loop.selection.mask(sock) == selectors.EVENT_READ
    loop.call(sock.close)


def test_a_system_that_takes_no_more_is_waited_for(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over loopback the system always takes a datagram, so the socket refuses the first for it."""
    sock = opened(loop)
    refusals = [BlockingIOError(), BlockingIOError()]
    masks: List[int] = []
    system = sock._socket.sendto

    class Full:
        def sendto(self, *arguments: Any) -> int:
            if refusals:
                raise refusals.pop()
            masks.append(loop.selection.mask(sock))
            return system(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    real = sock._socket
    monkeypatch.setattr(sock, "_socket", Full())
    with plain_socket() as other:
        place = other.getsockname()[:2]
        loop.call(lambda: sock.send(b"one", place) and sock.send(b"two", place))
        assert [received(other)[0] for _ in range(2)] == [b"one", b"two"]
    loop.call(int)
    assert not refusals
    assert masks[0] == selectors.EVENT_READ | selectors.EVENT_WRITE
    assert loop.selection.mask(sock) == selectors.EVENT_READ
    assert sock.dropped == 0
    loop.call(sock.close)


def test_a_blocked_socket_is_not_tried_again_until_it_is_writable(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    sock = opened(loop)
    tries: List[bytes] = []

    def refuse(data: bytes, address: Address) -> int:
        tries.append(data)
        raise BlockingIOError

    def send_twice() -> None:
        for data in (b"one", b"two"):
            sock.send(data, ("127.0.0.1", 9))
            sock.flush()
        monkeypatch.undo()
        sock.close()

    monkeypatch.setattr(sock, "_send_one", refuse)
    loop.call(send_twice)
    assert tries == [b"one"]


# -- errors ----------------------------------------------------------------------------------------------------------


def test_a_datagram_that_cannot_be_sent_costs_no_other(loop: Loop) -> None:
    inbox = Inbox()
    sock = opened(loop, inbox=inbox)
    with plain_socket() as other:
        place = other.getsockname()[:2]
        bad = [("::1", 9), ("localhost", 9), (place[0], 65536), (place[0], 0)]

        def send_all() -> None:
            sock.send(bytes(65535), place, inbox)
            for address in bad:
                sock.send(b"bad", address, inbox)
            sock.send(b"bad", bad[0])  # no handler hears of it
            sock.send(b"good", place, inbox)

        loop.call(send_all)
        assert received(other) == (b"good", sock.address)
        loop.call(int)
    assert [address for address, _ in inbox.unsent] == [place, *bad]
    reasons = [reason for _, reason in inbox.unsent]
    assert reasons[:4] == [
        "message too long",
        "'::1' is not a numeric address of IPv4",
        "'localhost' is not a numeric address of IPv4",
        "port 65536 is not 0 to 65535",
    ]
    assert all(reasons)
    assert sock.dropped == 6
    assert not sock.closed
    loop.call(sock.close)


def test_a_port_that_refuses_costs_no_other_datagram(loop: Loop) -> None:
    """Linux tells a socket of ICMP errors if asked to, with its next call; Windows always does."""
    inbox = Inbox()
    sock = opened(loop, inbox=inbox)
    sock._socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    with plain_socket() as gone:
        nowhere = gone.getsockname()[:2]
    with plain_socket() as other:
        place = other.getsockname()[:2]
        for number in range(50):
            loop.call(lambda: sock.send(b"refused", nowhere, inbox))
            loop.call(lambda: sock.send(b"good", place, inbox))
            other.sendto(b"%d" % number, sock.address)
            assert received(other) == (b"good", sock.address)
        assert inbox.wait_datagrams(50) == [b"%d" % number for number in range(50)]
    assert inbox.unsent == []
    assert not sock.closed
    loop.call(sock.close)


@pytest.mark.parametrize("number", sorted(module._TRANSIENT))
def test_an_error_of_an_earlier_datagram_does_not_end_reading(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    inbox = Inbox()
    sock = opened(loop, inbox=inbox)
    failures = [OSError(number, os.strerror(number)) for _ in range(3)]
    with plain_socket() as other:
        loop.call(lambda: monkeypatch.setattr(sock, "_socket", Failing(sock._socket, failures)))
        other.sendto(b"next", sock.address)
        assert inbox.wait_datagrams(1) == [b"next"]
    assert not failures
    assert loop.selection.mask(sock) == selectors.EVENT_READ
    loop.call(sock.close)


def test_reading_pauses_while_every_read_fails(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that fails for good stays readable: the loop would do nothing else."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    inbox = Inbox()
    sock = opened(loop, inbox=inbox)
    failures = [OSError(errno.ENOMEM, "no memory") for _ in range(3)]
    pauses: List[float] = []
    later = loop.call_later

    def call_later(delay: float, callback: Callable[[], None]) -> Timer:
        pauses.append(delay)
        return later(delay, callback)

    monkeypatch.setattr(loop, "call_later", call_later)

    sock._pause = module.FIRST_PAUSE
    monkeypatch.setattr(sock, "_socket", Failing(sock._socket, failures))
    with plain_socket() as other:
        other.sendto(b"at last", sock.address)
        assert inbox.wait_datagrams(1) == [b"at last"]
    assert pauses == [0.01, 0.02, 0.04]
    assert loop.call(lambda: sock._pause) == module.FIRST_PAUSE
    loop.call(sock.close)


@pytest.mark.parametrize("method", ["on_datagram", "on_unsent", "claim"])
def test_a_protocol_that_raises_costs_the_others_nothing(loop: Loop, faults: List[Exception], method: str) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    good, bad = Inbox(), Inbox()
    sock = opened(loop)

    def add() -> None:
        if method == "claim":
            sock.add(bad, lambda data: fail() if bytes(data) == b"bad" else False)
        else:
            setattr(bad, method, fail)
            sock.add(bad, lambda data: bytes(data) == b"bad")
        sock.add(good, everything)

    loop.call(add)
    with plain_socket() as other:
        other.sendto(b"bad", sock.address)
        loop.call(lambda: sock.send(b"x", ("localhost", 9), bad))
        other.sendto(b"good", sock.address)
        assert good.wait_datagrams(1)[-1] == b"good"
    loop.call(int)
    assert [type(error) for error in faults] == [ZeroDivisionError]
    assert not sock.closed
    faults.clear()
    loop.call(sock.close)


# -- closing ---------------------------------------------------------------------------------------------------------


def test_nothing_is_sent_or_received_after_closing(loop: Loop) -> None:
    inbox = Inbox()
    sock = opened(loop, inbox=inbox)
    with plain_socket() as other:
        place = other.getsockname()[:2]

        def send_and_close() -> bool:
            for _ in range(module.MAX_BATCH):
                sock.send(b"at once", place, inbox)
            sock.send(b"queued", place, inbox)
            assert sock.waiting == 1
            sock.close()
            sock.close()
            return sock.send(b"late", place, inbox)

        assert loop.call(send_and_close) is False
        assert sock.closed
        assert sock.waiting == 0
        assert sock not in loop.selection
        loop.call(int)
        assert {received(other)[0] for _ in range(module.MAX_BATCH)} == {b"at once"}
        assert not select.select([other], [], [], 0)[0]


@pytest.mark.parametrize("method", ["on_datagram", "on_unsent"])
def test_a_protocol_may_close_the_socket(loop: Loop, method: str) -> None:
    inbox = Inbox()
    sock = opened(loop, inbox=inbox)
    setattr(inbox, method, lambda *_: sock.close())
    with plain_socket() as other:

        def provoke() -> None:
            for _ in range(3):
                if method == "on_datagram":
                    other.sendto(b"x", sock.address)
                else:
                    sock.send(b"x", ("localhost", 9), inbox)

        loop.call(provoke)
        while not sock.closed:
            loop.call(int)


def test_a_paused_socket_may_be_closed(loop: Loop) -> None:
    sock = opened(loop)
    loop.call(sock._pause_reading)
    assert loop.selection.mask(sock) == 0
    loop.call(sock.close)
    loop.call(sock._resume_reading)


def test_the_end_of_the_loop_closes_the_socket(settings: Settings) -> None:
    loop = Loop(settings)
    loop.start()
    sock = opened(loop)
    loop.stop()
    assert loop.join(PATIENCE)
    assert sock.closed


def test_without_room_for_a_socket_it_is_refused(loop: Loop) -> None:
    loop.selection.capacity = 0
    with pytest.raises(ListenError, match="too many open sockets"):
        loop.call(lambda: loop.datagram(4))
