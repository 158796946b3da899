from __future__ import annotations

import socket
import struct
from typing import List

import pytest
from support.loopback import PATIENCE, Recorder, received_by, run_child

from bittorrent_threads.errors import ListenError
from bittorrent_threads.net import listener as listening
from bittorrent_threads.net.listener import TcpListener
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.stream import TcpStream
from bittorrent_threads.settings import Settings


class Guests:
    """Accepts every connection with a Recorder."""

    def __init__(self) -> None:
        self.streams: List[TcpStream] = []
        self.first = Recorder()

    def accept(self, stream: TcpStream) -> None:
        stream.handler = Recorder() if self.streams else self.first
        self.streams.append(stream)
        with self.first._changed:
            self.first._changed.notify_all()

    def wait(self, count: int) -> None:
        self.first.wait(lambda: len(self.streams) >= count)

    def close(self) -> None:
        for stream in self.streams:
            stream.close()


@pytest.fixture
def guests() -> Guests:
    return Guests()


def test_accepts_on_both_families_of_one_port(loop: Loop, guests: Guests) -> None:
    listener: TcpListener = loop.call(lambda: loop.listen("", 0, guests.accept))
    assert listener.addresses == ("0.0.0.0", "::")
    with socket.create_connection(("127.0.0.1", listener.port)) as one:
        guests.wait(1)
        with socket.create_connection(("::1", listener.port)) as two:
            guests.wait(2)
            for stream, sock in zip(guests.streams, (one, two)):
                assert (stream.address, stream.incoming) == (sock.getsockname()[:2], True)
            one.sendall(b"hello")
            guests.first.wait_received(5)
            loop.call(lambda: guests.streams[0].send([b"welcome"]))
            assert received_by(one, 7) == b"welcome"
            assert not guests.first.connected
            loop.call(guests.close)
    loop.call(listener.close)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_listens_on_one_address(loop: Loop, guests: Guests, host: str) -> None:
    listener = loop.call(lambda: loop.listen(host, 0, guests.accept))
    assert listener.addresses == (host,)
    with socket.create_connection((host, listener.port)):
        guests.wait(1)
        loop.call(guests.close)
    loop.call(listener.close)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, listener.port))


def test_closing_is_idempotent_and_accepted_streams_live_on(loop: Loop, guests: Guests) -> None:
    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, guests.accept))
    with socket.create_connection(("127.0.0.1", listener.port)) as sock:
        guests.wait(1)
        loop.call(listener.close)
        loop.call(listener.close)
        sock.sendall(b"x")
        guests.first.wait_received(1)
        loop.call(guests.close)


@pytest.mark.parametrize("settings", [Settings(port_strict=True)])
def test_the_loop_obeys_the_setting(loop: Loop, guests: Guests) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ListenError):
            loop.call(lambda: loop.listen("127.0.0.1", taken.getsockname()[1], guests.accept))


def test_an_accept_that_raises_loses_that_connection_only(loop: Loop, guests: Guests, faults: List[Exception]) -> None:
    def accept(stream: TcpStream) -> None:
        if not faults:
            raise ZeroDivisionError
        guests.accept(stream)

    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, accept))
    with socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as sock:
        assert sock.recv(1) == b""
    with socket.create_connection(("127.0.0.1", listener.port), PATIENCE):
        guests.wait(1)
        loop.call(guests.close)
    assert len(faults) == 1
    faults.clear()
    loop.call(listener.close)


def test_a_stream_without_a_handler_is_closed(loop: Loop) -> None:
    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, lambda stream: None))
    with socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as sock:
        assert sock.recv(1) == b""
    loop.call(listener.close)


def test_a_connection_reset_before_it_was_accepted(loop: Loop, guests: Guests) -> None:
    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, guests.accept))

    def knock_and_run() -> None:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", listener.port)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    loop.call(knock_and_run)
    with socket.create_connection(("127.0.0.1", listener.port)) as sock:
        sock.sendall(b"x")
        loop.call(lambda: None)
    guests.wait(1)
    loop.call(guests.close)
    loop.call(listener.close)


def test_many_at_once_are_all_accepted_a_few_a_pass(loop: Loop, guests: Guests) -> None:
    passes: List[float] = []

    def accept(stream: TcpStream) -> None:
        passes.append(loop.now())
        guests.accept(stream)

    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, accept))
    socks = loop.call(lambda: [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(60)])
    guests.wait(60)
    assert max(passes.count(when) for when in passes) <= listening.MAX_ACCEPTS
    loop.call(guests.close)
    loop.call(listener.close)
    for sock in socks:
        sock.close()


def test_rests_while_the_selector_is_full(loop: Loop, guests: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "FIRST_PAUSE", 0.01)
    reasons: List[str] = []
    loop.on_exhausted = reasons.append
    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, guests.accept))
    loop.selection.capacity = 1
    with socket.create_connection(("127.0.0.1", listener.port)):
        while not reasons:
            loop.call(lambda: None)
        assert reasons[0] == "too many open sockets"
        assert guests.streams == []
        loop.selection.capacity = 100
        guests.wait(1)
        loop.call(guests.close)
        loop.call(listener.close)


OUT_OF_DESCRIPTORS = """
import os, resource, selectors, socket, threading
from bittorrent_threads.net import listener as listening
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings
from support.loopback import Recorder

listening.FIRST_PAUSE = 0.05
loop = Loop(Settings())
passes, reasons, accepted = [], [], threading.Event()
select = loop.selection.selector.select
loop.selection.selector.select = lambda timeout: (passes.append(1), select(timeout))[1]
loop.on_exhausted = lambda reason: reasons.append((reason, loop.now()))

def accept(stream):
    stream.handler = Recorder()
    accepted.set()

loop.start()
listener = loop.call(lambda: loop.listen("127.0.0.1", 0, accept))
knocking = socket.socket()
hoard = []
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
while True:
    try:
        hoard.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        break
refused = Recorder()
loop.call(lambda: loop.connect(("127.0.0.1", 1), refused, 5))
refused.wait(lambda: refused.closes)
assert refused.reason == "too many open files in this process", refused.reason
before = len(passes)
knocking.connect(("127.0.0.1", listener.port))
while len(reasons) < 3:
    accepted.wait(0.01)
assert not accepted.is_set()
print(len(passes) - before, reasons[0][0])
gaps = [later[1] - earlier[1] for earlier, later in zip(reasons, reasons[1:])]
assert gaps[0] >= 0.04 and gaps[1] >= 0.09, gaps
for descriptor in hoard:
    os.close(descriptor)
assert accepted.wait(30)
loop.stop()
assert loop.join(30)
knocking.close()
"""


def test_out_of_descriptors_it_rests_and_recovers() -> None:
    pytest.importorskip("resource")
    passes, _, reason = run_child(OUT_OF_DESCRIPTORS).strip().partition(" ")
    assert reason == "too many open files in this process"
    assert int(passes) < 20


def test_a_listener_may_be_closed_while_it_accepts_nothing(loop: Loop, guests: Guests) -> None:
    reasons: List[str] = []
    loop.on_exhausted = reasons.append
    listener: TcpListener = loop.call(lambda: loop.listen("127.0.0.1", 0, guests.accept))
    (sock,) = listener._sockets

    def pause_and_close() -> None:
        sock._pause_accepting("a test")
        listener.close()
        sock._start_accepting()
        sock.on_readable()

    loop.call(pause_and_close)
    assert reasons == ["a test"]
    assert sock not in loop.selection
