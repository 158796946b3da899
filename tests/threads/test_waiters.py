from __future__ import annotations

import threading
from typing import List

from bittorrent_threads.threads.waiters import Waiters


def test_wakes_every_latch_and_removes_it() -> None:
    waiters = Waiters()
    latches = [waiters.add() for _ in range(3)]
    assert waiters
    waiters.wake()
    assert not waiters
    assert all(latch.is_set for latch in latches)
    late = waiters.add()
    assert not late.is_set


def test_a_removed_latch_is_not_set() -> None:
    waiters = Waiters()
    first, second = waiters.add(), waiters.add()
    waiters.remove(first)
    waiters.wake()
    assert (first.is_set, second.is_set) == (False, True)
    waiters.remove(first)
    waiters.remove(second)


def test_a_latch_that_is_added_during_a_wake_waits_for_the_next() -> None:
    waiters = Waiters()
    again: List[object] = []

    class Eager(type(waiters.add())):  # type: ignore[misc]
        def set(self) -> None:
            super().set()
            again.append(waiters.add())

    waiters = Waiters()
    waiters._latches.append(Eager())
    waiters.wake()
    assert len(again) == 1
    assert waiters


def test_no_change_is_missed_between_threads() -> None:
    waiters, seen, count = Waiters(), [0], 2_000
    changes = [0]

    def follow() -> None:
        while seen[0] < count:
            latch = waiters.add()
            if changes[0] == seen[0]:
                assert latch.wait(30)
            waiters.remove(latch)
            seen[0] = changes[0]

    thread = threading.Thread(target=follow)
    thread.start()
    for _ in range(count):
        changes[0] += 1
        waiters.wake()
    thread.join(30)
    assert seen == [count]
    assert not waiters
