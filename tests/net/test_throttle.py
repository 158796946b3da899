from __future__ import annotations

import functools
import socket
import time
from typing import Callable, List, Optional, Sequence, Tuple

import pytest
from support.loopback import Plain, Recorder, close_all, dialled, received_by

from bittorrent_threads.errors import SettingsError
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.throttle import (
    BURST_TIME,
    KEEP_PLACE,
    LEAVE,
    LOAN,
    LOAN_TIME,
    REQUEUE,
    TICK,
    UNLIMITED,
    Throttle,
    ThrottleQueue,
)
from bittorrent_threads.net.timers import Timer, Timers
from bittorrent_threads.settings import Settings


class Sandbox:
    """Virtual time with a throttle queue, and a record of the transfers."""

    def __init__(self) -> None:
        self.time = 100.0
        self.timers = Timers()
        self.served = 0
        self.queue = ThrottleQueue(self)
        self.moved: List[Tuple[float, str, int]] = []

    def now(self) -> float:
        return self.time

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self.served += 1
        return self.timers.add(self.time + delay, callback)

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while True:
            due = self.timers.next_due()
            if due is None or due > end:
                break
            self.time = max(self.time, due)
            for call in self.timers.due(self.time):
                call()
        self.time = end

    def total(self, name: str = "", since: float = 0.0) -> int:
        return sum(size for when, who, size in self.moved if who.startswith(name) and when >= since)

    def busiest_second(self) -> int:
        most = begin = inside = 0
        for when, _, size in self.moved:
            inside += size
            while self.moved[begin][0] <= when - 1.0:
                inside -= self.moved[begin][2]
                begin += 1
            most = max(most, inside)
        return most


class Source:
    """A stream that always has more, or so much; moves at most 1 MiB by one system call."""

    def __init__(self, box: Sandbox, name: str, throttles: Sequence[Throttle], *, size: Optional[int] = None) -> None:
        self.box = box
        self.name = name
        self.throttles = throttles
        self.left = size

    def ready(self) -> None:
        """Do what a stream does that the selector reports."""
        allowed = self.box.queue.allowance(self.throttles)
        if not allowed or self.turn(allowed):
            self.box.queue.add(self.turn, self.throttles)

    def turn(self, allowed: int) -> int:
        if not allowed:
            return LEAVE
        size = min(allowed, 1 << 20)
        if self.left is not None:
            size = min(size, self.left)
        for throttle in self.throttles:
            throttle.take(size)
        self.box.moved.append((self.box.time, self.name, size))
        if self.left is None:
            return REQUEUE
        self.left -= size
        return REQUEUE if self.left > 0 else LEAVE


def test_a_handshake_goes_at_once_and_is_paid_for_by_what_follows() -> None:
    box = Sandbox()
    throttle, other = Throttle(100), Throttle(0)
    assert box.queue.loan(LOAN + 1, [throttle]) == 0, "no handshake"
    lent = 0
    while box.queue.loan(68, [throttle, other]):
        throttle.take(68)
        lent += 68
    assert 0 < lent <= 100 * LOAN_TIME
    assert box.queue.allowance([throttle]) == 0
    box.run(lent / 100 - 1.0)
    assert box.queue.allowance([throttle]) == 0
    box.run(2.0)
    assert box.queue.allowance([throttle]) > 0


@pytest.mark.parametrize("streams", [1, 30])
@pytest.mark.parametrize("rate", [1, 700, 5_000, 300_000, 5_000_000, 100_000_000])
def test_keeps_the_rate_and_never_doubles_it(rate: int, streams: int) -> None:
    box = Sandbox()
    throttle = Throttle(rate)
    throttle.allowance(box.time)
    box.run(50.0)  # an idle time to save up in
    for number in range(streams):
        Source(box, str(number), [throttle]).ready()
    box.run(10.0)
    start = box.time
    box.run(10.0)
    assert box.total(since=start) == pytest.approx(rate * 10, rel=0.03, abs=1)
    assert box.busiest_second() <= 2 * rate


def test_a_new_throttle_has_saved_nothing() -> None:
    box = Sandbox()
    Source(box, "a", [Throttle(1_000_000)]).ready()
    box.run(10.0)
    assert 0.97 * 10_000_000 <= box.total() <= 10_000_000


def test_saves_up_little() -> None:
    throttle = Throttle(1_000_000)
    throttle.allowance(0.0)
    assert throttle.allowance(1000.0) <= 1_000_000 * (BURST_TIME + TICK)


