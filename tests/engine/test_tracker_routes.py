"""Which address families of a tracker are used, and over which it knows us."""

from __future__ import annotations

from bittorrent_threads.engine.interfaces.tracker_client import Endpoint
from bittorrent_threads.engine.tracker_routes import UNAVAILABLE_PAUSE, TrackerRoutes

FOUR, SIX = Endpoint(4, ""), Endpoint(6, "")
BOTH = (FOUR, SIX)


def test_a_route_that_cannot_be_had_is_left_out_for_a_while_unless_all_are() -> None:
    routes = TrackerRoutes()
    routes.failed(("t", 6), 0.0, unavailable=True)
    assert routes.usable("t", BOTH, 1.0) == [FOUR]
    assert routes.usable("u", BOTH, 1.0) == [FOUR, SIX]
    assert routes.usable("t", BOTH, UNAVAILABLE_PAUSE) == [FOUR, SIX]
    routes.failed(("t", 4), 0.0, unavailable=True)
    assert routes.usable("t", BOTH, 1.0) == [FOUR, SIX]
    routes.failed(("u", 4), 0.0, unavailable=True)
    routes.forgive()
    assert routes.usable("u", BOTH, 1.0) == [FOUR, SIX]


def test_a_tracker_is_left_over_the_routes_over_which_it_may_know_us() -> None:
    routes = TrackerRoutes()
    for family in (4, 6):
        routes.announced(("t", family))
    assert not routes.registered(("t", 4))
    routes.succeeded(("t", 4))
    routes.failed(("t", 6), 0.0, unavailable=False)
    assert routes.registered(("t", 4))
    assert routes.leave("t", BOTH) == [FOUR]
    assert not routes.registered(("t", 4))
    routes.succeeded(("t", 4))
    assert not routes.registered(("t", 4)), "a late answer registers nobody who has left"
    assert routes.leave("t", BOTH) == [FOUR, SIX]


def test_a_failure_does_not_end_an_earlier_success() -> None:
    routes = TrackerRoutes()
    routes.announced(("t", 4))
    routes.succeeded(("t", 4))
    routes.announced(("t", 4))
    routes.failed(("t", 4), 0.0, unavailable=False)
    assert routes.registered(("t", 4))
    routes.forget()
    assert not routes.registered(("t", 4))
