"""How long the loop rests, and that single blocks that arrive one by one do not keep it busy."""

from __future__ import annotations

import threading
from typing import List

import pytest
from support.loopback import PATIENCE, Plain, Recorder, dialled

from bittorrent_threads.net import loop as loop_module
from bittorrent_threads.net import read_coalescer as pace_module
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.read_coalescer import BULK, ReadCoalescer

INTERVAL = 0.001


@pytest.fixture(autouse=True)
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest on Windows too, where the rest is off because a sleep takes too long."""
    monkeypatch.setattr(pace_module, "INTERVAL", INTERVAL)


def test_after_payload_the_rest_of_the_interval() -> None:
    coalescer = ReadCoalescer()
    coalescer.note(BULK, more=False)
    assert coalescer.rest(0.0004) == pytest.approx(0.0006)


def test_small_reads_of_one_pass_count_together() -> None:
    coalescer = ReadCoalescer()
    coalescer.note(BULK - 1, more=False)
    assert coalescer.rest(0.0) == 0.0
    coalescer.note(1, more=False)
    assert coalescer.rest(0.0) == 0.0, "those of the pass before do not"
    coalescer.note(BULK - 1, more=False)
    coalescer.note(1, more=False)
    assert coalescer.rest(0.0) == INTERVAL


def test_a_long_pass_needs_no_rest() -> None:
    coalescer = ReadCoalescer()
    coalescer.note(1 << 20, more=False)
    assert coalescer.rest(0.02) == 0.0


def test_no_rest_while_more_is_there_already() -> None:
    coalescer = ReadCoalescer()
    coalescer.note(BULK, more=True)
    coalescer.note(BULK, more=False)
    assert coalescer.rest(0.0) == 0.0
    coalescer.note(BULK, more=False)
    assert coalescer.rest(0.0) == INTERVAL


def test_no_rest_after_skip_rest() -> None:
    coalescer = ReadCoalescer()
    coalescer.note(BULK, more=False)
    coalescer.skip_rest()
    assert coalescer.rest(0.0) == 0.0
    coalescer.note(BULK, more=False)
    assert coalescer.rest(0.0) == INTERVAL


def test_the_loop_rests_unless_it_is_told_to_skip_it(loop: Loop, plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = Recorder(lambda data: loop.skip_rest() if data.startswith(b"\1") else None)
    rested = threading.Event()
    rests: List[int] = []

    def sleep(seconds: float) -> None:
        rests.append(len(handler.received))
        rested.set()

    monkeypatch.setattr(loop_module, "sleep", sleep)
    stream, sock = dialled(loop, plain, handler)
    with sock:
        sock.sendall(b"\1" * BULK)
        handler.wait_received(BULK)
        sock.sendall(b"\0" * BULK)
        assert rested.wait(PATIENCE)
        assert rests == [2 * BULK]
        loop.call(stream.close)


def test_passes_with_payload_are_an_interval_apart(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    passes: List[float] = []
    on_received = handler.on_received

    def noting(data: memoryview) -> None:
        passes.append(loop.now())
        on_received(data)

    handler.on_received = noting  # type: ignore[method-assign]
    stream, sock = dialled(loop, plain, handler)
    with sock:
        for _ in range(100):
            sock.sendall(bytes(BULK))
        handler.wait_received(100 * BULK)
        loop.call(stream.close)
    gaps = [after - before for before, after in zip(passes, passes[1:])]
    assert all(gap > 0.99 * INTERVAL for gap in gaps)
