"""The share of the network thread that one peer's messages may take."""

from __future__ import annotations

import pytest

from bittorrent_threads.swarm.message_quota import MAX_EXCESS, RESERVE, SHARE, TOTAL_SHARE, Budget, MessageQuota


def spend(quota: MessageQuota, *, cost: float, now: float, seconds: float) -> float:
    """Charge as often as the quota lets the peer be read; returns what was taken in all."""
    taken, end = 0.0, now + seconds
    while now < end:
        quota.charge(cost, now)
        taken += cost
        now += max(quota.wait(now), cost)
    return taken


def test_a_peer_within_its_share_never_waits() -> None:
    quota = MessageQuota(Budget(), 0.0)
    for second in range(100):
        quota.charge(SHARE, float(second))
        assert quota.wait(float(second)) == 0.0
    assert not quota.exhausted(100.0)


def test_a_burst_is_paid_from_the_reserve() -> None:
    quota = MessageQuota(Budget(), 0.0)
    quota.charge(RESERVE, 0.0)
    assert quota.wait(0.0) == 0.0
    quota.charge(SHARE, 0.0)
    assert quota.wait(0.0) == pytest.approx(1.0)
    assert quota.wait(0.4) == pytest.approx(0.6)
    assert quota.wait(1.0) == 0.0


def test_the_reserve_is_bounded() -> None:
    quota = MessageQuota(Budget(), 0.0)
    quota.charge(RESERVE + SHARE, 1e6)
    assert quota.wait(1e6) == pytest.approx(1.0)


@pytest.mark.parametrize("cost", [1e-6, 0.002, 0.5])
def test_over_any_time_no_more_than_the_share_and_the_reserve_is_taken(cost: float) -> None:
    seconds = 3.0 if cost < 1e-3 else 20.0
    assert spend(MessageQuota(Budget(), 0.0), cost=cost, now=0.0, seconds=seconds) <= RESERVE + SHARE * seconds + cost


def test_many_peers_beyond_their_share_get_a_total_share_between_them() -> None:
    budget = Budget()
    quotas = [MessageQuota(budget, 0.0) for _ in range(50)]
    for quota in quotas:
        quota.charge(2 * RESERVE, 0.0)
    assert budget.over_share == 50
    assert quotas[0].wait(0.0) == pytest.approx(RESERVE / (TOTAL_SHARE / 50))
    for quota in quotas[1:]:
        quota.close()
    assert budget.over_share == 1
    assert quotas[0].wait(0.0) == pytest.approx(RESERVE / SHARE)


def test_a_peer_that_stays_beyond_its_share_is_exhausted_and_one_that_stops_is_not() -> None:
    flooder, burster = MessageQuota(Budget(), 0.0), MessageQuota(Budget(), 0.0)
    burster.charge(RESERVE + 4 * SHARE, 0.0)
    spend(flooder, cost=0.01, now=0.0, seconds=MAX_EXCESS - 1)
    assert not flooder.exhausted(MAX_EXCESS - 1)
    assert not burster.exhausted(MAX_EXCESS - 1)
    spend(flooder, cost=0.01, now=MAX_EXCESS - 1, seconds=2)
    assert burster.wait(MAX_EXCESS) == 0.0
    assert flooder.exhausted(MAX_EXCESS + 1)
    assert not burster.exhausted(MAX_EXCESS + 1)


def test_a_peer_that_leaves_is_no_debtor() -> None:
    budget = Budget()
    quota = MessageQuota(budget, 0.0)
    quota.charge(2 * RESERVE, 0.0)
    quota.close()
    quota.close()
    assert budget.over_share == 0
