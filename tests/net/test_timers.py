from __future__ import annotations

import random
from typing import List

from bittorrent_threads.net.timers import Timer, Timers


def fire(timers: Timers, now: float) -> None:
    for call in timers.due(now):
        call()


def test_fires_in_order_of_time_then_of_making() -> None:
    timers = Timers()
    fired: List[str] = []
    for when, name in [(3.0, "d"), (1.0, "a"), (2.0, "b"), (2.0, "c")]:
        timers.add(when, lambda name=name: fired.append(name))  # type: ignore[misc]
    assert timers.next_due() == 1.0
    fire(timers, 0.5)
    assert fired == []
    fire(timers, 2.0)
    assert fired == ["a", "b", "c"]
    assert timers.next_due() == 3.0
    fire(timers, 10.0)
    assert fired == ["a", "b", "c", "d"]
    assert timers.next_due() is None


def test_a_cancelled_timer_does_not_fire_and_may_be_cancelled_again() -> None:
    timers = Timers()
    fired: List[int] = []
    first = timers.add(1.0, lambda: fired.append(1))
    second = timers.add(2.0, lambda: fired.append(2))
    first.cancel()
    first.cancel()
    assert not first.active
    assert timers.next_due() == 2.0
    fire(timers, 5.0)
    second.cancel()
    assert fired == [2]
    assert not second.active


def test_one_due_timer_may_cancel_another() -> None:
    timers = Timers()
    fired: List[int] = []
    later: List[Timer] = []
    timers.add(1.0, lambda: later[0].cancel())
    later.append(timers.add(1.0, lambda: fired.append(1)))
    fire(timers, 1.0)
    assert fired == []


def test_a_timer_made_by_a_due_one_waits_for_the_next_time() -> None:
    timers = Timers()
    fired: List[float] = []

    def again() -> None:
        fired.append(1)
        timers.add(0.0, again)

    timers.add(0.0, again)
    fire(timers, 1.0)
    assert len(fired) == 1
    fire(timers, 1.0)
    assert len(fired) == 2


def test_cancelled_timers_cannot_pile_up() -> None:
    timers = Timers()
    kept = timers.add(1e9, lambda: None)
    for when in range(100_000):
        timers.add(1e6 + when, lambda: None).cancel()
        assert len(timers) < 200
    assert timers.next_due() == 1e9
    assert kept.active


def test_against_a_sorted_list() -> None:
    chance = random.Random(1)
    timers = Timers()
    fired: List[int] = []
    expected = []
    made: List[Timer] = []
    for number in range(2000):
        when = chance.randrange(50) / 10
        made.append(timers.add(when, lambda number=number: fired.append(number)))  # type: ignore[misc]
        expected.append((when, number))
    cancelled = set(chance.sample(range(2000), 1500))
    for number in cancelled:
        made[number].cancel()
    for tenth in range(60):
        fire(timers, tenth / 10)
    assert fired == [number for _, number in sorted(expected) if number not in cancelled]
    assert len(timers) == 0
