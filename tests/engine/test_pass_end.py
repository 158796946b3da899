"""The end of a pass: the steps in their order, once, however often it was asked for."""

from __future__ import annotations

from typing import Callable, List

from bittorrent_threads.engine.pass_end import PassEnd


def test_the_steps_are_taken_in_order_once_a_pass() -> None:
    deferred: List[Callable[[], None]] = []
    taken: List[str] = []
    end = PassEnd(deferred.append)
    end.steps = [lambda: taken.append("save"), lambda: taken.append("settle")]
    end.schedule()
    end.schedule()
    assert taken == []
    assert len(deferred) == 1
    deferred.pop()()
    assert taken == ["save", "settle"]
    end.schedule()
    deferred.pop()()
    assert taken == ["save", "settle"] * 2


def test_what_a_step_asks_for_is_done_in_the_next_pass() -> None:
    deferred: List[Callable[[], None]] = []
    end = PassEnd(deferred.append)
    end.steps = [end.schedule]
    end.schedule()
    deferred.pop()()
    assert len(deferred) == 1
