"""The budget of bytes: queries have half of it for themselves."""

from __future__ import annotations

import pytest

from bittorrent_threads.dht.send_budget import BURST, ROOM, SendBudget

RATE = 8000
NOW = 1000.0


def test_answers_leave_half_of_it() -> None:
    budget = SendBudget(RATE, NOW)
    sent = 0
    while budget.answer_ready(NOW):
        budget.take(500)
        sent += 500
    assert RATE * BURST / 2 - ROOM <= sent <= RATE * BURST / 2
    assert budget.query_ready(NOW)
    assert budget.query_ready_at <= NOW + 0.01


def test_queries_may_take_all_of_it_and_then_wait() -> None:
    budget = SendBudget(RATE, NOW)
    sent = 0
    while budget.query_ready(NOW):
        budget.take(100)
        sent += 100
    assert RATE * BURST - ROOM <= sent <= RATE * BURST
    at = budget.query_ready_at
    assert NOW < at < NOW + 1
    assert budget.query_ready(at), "the time that is promised is late enough"


def test_over_time_it_is_the_rate() -> None:
    budget = SendBudget(RATE, NOW)
    sent = 0
    for tick in range(1000):
        now = NOW + tick / 10
        while budget.answer_ready(now):
            budget.take(900)
            sent += 900
    assert sent == pytest.approx(RATE * 100, rel=0.02)


def test_a_clock_that_stands_still_gives_nothing() -> None:
    budget = SendBudget(RATE, NOW)
    while budget.query_ready(NOW):
        budget.take(1000)
    assert not budget.query_ready(NOW - 5)
    assert not budget.query_ready(NOW)
