from __future__ import annotations

import errno
import gc
import os
import select
import threading
import warnings
from typing import Deque, List, Optional

import pytest

from bittorrent_threads.net import readiness as module
from bittorrent_threads.net.readiness import Readiness

PATIENCE = 30


class Things:
    """Things that wait, and the descriptor that shows it."""

    def __init__(self) -> None:
        self.waiting: Deque[int] = Deque()
        waiting = self.waiting
        self.readiness = Readiness(lambda: bool(waiting))

    def add(self, thing: int) -> None:
        self.waiting.append(thing)
        self.readiness.raised()

    def take(self) -> Optional[int]:
        try:
            thing: Optional[int] = self.waiting.popleft()
        except IndexError:
            thing = None
        if not self.waiting:
            self.readiness.lowered()
        return thing

    def readable(self, timeout: float = 0.0) -> bool:
        return bool(select.select([self.readiness], [], [], timeout)[0])


def bytes_waiting(things: Things) -> int:
    return len(things.readiness._reader.recv(1000))


def test_is_readable_while_something_waits() -> None:
    things = Things()
    assert not things.readable()
    for _ in range(3):
        things.add(1)
        things.add(2)
        assert things.readable()
        assert things.take() == 1
        assert things.readable()
        assert things.take() == 2
        assert not things.readable()
        assert things.take() is None


def test_one_byte_waits_for_any_number_of_things() -> None:
    things = Things()
    for thing in range(100_000):
        things.add(thing)
    assert bytes_waiting(things) == 1


def test_wakes_a_thread_that_selects() -> None:
    things = Things()
    thread = threading.Thread(target=things.add, args=(1,))
    thread.start()
    assert things.readable(PATIENCE)
    thread.join()


def test_a_thing_that_comes_between_the_byte_and_the_next_look_is_seen() -> None:
    things = Things()
    drain = things.readiness._drain

    def drained() -> None:
        drain()
        things.add(2)  # another thread, while the flag still says that a byte waits

    things.add(1)
    things.readiness._drain = drained  # type: ignore[method-assign]
    assert things.take() == 1
    assert things.readable()


def test_no_taker_loses_the_wake_up_of_another() -> None:
    things, count = Things(), 20_000
    got: List[List[int]] = [[] for _ in range(3)]

    def follow(mine: List[int]) -> None:
        while things.readable(PATIENCE):
            thing = things.take()
            if thing is None:
                continue
            if thing < 0:
                things.add(thing)  # for the others
                return
            mine.append(thing)

    threads = [threading.Thread(target=follow, args=(mine,)) for mine in got]
    for thread in threads:
        thread.start()
    for thing in range(count):
        things.add(thing)
    things.add(-1)
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(thing for mine in got for thing in mine) == list(range(count))


def test_after_an_interrupt_what_waits_is_shown_and_what_comes_is_too() -> None:
    things = Things()
    drain = things.readiness._drain

    def interrupted() -> None:
        drain()
        things.readiness._drain = drain  # type: ignore[method-assign]
        raise KeyboardInterrupt

    things.readiness._drain = interrupted  # type: ignore[method-assign]
    things.add(1)
    with pytest.raises(KeyboardInterrupt):
        things.take()
    assert things.readable(), "it shows at most too much"
    drain()  # a second interrupt came before that byte was sent
    things.add(2)
    assert things.readable()
    assert things.take() == 2
    assert not things.readable()


def test_stays_readable_after_the_end() -> None:
    things = Things()
    things.readiness.end()
    things.readiness.end()
    for _ in range(3):
        assert things.readable()
        things.add(1)
        assert things.take() == 1
    assert things.readable()


def test_neither_end_waits() -> None:
    things = Things()
    assert not things.readiness._reader.getblocking()
    for _ in range(10_000):
        things.readiness._send()
    things.readiness.lowered()
    assert not things.readable()


def test_both_sockets_are_closed_with_it_and_without_a_warning() -> None:
    number = Readiness(bool).fileno()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    with pytest.raises(OSError) as caught:
        os.fstat(number)
    assert caught.value.errno == errno.EBADF


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_the_end_in_the_child_of_a_fork_is_not_that_of_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    things = Things()
    number = things.readiness.fileno()
    child = os.fork()
    if not child:
        try:
            things.readiness.end()
            things.readiness.lowered()
            os._exit(0 if things.readable() and things.readiness.fileno() == number else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert not things.readable()
    things.add(1)
    assert things.readable()

    def none_left() -> None:
        raise OSError(errno.EMFILE, "none left")

    monkeypatch.setattr(module, "pair", none_left)
    things.readiness._process -= 1
    assert things.take() == 1
    things.readiness.end()
    assert not things.readable(), "without a pair of its own the child leaves that of the parent alone"
