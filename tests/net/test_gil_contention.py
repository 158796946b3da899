from __future__ import annotations

import sys
import threading
from typing import Iterator

import pytest
from support.loopback import PATIENCE, Plain, Recorder, dialled

from bittorrent_threads.net.gil_contention import LONG, SAMPLES, SHARE, GilContention
from bittorrent_threads.net.loop import Loop


def noted(*waits: float) -> GilContention:
    gil_contention = GilContention()
    for wait in waits:
        gil_contention.note(wait)
    return gil_contention


def test_waits_of_a_switch_interval_are_contention() -> None:
    interval = sys.getswitchinterval()
    assert not noted().high
    assert not noted(*[SHARE * interval * 0.9] * 100).high
    assert noted(*[interval] * SAMPLES).high


def test_one_long_wait_is_not() -> None:
    interval = sys.getswitchinterval()
    assert not noted(*[0.0] * 100, SHARE * interval * SAMPLES * 0.9).high


def test_it_passes() -> None:
    interval = sys.getswitchinterval()
    assert not noted(*[2 * interval] * 100, *[0.0] * 2 * SAMPLES).high


def test_its_clock_stands_while_the_thread_runs() -> None:
    before = GilContention.clock()
    sum(range(100_000))
    threading.Event().wait(0.05)
    assert GilContention.clock() - before >= 0.04


@pytest.fixture
def computing() -> Iterator[None]:
    """A thread that computes in Python and waits for nothing, as a host's main thread may."""
    ended = threading.Event()

    def compute() -> None:
        while not ended.is_set():
            sum(range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_a_loop_beside_a_thread_that_computes_is_contended(loop: Loop, plain: Plain, computing: None) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    data = bytes(4 * LONG)
    with sock:
        sock.settimeout(PATIENCE)
        while not loop.gil_contention.high:
            sock.sendall(data)
        loop.call(stream.close)