def test_a_late_loop_loses_nothing() -> None:
    box = Sandbox()
    throttle = Throttle(1_000_000)
    Source(box, "a", [throttle]).ready()
    for _ in range(100):
        box.time += 0.15  # every pass takes so long
        for call in box.timers.due(box.time):
            call()
    assert box.total() == pytest.approx(15_000_000, rel=0.03)


def test_all_streams_get_the_same() -> None:
    box = Sandbox()
    throttle = Throttle(200_000)
    for number in range(20):
        Source(box, f"{number:02}", [throttle]).ready()
        box.run(0.013)
    box.moved.clear()
    box.run(20.0)
    totals = [box.total(f"{number:02}") for number in range(20)]
    assert min(totals) > 0.8 * 200_000
    assert max(totals) < 1.2 * 200_000


class Messages(Source):
    """A stream of messages of 16,384 bytes each."""

    def __init__(self, box: Sandbox, name: str, throttles: Sequence[Throttle]) -> None:
        super().__init__(box, name, throttles)
        self.begun = 0
        """Bytes of the message that is not whole."""

    def turn(self, allowed: int) -> int:
        size = min(allowed, 16384 - self.begun)
        if not super().turn(size):
            return LEAVE
        self.begun = (self.begun + size) % 16384
        return KEEP_PLACE if self.begun else REQUEUE


def test_a_message_that_has_begun_is_finished_before_another_begins() -> None:
    box = Sandbox()
    throttle = Throttle(4000)
    streams = [Messages(box, str(number), [throttle]) for number in range(5)]
    for stream in streams:
        stream.ready()
    most = 0
    for _ in range(200):
        box.run(0.25)
        most = max(most, sum(stream.begun > 0 for stream in streams))
    assert most == 1
    totals = [box.total(str(number)) for number in range(5)]
    assert max(totals) - min(totals) <= 2 * 16384
    assert sum(totals) == pytest.approx(200_000, rel=0.05)


def test_a_little_goes_before_blocks() -> None:
    box = Sandbox()
    throttle = Throttle(2000)
    Messages(box, "blocks", [throttle]).ready()
    box.run(1.0)
    little = Source(box, "little", [throttle], size=68)
    assert box.queue.allowance([throttle]) == 0
    box.queue.add(little.turn, [throttle], first=True)
    box.run(0.5)
    assert box.total("little") == 68


def test_unused() -> None:
    throttle = Throttle(10_000)
    assert not throttle.unused(100.0), "it begins empty"
    assert throttle.unused(101.0)
    throttle.take(throttle.allowance(101.0))
    assert not throttle.unused(101.1)
    assert throttle.unused(102.0)
    assert not Throttle(0).unused(100.0)


def test_a_small_want_is_not_starved_by_greedy_streams() -> None:
    box = Sandbox()
    throttle = Throttle(20_000)
    for number in range(10):
        Source(box, f"greedy {number}", [throttle]).ready()
    box.run(5.0)
    Source(box, "small", [throttle], size=68).ready()
    box.run(1.0)
    assert box.total("small") == 68


def test_a_stream_under_two_throttles_gets_the_lesser() -> None:
    box = Sandbox()
    session, torrent = Throttle(1_000_000), Throttle(100_000)
    for number in range(3):
        Source(box, f"slow {number}", [session, torrent]).ready()
        Source(box, f"fast {number}", [session]).ready()
    box.run(10.0)
    assert box.total("slow") == pytest.approx(1_000_000, rel=0.03)
    assert box.total() == pytest.approx(10_000_000, rel=0.03)


@pytest.mark.parametrize("torrent_rate", [90_000, 100_000, 110_000])
def test_two_tight_throttles_starve_no_stream(torrent_rate: int) -> None:
    box = Sandbox()
    session = Throttle(200_000)
    torrents = [Throttle(torrent_rate), Throttle(torrent_rate)]
    for number in range(10):
        Source(box, f"{number}", [session, torrents[number % 2]]).ready()
    box.run(20.0)
    totals = [box.total(str(number)) for number in range(10)]
    assert min(totals) > 0.7 * sum(totals) / 10


def test_a_newcomer_does_not_push_in() -> None:
    box = Sandbox()
    throttle = Throttle(100_000)
    Source(box, "waiting", [throttle]).ready()
    box.time += 1.0  # there is quota again, and the line was not served yet
    assert box.queue.allowance([throttle]) == 0
    assert throttle.allowance(box.time) > 0


def test_a_stream_of_another_torrent_does_not_queue_behind_a_slow_one() -> None:
    box = Sandbox()
    session, slow = Throttle(10_000_000), Throttle(1000)
    Source(box, "slow", [session, slow]).ready()
    box.run(1.0)
    assert box.queue.allowance([session]) > 1_000_000
    assert box.queue.allowance([session, slow]) == 0


