"""The world: order, virtual time, limits and the digest."""

from __future__ import annotations

from typing import List

import pytest

from bittorrent_threads.testing.simulation.world import Stuck, World


def test_events_happen_in_order_of_time_and_then_of_asking() -> None:
    world = World()
    seen: List[str] = []
    for delay, name in [(2, "c"), (1, "a"), (1, "b"), (0, "first")]:
        world.after(delay, lambda name=name: seen.append(f"{name}{world.now:.0f}"))  # type: ignore[misc]
    world.run(10)
    assert seen == ["first0", "a1", "b1", "c2"]
    assert world.now == 10


def test_a_cancelled_event_does_not_happen_and_lets_no_later_one_happen_early() -> None:
    world = World()
    seen: List[str] = []
    world.after(1, lambda: seen.append("cancelled")).cancel()
    late = world.after(5, lambda: seen.append("late"))
    world.run(2)
    assert seen == []
    assert world.now == 2
    world.run(5)
    assert seen == ["late"]
    late.cancel()


def test_run_until_a_condition_stops_right_after_the_event_that_made_it_true() -> None:
    world = World()
    seen: List[float] = []
    for delay in range(5):
        world.after(delay, lambda: seen.append(world.now))
    world.run(lambda: len(seen) == 3)
    assert seen == [0, 1, 2]
    assert world.now == 2


def test_a_condition_that_never_holds_is_an_error_and_not_a_hang() -> None:
    world = World()
    with pytest.raises(Stuck, match="no event is left"):
        world.run(lambda: False)

    def again() -> None:
        world.after(1, again)

    again()
    with pytest.raises(Stuck, match="60 virtual seconds"):
        world.run(lambda: False, limit=60)
    with pytest.raises(Stuck, match="limit of"):
        world.run(lambda: False, limit_events=50)
    with pytest.raises(Stuck, match="limit of"):
        world.run(1e6, limit_events=50)


def test_the_digest_tells_runs_apart_by_what_happened_and_when() -> None:
    def digest(*notes: float) -> str:
        world = World()
        for delay in notes:
            world.after(delay, lambda: world.note("x"))
        world.run(100)
        return world.digest

    assert digest(1, 2) == digest(2, 1)
    assert len({digest(1, 2), digest(1, 3), digest(1), digest()}) == 4
