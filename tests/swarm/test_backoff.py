"""Back-off: pauses double, and grow to what follows from the number of addresses known."""

from __future__ import annotations

import pytest

from bittorrent_threads.swarm.backoff import (
    LEAST_LONGEST,
    LONGEST_PAUSE,
    PAUSE_PER_ADDRESS,
    RECONNECT_PAUSE,
    RETRY_PAUSE,
    after_connection,
    after_dial,
    longest,
)


def test_pauses_double() -> None:
    assert [after_dial(failures, most=1e9) / RETRY_PAUSE for failures in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert [after_connection(failures, most=1e9) / RECONNECT_PAUSE for failures in (0, 1, 2, 3)] == [1, 2, 4, 8]


@pytest.mark.parametrize("failures", [10, 1000, 10**9])
def test_pauses_end_somewhere(failures: int) -> None:
    assert after_dial(failures, most=77.0) == after_connection(failures, most=77.0) == 77.0
    assert after_dial(failures, most=1e9) < 1e9


def test_where_few_are_known_and_needed_no_pause_is_long() -> None:
    assert longest(0, needed=True) == longest(1, needed=True) == LEAST_LONGEST
    assert longest(100, needed=True) == 100 * PAUSE_PER_ADDRESS
    assert longest(3000, needed=True) == LONGEST_PAUSE
    assert longest(1, needed=False) == LONGEST_PAUSE


@pytest.mark.parametrize("known", [1, 5, 10, 100, 500])
def test_however_many_are_known_dials_in_vain_are_few(known: int) -> None:
    assert known / longest(known, needed=True) <= max(1 / PAUSE_PER_ADDRESS, 1 / LEAST_LONGEST)