def test_no_limit_costs_nothing() -> None:
    box = Sandbox()
    assert box.queue.allowance([Throttle(), Throttle(0)]) == UNLIMITED
    assert box.queue.allowance([]) == UNLIMITED
    assert (box.served, len(box.queue)) == (0, 0)


@pytest.mark.parametrize("rate", [700, 20_000, 5_000_000, 100_000_000])
def test_servings_are_few(rate: int) -> None:
    box = Sandbox()
    throttle = Throttle(rate)
    for number in range(50):
        Source(box, str(number), [throttle]).ready()
    box.run(10.0)
    assert box.served <= 10 / TICK + 2 * rate * 10 / (50 * 16384) + 2 * rate * 10 / (1 << 20) + 1


def test_who_has_no_more_leaves_the_line_and_the_timer_with_it() -> None:
    box = Sandbox()
    throttle = Throttle(100_000)
    Source(box, "a", [throttle], size=30_000).ready()
    box.run(10.0)
    assert (box.total(), len(box.queue), len(box.timers)) == (30_000, 0, 0)
    assert box.queue.allowance([throttle]) > 0


def test_a_transfer_that_raises_costs_no_other_its_turn() -> None:
    def broken(allowed: int) -> bool:
        raise ZeroDivisionError

    box = Sandbox()
    throttle = Throttle(100_000)
    first, last = Source(box, "first", [throttle]), Source(box, "last", [throttle])
    for turn in (first.turn, broken, last.turn):
        box.queue.add(turn, [throttle])
    with pytest.raises(ZeroDivisionError):
        box.run(1.0)
    box.run(1.0)
    assert box.total("first") > 40_000
    assert box.total("last") > 40_000


def test_a_new_rate_is_felt_soon() -> None:
    box = Sandbox()
    throttle = Throttle(1)
    Source(box, "a", [throttle]).ready()
    box.run(10.0)
    throttle.rate = 1_000_000
    start = box.time
    box.run(1.0)
    assert 700_000 < box.total(since=start) <= 1_200_000
    throttle.rate = 1000
    box.run(1.0)
    start = box.time
    box.run(10.0)
    assert box.total(since=start) == pytest.approx(10_000, rel=0.1)
    throttle.rate = 0
    box.run(0.2)
    assert (len(box.queue), len(box.timers)) == (0, 0)
    assert box.queue.allowance([throttle]) == UNLIMITED


@pytest.mark.parametrize("rate", [-1, 1.5, True, None, "1"])
def test_a_rate_is_a_number_of_bytes(rate: object) -> None:
    throttle = Throttle(5)
    with pytest.raises(SettingsError):
        throttle.rate = rate  # type: ignore[assignment]
    assert throttle.rate == 5


# -- on real streams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [Settings(download_limit=1_000_000)])
def test_streams_share_the_download_limit_of_the_loop(loop: Loop) -> None:
    handlers = [Recorder() for _ in range(3)]
    size = 150_000
    with Plain() as plain:
        pairs = [dialled(loop, plain, handler) for handler in handlers]
        start = time.monotonic()
        for _, sock in pairs:
            sock.sendall(bytes(size))
        for handler in handlers:
            handler.wait_received(size)
        assert time.monotonic() - start >= 0.9 * (3 * size / 1_000_000 - BURST_TIME - TICK)
        close_all(loop, pairs)


class Cutter(Recorder):
    """Cuts what comes into messages of 16,384 bytes, of which the stream is told."""

    size = 16384

    @property
    def missing(self) -> int:
        return -len(self.received) % self.size


@pytest.mark.parametrize("settings", [Settings(download_limit=600, upload_limit=600)])
def test_a_handshake_does_not_wait_behind_a_block(loop: Loop, plain: Plain) -> None:
    handler = Cutter()
    busy, far = dialled(loop, plain, handler)
    loop.call(functools.partial(setattr, busy, "reader", handler))
    loop.call(lambda: busy.send([bytes(16384)]))
    with far:
        far.sendall(bytes(16384))
        handler.wait_received(1)  # a block is under way that takes 27 seconds
        newcomer = Recorder()
        began = time.monotonic()
        stream, sock = dialled(loop, plain, newcomer)
        with sock:
            loop.call(lambda: stream.send([bytes(68)]))
            assert len(received_by(sock, 68)) == 68
            sock.sendall(bytes(68))
            newcomer.wait_received(68)
            assert time.monotonic() - began < 5.0
            loop.call(stream.close)
        loop.call(busy.close)


