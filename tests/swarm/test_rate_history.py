from __future__ import annotations

from bittorrent_threads.swarm.rate_history import COARSE, FINE, PERIOD, RateHistory, Sample


def test_the_last_hour_is_kept_by_seconds() -> None:
    history = RateHistory()
    assert history.samples() == []
    for second in range(10):
        history.add(100.0 + second, second, 2.0 * second)
    assert history.samples() == [Sample(100.0 + second, second, 2.0 * second) for second in range(10)]


def test_what_is_older_is_kept_by_minutes() -> None:
    history = RateHistory()
    for second in range(3 * FINE):
        history.add(float(second), float(second // 60), 1.0)
    samples = history.samples()
    fine = samples[-FINE:]
    assert [sample.time for sample in fine] == [float(second) for second in range(2 * FINE, 3 * FINE)]
    coarse = samples[:-FINE]
    assert [sample.time for sample in coarse] == [minute * PERIOD for minute in range(2 * FINE // 60)]
    assert [sample.download_rate for sample in coarse] == [float(minute) for minute in range(2 * FINE // 60)]


def test_the_history_is_bounded() -> None:
    history = RateHistory()
    for minute in range(3 * COARSE + FINE):
        history.add(minute * PERIOD, 1.0, 1.0)
    assert len(history.samples()) <= COARSE + FINE
    assert len(history._coarse) < 2 * COARSE * 3
    assert len(history._fine) < 2 * FINE * 3
