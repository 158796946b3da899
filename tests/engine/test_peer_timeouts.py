"""When a peer has kept us waiting for too long, and when the delay is ours."""

from __future__ import annotations

from typing import Optional

import pytest

from bittorrent_threads.engine.peer_timeouts import LEAST_PROGRESS, PeerTimeouts
from bittorrent_threads.settings import Settings

SETTINGS = Settings()


class Stream:
    held = False
    backlog = 77


class Wire:
    missing = 0

    @property
    def partial(self) -> bool:
        return self.missing > 0


class Flow:
    gated = False


class Bench:
    def __init__(self) -> None:
        self.stream, self.wire, self.flow = Stream(), Wire(), Flow()
        self.timeouts = PeerTimeouts(self.stream, self.wire, self.flow, SETTINGS, 0.0)  # type: ignore[arg-type]

    def until(self, end: int, *, since: int = 0) -> Optional[str]:
        """Look once a second; why it was over, None if it was not."""
        for second in range(since + 1, end + 1):
            reason = self.timeouts.spent(float(second))
            if reason:
                return f"{second}: {reason}"
        return None


def talking(bench: Bench, now: float) -> None:
    """Something came, and what we sent was taken."""
    bench.timeouts.received_at = bench.timeouts.taken_at = now


def test_silence() -> None:
    bench = Bench()
    bench.timeouts.taken_at = 1000.0
    assert bench.until(200) == "120: silent for 120 s"


def test_what_is_not_read() -> None:
    bench = Bench()
    bench.timeouts.received_at = 1000.0
    assert bench.until(200) == "120: read nothing for 120 s, 77 bytes wait for it"


def test_a_message_that_does_not_go_on() -> None:
    bench = Bench()
    talking(bench, 1000.0)
    bench.wire.missing = 16384
    assert bench.until(100) == "60: a message took more than 60 s"


@pytest.mark.parametrize(("rate", "late"), [(200, False), (80, False), (60, True), (1, True)])
def test_a_message_of_which_something_comes_may_take_long(rate: int, late: bool) -> None:
    bench = Bench()
    talking(bench, 1000.0)
    reason = None
    bench.wire.missing = 5
    bench.until(1)
    for second in range(2, 80):
        bench.wire.missing = 16384 - rate * second
        reason = reason or bench.until(second, since=second - 1)
    assert bool(reason) == late
    assert 60 * 80 > LEAST_PROGRESS > 60 * 60


@pytest.mark.parametrize("ours", ["held", "gated"])
def test_what_we_hold_up_is_not_late(ours: str) -> None:
    bench = Bench()
    bench.timeouts.taken_at = 1000.0
    bench.wire.missing = 16384
    setattr(bench.stream if ours == "held" else bench.flow, ours, True)
    assert bench.until(500) is None
    bench.stream.held = bench.flow.gated = False
    assert bench.until(700, since=500) == "560: a message took more than 60 s"
