"""What a stop still waits for."""

from __future__ import annotations

from typing import List

from bittorrent_threads.engine.farewell import Farewell


def test_nothing_expected_is_over_at_once() -> None:
    called: List[int] = []
    Farewell().when_over(lambda: called.append(1))
    assert called == [1]


def test_it_is_over_with_the_last_answer() -> None:
    farewell = Farewell()
    called: List[int] = []
    farewell.expect()
    farewell.expect()
    farewell.when_over(lambda: called.append(1))
    farewell.when_over(lambda: called.append(2))
    farewell.answered()
    assert called == []
    farewell.answered()
    assert called == [1, 2]


def test_each_caller_is_called_once_over_several_stops() -> None:
    farewell = Farewell()
    called: List[int] = []
    for number in (1, 2):
        farewell.expect()
        farewell.when_over(lambda number=number: called.append(number))  # type: ignore[misc]
        farewell.answered()
    assert called == [1, 2]


def test_who_waits_may_expect_more() -> None:
    farewell = Farewell()
    called: List[str] = []

    def again() -> None:
        called.append("once")
        farewell.expect()
        farewell.when_over(lambda: called.append("twice"))

    farewell.expect()
    farewell.when_over(again)
    farewell.answered()
    assert called == ["once"]
    farewell.answered()
    assert called == ["once", "twice"]
