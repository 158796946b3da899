"""Announces to one tracker come one after the other, and none is held back for long."""

from __future__ import annotations

from typing import Callable, List, Tuple

from bittorrent_threads.engine.announce_order import AnnounceOrder
from bittorrent_threads.testing.simulation.world import Event, World


class Place:
    """An ``AnnounceOrder`` in virtual time, and what it made: what, when, and with how many seconds."""

    def __init__(self) -> None:
        self.world = World(1)
        self.order = AnnounceOrder(self)
        self.made: List[Tuple[str, float, float]] = []

    def now(self) -> float:
        return self.world.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Event:
        return self.world.after(delay, callback)

    def add(self, what: str, timeout: float, key: str = "tracker") -> None:
        self.order.add(key, lambda left: self.made.append((what, self.world.now, left)), timeout)

    def ended(self, at: float) -> None:
        self.world.run(at)
        self.order.ended("tracker")


def test_where_nothing_is_under_way_an_announce_is_made_at_once() -> None:
    place = Place()
    place.add("started", 30.0)
    place.add("started", 30.0, key="another")
    place.ended(at=1.0)
    place.add("completed", 30.0)
    assert place.made == [("started", 0.0, 30.0), ("started", 0.0, 30.0), ("completed", 1.0, 30.0)]


def test_each_waits_for_the_one_before_it() -> None:
    place = Place()
    place.add("completed", 30.0)
    place.add("stopped", 3.0)
    place.add("started", 30.0)
    place.ended(at=1.0)
    assert place.made[1:] == [("stopped", 1.0, 2.0)]
    place.ended(at=2.0)
    assert place.made[2:] == [("started", 2.0, 28.0)]
    place.ended(at=3.0)
    place.world.run(100.0)
    assert len(place.made) == 3


def test_it_waits_for_half_of_its_time_at_most() -> None:
    place = Place()
    place.add("completed", 30.0)
    place.add("stopped", 3.0)
    place.world.run(2.0)
    assert place.made[1:] == [("stopped", 1.5, 1.5)]
    place.add("started", 30.0)
    place.ended(at=3.0)
    assert len(place.made) == 2, "the other is still under way"
    place.ended(at=4.0)
    assert place.made[2:] == [("started", 4.0, 28.0)]


def test_one_that_is_overdue_overtakes_none() -> None:
    place = Place()
    place.add("started", 30.0)
    place.add("", 30.0)
    place.add("stopped", 3.0)
    place.world.run(100.0)
    assert place.made[1:] == [("", 1.5, 28.5), ("stopped", 1.5, 1.5)]
