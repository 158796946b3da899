"""What a stop still waits for."""

from __future__ import annotations

from typing import List

from bittorrent_threads.engine.wait_group import WaitGroup


def test_nothing_expected_is_over_at_once() -> None:
    called: List[int] = []
    WaitGroup().when_over(lambda: called.append(1))
    assert called == [1]


def test_it_is_over_with_the_last_answer() -> None:
    wait_group = WaitGroup()
    called: List[int] = []
    wait_group.expect()
    wait_group.expect()
    wait_group.when_over(lambda: called.append(1))
    wait_group.when_over(lambda: called.append(2))
    wait_group.answered()
    assert called == []
    wait_group.answered()
    assert called == [1, 2]


def test_each_caller_is_called_once_over_several_stops() -> None:
    wait_group = WaitGroup()
    called: List[int] = []
    for number in (1, 2):
        wait_group.expect()
        wait_group.when_over(lambda number=number: called.append(number))  # type: ignore[misc]
        wait_group.answered()
    assert called == [1, 2]


def test_who_waits_may_expect_more() -> None:
    wait_group = WaitGroup()
    called: List[str] = []

    def again() -> None:
        called.append("once")
        wait_group.expect()
        wait_group.when_over(lambda: called.append("twice"))

    wait_group.expect()
    wait_group.when_over(again)
    wait_group.answered()
    assert called == ["once"]
    wait_group.answered()
    assert called == ["once", "twice"]
