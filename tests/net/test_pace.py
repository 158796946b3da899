"""Pace: how long the loop rests, and that a trickle of payload does not keep it busy."""

from __future__ import annotations

from typing import List

import pytest
from support.loopback import Plain, Recorder, dialled

from bittorrent_threads.net import pace as pace_module
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.pace import BULK, Pace

INTERVAL = 0.001


@pytest.fixture(autouse=True)
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest on Windows too, where it only is too long."""
    monkeypatch.setattr(pace_module, "INTERVAL", INTERVAL)


def test_after_payload_the_rest_of_the_interval() -> None:
    pace = Pace()
    pace.note(BULK, more=False)
    assert pace.rest(0.0004) == pytest.approx(0.0006)


def test_small_reads_of_one_pass_count_together() -> None:
    pace = Pace()
    pace.note(BULK - 1, more=False)
    assert pace.rest(0.0) == 0.0
    pace.note(1, more=False)
    assert pace.rest(0.0) == 0.0, "those of the pass before do not"
    pace.note(BULK - 1, more=False)
    pace.note(1, more=False)
    assert pace.rest(0.0) == INTERVAL


def test_a_long_pass_needs_no_rest() -> None:
    pace = Pace()
    pace.note(1 << 20, more=False)
    assert pace.rest(0.02) == 0.0


def test_no_rest_while_more_is_there_already() -> None:
    pace = Pace()
    pace.note(BULK, more=True)
    pace.note(BULK, more=False)
    assert pace.rest(0.0) == 0.0
    pace.note(BULK, more=False)
    assert pace.rest(0.0) == INTERVAL


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
