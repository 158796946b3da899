from __future__ import annotations

import threading
from typing import List

import pytest

from bittorrent_threads.threads.latch import Latch


def test_every_wait_ends_once_it_is_set() -> None:
    latch = Latch()
    passed: List[bool] = []
    threads = [threading.Thread(target=lambda: passed.append(latch.wait(30))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert not latch.is_set
    latch.set()
    latch.set()
    for thread in threads:
        thread.join()
    assert passed == [True] * 5
    assert latch.is_set
    assert latch.wait(0)


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_waits_no_longer_than_it_may(timeout: float) -> None:
    assert not Latch().wait(timeout)


def test_waits_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bittorrent_threads.threads.latch.SLICE", 0.001)
    latch = Latch()
    slices: List[float] = []

    class Lock:
        def acquire(self, timeout: float) -> bool:
            slices.append(timeout)
            if len(slices) == 3:
                latch.set()
            return False

        def release(self) -> None:
            pass

    latch._lock = Lock()
    assert latch.wait()
    assert slices == [0.001] * 3


def test_a_wait_that_was_interrupted_with_the_lock_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bittorrent_threads.threads.latch.SLICE", 0.001)
    latch = Latch()
    waiting = threading.Thread(target=latch.wait)
    waiting.start()
    latch._is_set = True  # set, and an interrupted thread still holds the lock
    waiting.join(30)
    assert not waiting.is_alive()
    assert latch._lock.locked()
    assert latch.wait()


def test_two_threads_may_set_it_at_once() -> None:
    latch = Latch()
    latch._is_set = True  # as far as one of two threads has come
    latch._release()
    latch._release()
    assert latch.wait(0)
