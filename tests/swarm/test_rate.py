"""Rate: right for steady streams, tame at the start, zero after silence."""

from __future__ import annotations

import random

import pytest

from bittorrent_threads.swarm.rate import LEAST, SILENCE, Rate

MB = 1_000_000


def stream(rate: Rate, *, speed: float, every: float, start: float, seconds: float) -> float:
    """Feed batches of ``speed`` bytes a second; returns the time of the last."""
    now = start
    for number in range(int(seconds / every) + 1):
        now = start + number * every
        rate.add(int(speed * every), now)
    return now


def test_nothing_came() -> None:
    assert Rate().value(0.0) == 0.0
    assert Rate().value(1e9) == 0.0


@pytest.mark.parametrize("every", [0.001, 0.05, 0.25, 1.0])
@pytest.mark.parametrize("start", [0.0, 5.0, 1e7])
def test_steady_stream_is_right_after_three_seconds(every: float, start: float) -> None:
    rate = Rate()
    now = stream(rate, speed=MB, every=every, start=start, seconds=3.0)
    assert rate.value(now) == pytest.approx(MB, rel=0.03)
    now = stream(rate, speed=MB, every=every, start=now + every, seconds=60.0)
    assert rate.value(now) == pytest.approx(MB, rel=0.01)


def test_jittery_stream_is_right_after_three_seconds() -> None:
    chance = random.Random(5)
    for _ in range(20):
        rate, now = Rate(), 100.0
        last = now
        while now < 104.0:
            rate.add(int((now - last) * MB) or 1, now)
            last, now = now, now + chance.uniform(0.001, 0.2)
        assert rate.value(last) == pytest.approx(MB, rel=0.05)


def test_first_batch_counts_as_what_a_second_brings() -> None:
    rate = Rate()
    rate.add(MB, 50.0)
    assert 0.9 * MB < rate.value(50.0) < 1.2 * MB
    rate.add(MB, 50.0)
    assert 1.8 * MB < rate.value(50.0) < 2.4 * MB
    rate.add(MB, 50.0001)
    assert rate.value(50.0001) < 3.6 * MB


def test_first_second_rises_to_the_rate_and_not_above() -> None:
    rate, values = Rate(), []
    for number in range(101):
        now = 7.0 + number / 100
        rate.add(MB // 100, now)
        values.append(rate.value(now))
    assert all(after > before * 0.9999 for before, after in zip(values, values[1:]))
    assert max(values) < 1.02 * MB
    assert values[50] > 0.45 * MB
    assert values[-1] == pytest.approx(MB, rel=0.02)


def test_follows_a_change() -> None:
    rate = Rate()
    now = stream(rate, speed=MB, every=0.1, start=0.0, seconds=30.0)
    now = stream(rate, speed=5 * MB, every=0.1, start=now + 0.1, seconds=5.0)
    assert rate.value(now) > 3.5 * MB
    now = stream(rate, speed=5 * MB, every=0.1, start=now + 0.1, seconds=10.0)
    assert rate.value(now) == pytest.approx(5 * MB, rel=0.05)


def test_falls_by_itself_to_zero() -> None:
    rate = Rate()
    now = stream(rate, speed=MB, every=0.1, start=0.0, seconds=30.0)
    values = [rate.value(now + wait) for wait in range(int(SILENCE) + 2)]
    assert values == sorted(values, reverse=True)
    assert values[5] < 0.3 * MB
    assert values[15] < 0.03 * MB
    assert values[-1] == 0.0


def test_asking_changes_nothing() -> None:
    asked, silent = Rate(), Rate()
    for number in range(50):
        for rate in (asked, silent):
            rate.add(1000, number * 0.3)
        asked.value(number * 0.3 + 0.2)
    assert asked.value(20.0) == silent.value(20.0)


def test_a_new_stream_begins_after_silence() -> None:
    rate = Rate()
    now = stream(rate, speed=5 * MB, every=0.1, start=0.0, seconds=30.0)
    now = stream(rate, speed=MB, every=0.1, start=now + SILENCE + LEAST, seconds=3.0)
    assert rate.value(now) == pytest.approx(MB, rel=0.03)
