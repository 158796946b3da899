from __future__ import annotations

import random
import socket
import struct
from typing import Any, List, Tuple

import pytest
from support.loopback import PATIENCE, Plain, Recorder, close_all, dialled, free_port, received_by

from bittorrent_threads.net import stream as stream_module
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.stream import TcpStream
from bittorrent_threads.net.throttle import Throttle
from bittorrent_threads.settings import Settings


def fill(loop: Loop, stream: TcpStream) -> None:
    """Send until the system takes no more, and leave a good deal waiting."""

    def more() -> bool:
        if stream._blocked:
            stream.send([bytes(1 << 23)])
        elif not stream.backlog:
            stream.send([bytes(1 << 20)])
        return stream._blocked

    while not loop.call(more):
        pass


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- dialling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_dials_and_exchanges(loop: Loop, family: int, host: str) -> None:
    with Plain(family, host) as plain:
        handler = Recorder()
        stream, sock = dialled(loop, plain, handler)
        with sock:
            assert (stream.address, stream.incoming) == (plain.address, False)
            loop.call(lambda: stream.send([b"hello ", bytearray(b"world"), memoryview(b"!")]))
            assert received_by(sock, 12) == b"hello world!"
            sock.sendall(b"answer")
            handler.wait_received(6)
            assert bytes(handler.received) == b"answer"
            assert loop.call(lambda: (stream.sent, stream.received, stream.backlog)) == (12, 6, 0)
            loop.call(stream.close)


