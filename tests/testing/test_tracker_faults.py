"""The script of a tracker's faults: in order, one for each request, and what lasts comes last."""

from __future__ import annotations

import pytest

from bittorrent_threads.testing.tracker_faults import FAIL, GARBLE, LOSE, Fault, TrackerFaults


def test_faults_are_used_up_in_their_order() -> None:
    faults = TrackerFaults()
    faults.add(Fault(LOSE), 2)
    faults.add(Fault(GARBLE), None)
    faults.add(Fault(FAIL, reason="no"), 1)
    assert [faults.take().kind for _ in range(5)] == [LOSE, LOSE, FAIL, GARBLE, GARBLE]
    faults.clear()
    assert faults.take() == Fault()
    assert faults.requests == 6


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        TrackerFaults().add(Fault(LOSE), count)