@pytest.mark.parametrize("settings", [Settings(download_limit=60_000)])
def test_whole_messages_are_read_one_after_the_other(loop: Loop) -> None:
    handlers = [Cutter() for _ in range(4)]
    begun = []
    """How many messages had begun and were not whole, whenever something came."""
    with Plain() as plain:
        pairs = [dialled(loop, plain, handler) for handler in handlers]
        for (stream, sock), handler in zip(pairs, handlers):
            loop.call(functools.partial(setattr, stream, "reader", handler))
            sock.sendall(bytes(Cutter.size))
        for handler in handlers:
            handler.wait_received(Cutter.size)
            # What the last turn of one leaves of a portion may begin the next.
            begun.append(sum(0 < len(other.received) < Cutter.size for other in handlers))
        close_all(loop, pairs)
    assert max(begun) <= 1


@pytest.mark.parametrize("settings", [Settings(upload_limit=60_000)])
def test_whole_blocks_are_sent_one_after_the_other(loop: Loop) -> None:
    size = 16384
    with Plain() as plain:
        pairs = [dialled(loop, plain, Recorder()) for _ in range(4)]
        for stream, _ in pairs:
            loop.call(functools.partial(stream.send, [bytes(68), bytes(13), bytes(size - 13)]))
        cut = 0
        while loop.call(lambda: sum(stream.backlog for stream, _ in pairs)):
            sent = loop.call(lambda: [stream.sent for stream, _ in pairs])
            cut = max(cut, sum(0 < count - 68 < size for count in sent))
        assert cut == 1
        close_all(loop, pairs)


@pytest.mark.parametrize("settings", [Settings(upload_limit=1_000_000)])
def test_what_is_sent_stays_whole_under_an_upload_limit(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    data = bytes(range(256)) * 1200
    start = time.monotonic()
    with sock:
        loop.call(lambda: stream.send([data[:1], memoryview(data)[1:200_000], b"", data[200_000:]]))
        assert received_by(sock, len(data)) == data
        assert time.monotonic() - start >= 0.9 * (len(data) / 1_000_000 - BURST_TIME - TICK)
        handler.wait(lambda: handler.drained)
        loop.call(stream.close)


def test_limits_of_one_stream_work_each_in_its_direction(loop: Loop, plain: Plain) -> None:
    read, write = loop.throttle(100_000, "read"), loop.throttle(200_000, "write")
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    loop.call(lambda: stream.limit(read=[read], write=[write]))
    start = time.monotonic()
    with sock:
        sock.sendall(bytes(40_000))
        loop.call(lambda: stream.send([bytes(80_000)]))
        assert len(received_by(sock, 80_000)) == 80_000
        handler.wait_received(40_000)
        assert time.monotonic() - start >= 0.1
        loop.call(lambda: stream.limit())
        sock.sendall(bytes(1_000_000))
        handler.wait_received(1_040_000)
        loop.call(stream.close)


@pytest.mark.parametrize("settings", [Settings(download_limit=1000, upload_limit=1000)])
@pytest.mark.parametrize("how", ["close", "pause", "other end"])
def test_ending_and_pausing_in_the_line(loop: Loop, plain: Plain, how: str) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        sock.sendall(bytes(10_000))
        loop.call(lambda: stream.send([bytes(10_000)]))
        while not loop.call(lambda: len(loop.read_queue) and len(loop.write_queue)):
            pass
        if how == "close":
            loop.call(stream.close)
        elif how == "pause":
            loop.call(stream.pause)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        loop.download.rate = 0
        loop.upload.rate = 0
        while loop.call(lambda: len(loop.read_queue) or len(loop.write_queue)):
            pass
        if how == "pause":
            before = len(handler.received)
            assert len(received_by(sock, 10_000)) == 10_000
            assert len(handler.received) == before
            loop.call(stream.resume)
            handler.wait_received(10_000)
            loop.call(stream.close)
        assert stream.closed == (how != "pause") or how == "pause"


def test_a_limited_loop_does_not_spin(loop: Loop, plain: Plain) -> None:
    loop.download.rate = 20_000
    selects: List[int] = []
    """For each wait of the loop, the bytes received before it."""
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    select = loop.selection.selector.select

    def counted(timeout: Optional[float] = None) -> List[Tuple[object, int]]:
        selects.append(len(handler.received))
        return select(timeout)  # type: ignore[return-value]

    loop.selection.selector.select = counted  # type: ignore[method-assign,assignment]
    with sock:
        sock.sendall(bytes(100_000))
        handler.wait_received(6_000)
        del loop.selection.selector.select
        loop.call(stream.close)
    assert sum(received < 6_000 for received in selects) < 20
