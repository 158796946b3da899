"""When a peer is read, decided from what waits for it and what its messages cost."""

from __future__ import annotations

from typing import Callable, List, Optional

import pytest

from bittorrent_threads.engine.flow_control import LEAST_READ, MAX_ANSWERS, MAX_WAITING, FlowControl
from bittorrent_threads.protocol.wire import MAX_PIECE_MESSAGE
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.message_quota import MAX_EXCESS, RESERVE, SHARE, Budget


class Timer:
    def __init__(self, delay: float, callback: Callable[[], None]) -> None:
        self.delay = delay
        self.callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        self.callback = None


class Peer:
    """Peer, stream, session and clock in one: it notes what it is told."""

    def __init__(self) -> None:
        self.stream = self.network = self
        self.message_budget = Budget()
        self.read_limit = 0
        self.backlog = self.waiting = 0
        self.paused = False
        self.changes = 0
        self.resumed = 0
        self.timers: List[Timer] = []
        self.seconds = 0.0
        self.flow = FlowControl(self, self, Settings(send_high_water=1000))  # type: ignore[arg-type]

    def now(self) -> float:
        return self.seconds

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay, callback))
        return self.timers[-1]

    def pause(self) -> None:
        self.paused = True
        self.changes += 1

    def resume(self) -> None:
        self.paused = False
        self.changes += 1

    def on_readable_again(self) -> None:
        self.resumed += 1

    def settle(self, *, asked: int = 0, held: int = 0) -> None:
        self.flow.settle(asked, held=held, now=self.seconds)

    def fire(self) -> None:
        timer = self.timers.pop()
        self.seconds += timer.delay
        assert timer.callback is not None
        timer.callback()


def test_one_read_takes_what_was_asked_for_and_a_few_messages() -> None:
    peer = Peer()
    assert peer.read_limit == LEAST_READ
    peer.settle(asked=100)
    assert peer.read_limit == LEAST_READ + 100 * MAX_PIECE_MESSAGE
    assert not peer.changes


@pytest.mark.parametrize(("backlog", "waiting"), [(1000 + MAX_ANSWERS + 1, 1), (1, MAX_WAITING + 1)])
def test_a_peer_that_does_not_read_is_not_read_until_it_does(backlog: int, waiting: int) -> None:
    peer = Peer()
    peer.backlog, peer.waiting = backlog, waiting
    peer.settle()
    peer.settle()
    assert peer.paused
    assert peer.changes == 1
    assert not peer.timers, "the drain of the stream wakes it"
    peer.backlog = peer.waiting = 0
    peer.settle()
    assert not peer.paused
    assert not peer.flow.gated


def test_blocks_that_wait_do_not_stop_the_reading() -> None:
    peer = Peer()
    peer.backlog = 1000 + MAX_ANSWERS
    peer.settle()
    assert not peer.paused


def test_a_peer_beyond_its_share_is_read_when_the_share_allows_it() -> None:
    peer = Peer()
    peer.flow.work = RESERVE + SHARE
    peer.flow.charge(0.0)
    peer.settle()
    assert peer.paused
    assert peer.timers[0].delay == pytest.approx(1.0)
    peer.settle()
    assert len(peer.timers) == 1
    peer.fire()
    assert peer.resumed == 1
    peer.seconds += 0.01
    peer.settle()
    assert not peer.paused
    assert peer.flow.work == 0.0


def test_what_was_read_already_has_its_turn_in_the_next_pass() -> None:
    peer = Peer()
    peer.settle(held=10)
    assert peer.paused
    assert [timer.delay for timer in peer.timers] == [0.0]
    peer.fire()
    assert peer.resumed == 1
    assert peer.paused
    peer.settle(held=0)
    assert not peer.paused


def test_what_was_read_already_waits_for_a_peer_that_does_not_read() -> None:
    peer = Peer()
    peer.waiting = MAX_WAITING + 1
    peer.settle(held=10)
    assert peer.paused
    assert not peer.timers
    peer.waiting = 0
    peer.settle(held=10)
    peer.waiting = MAX_WAITING + 1
    peer.fire()
    assert peer.resumed == 0


def test_a_peer_that_stays_beyond_its_share_is_exhausted() -> None:
    peer = Peer()
    peer.flow.work = 10.0
    peer.flow.charge(0.0)
    assert not peer.flow.exhausted(MAX_EXCESS - 1)
    assert peer.flow.exhausted(MAX_EXCESS)


def test_a_peer_that_leaves_leaves_nothing() -> None:
    peer = Peer()
    peer.flow.work = 10.0
    peer.flow.charge(0.0)
    peer.settle()
    peer.flow.close()
    assert peer.timers[0].callback is None
    assert peer.message_budget.over_share == 0
