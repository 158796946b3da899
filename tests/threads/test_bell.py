from __future__ import annotations

import threading
from typing import List

from bittorrent_threads.threads.bell import Bell


def test_wakes_all_who_have_entered_and_forgets_them() -> None:
    bell = Bell()
    latches = [bell.enter() for _ in range(3)]
    assert bell
    bell.ring()
    assert not bell
    assert all(latch.is_set for latch in latches)
    late = bell.enter()
    assert not late.is_set


def test_who_leaves_is_not_woken() -> None:
    bell = Bell()
    first, second = bell.enter(), bell.enter()
    bell.leave(first)
    bell.ring()
    assert (first.is_set, second.is_set) == (False, True)
    bell.leave(first)
    bell.leave(second)


def test_who_enters_while_it_rings_waits_for_the_next() -> None:
    bell = Bell()
    again: List[object] = []

    class Eager(type(bell.enter())):  # type: ignore[misc]
        def set(self) -> None:
            super().set()
            again.append(bell.enter())

    bell = Bell()
    bell._waiting.append(Eager())
    bell.ring()
    assert len(again) == 1 and bell


def test_no_change_is_missed_between_threads() -> None:
    bell, seen, count = Bell(), [0], 2_000
    changes = [0]

    def follow() -> None:
        while seen[0] < count:
            latch = bell.enter()
            if changes[0] == seen[0]:
                assert latch.wait(30)
            bell.leave(latch)
            seen[0] = changes[0]

    thread = threading.Thread(target=follow)
    thread.start()
    for _ in range(count):
        changes[0] += 1
        bell.ring()
    thread.join(30)
    assert seen == [count] and not bell