def test_what_is_sent_before_the_connection_leaves_after_it(loop: Loop, plain: Plain) -> None:
    handler = Recorder()

    def dial() -> TcpStream:
        stream: TcpStream = loop.connect(plain.address, handler, PATIENCE)
        stream.send([b"early"])
        assert not handler.connected
        return stream

    stream = loop.call(dial)
    with plain.accept() as sock:
        assert received_by(sock, 5) == b"early"
        loop.call(stream.close)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (("not-an-address.invalid", 80), "'not-an-address.invalid' is not a numeric address of IPv4"),
        (("localhost", 80), "'localhost' is not a numeric address of IPv4"),
        (("1.2.3.4\0", 80), "'1.2.3.4\\x00' is not a numeric address of IPv4"),
        (("fe80::1%eth0", 80), "'fe80::1%eth0' is not a numeric address of IPv6"),
        (("127.0.0.1", 70000), "port 70000 is not 0 to 65535"),
        (("127.0.0.1", -1), "port -1 is not 0 to 65535"),
    ],
)
def test_a_useless_address_is_told_later_and_never_looked_up(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, address: Tuple[str, int], reason: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    handler = Recorder()

    def dial() -> int:
        loop.connect(address, handler, 5)
        return handler.closes

    assert loop.call(dial) == 0
    handler.wait(lambda: handler.closes)
    assert reason in handler.reason


def test_refused(loop: Loop) -> None:
    handler = Recorder()
    port = free_port()
    loop.call(lambda: loop.connect(("127.0.0.1", port), handler, 5))
    handler.wait(lambda: handler.closes)
    assert (handler.reason, handler.connected) == ("connection refused", False)


def test_no_answer_in_time(loop: Loop) -> None:
    handler = Recorder()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        dials = [Recorder() for _ in range(8)]
        streams = loop.call(lambda: [loop.connect(full.getsockname(), dial, PATIENCE) for dial in dials])
        dials[0].wait(lambda: dials[0].connected)
        loop.call(lambda: loop.connect(full.getsockname(), handler, 0.05))
        handler.wait(lambda: handler.closes)
        assert handler.reason == "timed out after 0.05 s"
        for stream in streams:
            loop.call(stream.close)


def test_a_dial_that_was_closed_tells_nothing(loop: Loop, plain: Plain) -> None:
    handler = Recorder()

    def dial() -> None:
        loop.connect(plain.address, handler, 0.01).close()
        loop.connect(("useless", 1), handler, 0.01).close()

    loop.call(dial)
    plain.accept().close()
    assert loop.call(lambda: (handler.connected, handler.closes)) == (False, 0)


def test_a_dial_beyond_the_capacity_of_the_selector(loop: Loop, plain: Plain) -> None:
    loop.selection.capacity = 0
    handler = Recorder()
    loop.call(lambda: loop.connect(plain.address, handler, 5))
    handler.wait(lambda: handler.closes)
    assert handler.reason == "too many open sockets"


def test_options_of_the_socket(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock, socket.socket() as untouched:
        ours = stream._socket
        assert ours is not None
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not ours.getblocking()
        untouched.connect(plain.address)  # the kernel grows both by itself, unless one was ever set
        plain.accept().close()
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            assert ours.getsockopt(socket.SOL_SOCKET, option) >= untouched.getsockopt(socket.SOL_SOCKET, option)
        loop.call(stream.close)


# -- the end -----------------------------------------------------------------------------------------------------------


def test_closed_by_the_other_end_after_its_last_bytes(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    sock.sendall(b"last words")
    sock.close()
    handler.wait(lambda: handler.closes)
    assert (bytes(handler.received), handler.reason) == (b"last words", "closed by the other end")
    assert stream.closed


def test_reset(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    _, sock = dialled(loop, plain, handler)
    reset(sock)
    handler.wait(lambda: handler.closes)
    assert handler.reason == "reset by peer"


def test_reset_while_sending(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    loop.call(stream.pause)  # so that it is the sending that notices
    fill(loop, stream)
    reset(sock)
    handler.wait(lambda: handler.closes)
    assert handler.reason in ("reset by peer", "closed by the other end")
    assert stream.backlog == 0


def test_our_own_close_is_silent_final_and_idempotent(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)

    def close_twice() -> int:
        stream.send([b"dropped"])
        stream.close()
        stream.close()
        stream.send([b"unheard"])
        stream.pause()
        stream.resume()
        return stream.backlog

    with sock:
        assert loop.call(close_twice) == 0
        assert sock.recv(100) == b""
    assert loop.call(lambda: (handler.closes, handler.drained)) == (0, 0)


def test_closing_in_the_middle_of_a_read(loop: Loop, plain: Plain) -> None:
    streams: List[TcpStream] = []
    handler = Recorder(lambda data: streams[0].close())
    stream, sock = dialled(loop, plain, handler)
    streams.append(stream)
    with sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b""
    assert handler.closes == 0


# -- writing -----------------------------------------------------------------------------------------------------------


class Counting:
    """A socket that counts and bounds what it is asked to send."""

    def __init__(self, sock: socket.socket, most: int) -> None:
        self.sock = sock
        self.most = most
        self.sends: List[int] = []

    def sendmsg(self, buffers: List[Any]) -> int:
        self.sends.append(len(buffers))
        return self.sock.send(b"".join(buffers)[: self.most])

    def send(self, data: bytes) -> int:
        self.sends.append(len(data))
        return self.sock.send(data[: self.most])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)


def test_all_of_a_pass_leaves_in_one_call(loop: Loop, plain: Plain) -> None:
    stream, sock = dialled(loop, plain, Recorder())
    counting = Counting(stream._socket, 1 << 20)  # type: ignore[arg-type]
    stream._socket = counting  # type: ignore[assignment]

    def send() -> List[int]:
        for _ in range(100):
            stream.send([b"head", b"body"])
        loop.defer(lambda: stream.send([b"tail"]))
        return counting.sends.copy()

    with sock:
        assert loop.call(send) == []
        assert received_by(sock, 804) == b"headbody" * 100 + b"tail"
        assert counting.sends == [201]
        loop.call(stream.close)


@pytest.mark.parametrize("gathering", [True, False])
@pytest.mark.parametrize("most", [1, 7, 5000, 1 << 30])
def test_partial_sends_lose_and_double_nothing(
    loop: Loop, plain: Plain, monkeypatch: pytest.MonkeyPatch, most: int, gathering: bool
) -> None:
    monkeypatch.setattr(stream_module, "GATHERING", gathering)
    chance = random.Random(most)
    total = min(most * 500, 3_000_000)
    data = chance.randbytes(total)
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    stream._socket = Counting(stream._socket, most)  # type: ignore[arg-type,assignment]

    def send() -> None:
        begin = 0
        while begin < total:
            end = begin + chance.choice([0, 1, 13, 4000, 16384])
            stream.send([memoryview(data)[begin:end]])
            begin = end

    with sock:
        loop.call(send)
        assert received_by(sock, total) == data
        handler.wait(lambda: handler.drained)
        assert loop.call(lambda: (stream.sent, stream.backlog)) == (total, 0)
        loop.call(stream.close)


def test_more_buffers_than_the_system_takes_at_once(loop: Loop, plain: Plain) -> None:
    stream, sock = dialled(loop, plain, Recorder())
    with sock:
        loop.call(lambda: stream.send([b"ab"] * 5000))
        assert received_by(sock, 10000) == b"ab" * 5000
        loop.call(stream.close)


def test_is_selected_for_writing_only_while_something_waits(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    masks: List[int] = []
    modify = loop.selection.selector.modify

    def noting(sock: Any, mask: int, owner: Any) -> Any:
        masks.append(mask)
        return modify(sock, mask, owner)

    loop.selection.selector.modify = noting  # type: ignore[method-assign,assignment]
    with sock:
        loop.call(lambda: stream.send([b"small"]))
        assert received_by(sock, 5) == b"small"
        assert masks == []
        fill(loop, stream)
        loop.call(lambda: None)
        assert masks == [3]
        waiting = loop.call(lambda: stream.sent + stream.backlog)
        received_by(sock, waiting - 5)
        handler.wait(lambda: not stream.backlog)
        loop.call(lambda: None)
        assert masks == [3, 1]
        loop.call(stream.close)


def test_drained_when_it_falls_to_the_low_water(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    stream.low_water = 100_000
    backlogs: List[int] = []

    def on_drained() -> None:
        backlogs.append(stream.backlog)

    handler.on_drained = on_drained  # type: ignore[method-assign]
    with sock:
        loop.call(lambda: stream.send([bytes(100_000)]))
        received_by(sock, 100_000)
        loop.call(lambda: None)
        assert backlogs == []  # it never was above
        fill(loop, stream)
        before = len(backlogs)
        waiting = loop.call(lambda: stream.sent + stream.backlog)
        assert loop.call(lambda: stream.backlog) > 100_000
        received_by(sock, waiting - 100_000)
        loop.call(lambda: None)
        assert len(backlogs) == before + 1
        assert backlogs[-1] <= 100_000
        loop.call(stream.close)


def test_a_pump_fed_by_on_drained_never_stalls(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    left = [300]

    def pump() -> None:
        if left[0]:
            left[0] -= 1
            stream.send([bytes(16384)])

    handler.on_drained = pump  # type: ignore[method-assign]
    with sock:
        loop.call(pump)
        assert len(received_by(sock, 300 * 16384)) == 300 * 16384
        loop.call(stream.close)


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [Settings(receive_buffer=1000)])
def test_reads_once_a_pass_and_no_more_than_the_buffer_holds(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        data = random.Random(0).randbytes(50_000)
        sock.sendall(data)
        handler.wait_received(50_000)
        assert bytes(handler.received) == data
        assert max(handler.reads) <= 1000
        loop.call(stream.close)


def test_what_a_handler_borrows_is_not_overwritten(loop: Loop, plain: Plain) -> None:
    kept: List[memoryview] = []
    lent: List[bool] = []

    class Keeper(Recorder):
        def on_received(self, data: memoryview) -> None:
            kept.append(data)
            lent.append(loop.receive_pool.borrow(data))
            super().on_received(data)

    handler = Keeper()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        size = 0
        for word in (b"first", b"second", b"third"):
            sock.sendall(word)
            size += len(word)
            handler.wait_received(size)
        assert all(lent)
        assert b"".join(map(bytes, kept)) == b"firstsecondthird"
        loop.call(lambda: loop.receive_pool.give_back(kept))
        loop.call(stream.close)


def test_nothing_is_read_while_paused(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        loop.call(stream.pause)
        sock.sendall(b"waiting")
        for _ in range(3):
            loop.call(lambda: None)
        assert not handler.received
        assert loop.selection.mask(stream) == 0  # or the selector would report it for ever
        loop.call(stream.resume)
        handler.wait_received(7)
        loop.call(stream.close)


def test_pausing_and_resuming_in_one_pass_costs_no_system_call(loop: Loop, plain: Plain) -> None:
    stream, sock = dialled(loop, plain, Recorder())
    calls: List[Any] = []
    loop.selection.selector.modify = loop.selection.selector.unregister = lambda *args: calls.append(args)  # type: ignore

    def flicker() -> None:
        stream.pause()
        stream.resume()

    with sock:
        loop.call(flicker)
        loop.call(lambda: None)
        assert calls == []
        del loop.selection.selector.modify, loop.selection.selector.unregister
        loop.call(stream.close)


def test_a_pause_by_another_stream_of_the_pass_is_obeyed(loop: Loop, plain: Plain) -> None:
    streams: List[TcpStream] = []
    handlers: List[Recorder] = []
    socks: List[socket.socket] = []

    def pause_others(data: bytes) -> None:
        for stream, handler in zip(streams, handlers):
            if not handler.received:
                stream.pause()

    for _ in range(2):
        handler = Recorder(pause_others)
        stream, sock = dialled(loop, plain, handler)
        streams.append(stream)
        handlers.append(handler)
        socks.append(sock)

    def both_ready() -> None:
        for sock in socks:
            sock.sendall(b"x")

    loop.call(both_ready)
    while not any(handler.received for handler in handlers):
        loop.call(lambda: None)
    loop.call(lambda: None)
    assert sorted(len(handler.received) for handler in handlers) == [0, 1]
    close_all(loop, zip(streams, socks))


# -- our own bugs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["on_connected", "on_received", "on_drained", "on_closed"])
def test_a_handler_that_raises_costs_its_stream_only(
    loop: Loop, plain: Plain, faults: List[Exception], caplog: pytest.LogCaptureFixture, method: str
) -> None:
    good, bad = Recorder(), Recorder()
    kept, kept_sock = dialled(loop, plain, good)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    setattr(bad, method, fail)
    loop.call(lambda: loop.connect(plain.address, bad, PATIENCE).send([b"x"]))
    with kept_sock, plain.accept() as sock:
        if method == "on_closed":
            sock.close()
        else:
            if method == "on_received":
                sock.sendall(b"y")
            bad.wait(lambda: bad.closes)
            assert bad.reason == "internal error: ZeroDivisionError: a bug"
        kept_sock.sendall(b"still here")
        good.wait_received(10)
        while not faults:
            loop.call(lambda: None)
        assert [type(error) for error in faults] == [ZeroDivisionError]
        assert [record.exc_info[1] for record in caplog.records if record.exc_info] == faults
        faults.clear()
        loop.call(kept.close)


# -- corners -----------------------------------------------------------------------------------------------------------


def test_what_waits_is_counted_in_buffers_and_bytes(loop: Loop, plain: Plain) -> None:
    stream, sock = dialled(loop, plain, Recorder())

    def look() -> Tuple[int, int, bool, bool]:
        stream.send([b"one", b"", b"three"])
        return stream.waiting, stream.backlog, stream.blocked, stream.held

    with sock:
        assert loop.call(look) == (2, 8, False, False)
        loop.call(lambda: stream.send([bytes(50_000_000)]))
        loop.call(int)
        assert stream.blocked
        assert not stream.held, "the other end does not read"
        loop.upload.rate = 1
        loop.call(lambda: stream.limit(read=[Throttle(1)]))
        sock.sendall(b"x")
        while not stream.held:
            loop.call(int)
        loop.call(stream.close)
    assert (stream.waiting, stream.backlog) == (0, 0)


def test_pausing_and_resuming_twice_is_the_same_as_once(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        loop.call(stream.resume)
        loop.call(stream.pause)
        loop.call(stream.pause)
        sock.sendall(b"x")
        loop.call(stream.resume)
        handler.wait_received(1)
        loop.call(stream.close)


def test_a_stream_that_is_reported_ready_without_cause_reads_nothing(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        loop.call(stream.on_readable)
        assert not stream.closed
        assert not handler.reads
        loop.call(stream.close)
        loop.call(stream.on_writable)
        loop.call(stream.flush)


def test_a_connection_that_lost_its_owner_is_closed(loop: Loop, plain: Plain) -> None:
    stream, sock = dialled(loop, plain, Recorder())

    def abandon() -> None:
        stream.handler = None

    with sock:
        loop.call(abandon)
        sock.sendall(b"x")
        while not stream.closed:
            loop.call(int)


def test_a_dial_without_an_owner_ends_in_silence(loop: Loop, plain: Plain) -> None:
    def dial_without_owner() -> TcpStream:
        stream: TcpStream = loop.connect(plain.address, Recorder(), PATIENCE)
        stream.handler = None
        return stream

    stream = loop.call(dial_without_owner)
    with plain.accept():
        while stream._connecting:
            loop.call(int)
        assert not stream.closed
        loop.call(lambda: stream.end("the test is over"))


def test_an_address_without_a_route(loop: Loop) -> None:
    handler = Recorder()
    loop.call(lambda: loop.connect(("255.255.255.255", 80), handler, PATIENCE))
    handler.wait(lambda: handler.closes)
    assert handler.reason
    assert not handler.connected


def test_a_connection_that_takes_nothing_more(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:

        def send() -> None:
            assert stream._socket is not None
            stream._socket.shutdown(socket.SHUT_WR)
            stream.send([b"x"])

        loop.call(send)
        handler.wait(lambda: handler.closes)
    assert handler.reason == "closed by the other end"


def test_what_waits_is_withdrawn_and_what_has_begun_to_leave_is_not(loop: Loop, plain: Plain) -> None:
    stream, sock = dialled(loop, plain, Recorder())
    with sock:
        loop.call(lambda: stream.send([b"first"]))
        assert received_by(sock, 5) == b"first"
        assert loop.call(lambda: (stream.taken, stream.withdraw(0, 1))) == (1, 0)

        def waiting() -> Tuple[int, int, int, int]:
            stream.send([b"second ", b"third ", b"fourth ", b"fifth"])
            found = stream.withdraw(3, 1), stream.withdraw(1, 2), stream.withdraw(1, 1), stream.taken
            stream.send([b" end"])
            return found

        assert loop.call(waiting) == (7, 13, 0, 4)
        assert received_by(sock, 9) == b"fifth end"
        assert loop.call(lambda: (stream.taken, stream.waiting, stream.backlog)) == (6, 0, 0)

        def nothing() -> Tuple[int, int]:
            stream.send([b"a", b"b"])
            return stream.withdraw(6, 5), stream.backlog

        assert loop.call(nothing) == (2, 0)
        fill(loop, stream)
        assert loop.call(lambda: stream.withdraw(stream.taken, 1)) == 0, "a part of it has left"
        loop.call(stream.close)


def test_withdrawn_buffers_between_others_are_left_out_of_large_batches(
    loop: Loop, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "MAX_GATHER", 3)
    stream, sock = dialled(loop, plain, Recorder())
    with sock:

        def queue() -> None:
            stream.send([b"%d," % number for number in range(40)])
            for number in range(40):
                if number % 5:
                    assert stream.withdraw(number, 1) == len(b"%d," % number)

        loop.call(queue)
        assert received_by(sock, 22) == b"0,5,10,15,20,25,30,35,"
        loop.call(stream.close)
