"""Rates from totals: what came and went since the last look."""

from __future__ import annotations

import pytest

from bittorrent_threads.engine.transfer_rates import TransferRates


class Totals:
    downloaded = 0
    uploaded = 0


def test_rates_follow_the_totals_and_end_with_them() -> None:
    totals = Totals()
    rates = TransferRates(totals)
    for second in range(1, 21):
        totals.downloaded += 1000
        totals.uploaded += 300
        rates.look()
        assert rates.receiving
        assert rates.sending
        rates.add(float(second))
    assert rates.download(20.0) == pytest.approx(1000, rel=0.2)
    assert rates.upload(20.0) == pytest.approx(300, rel=0.2)
    rates.look()
    assert not rates.receiving
    assert not rates.sending
    rates.add(21.0)
    assert rates.download(200.0) == rates.upload(200.0) == 0


def test_a_stop_forgets_the_rates_and_counts_nothing_twice() -> None:
    totals = Totals()
    rates = TransferRates(totals)
    totals.downloaded = 5000
    rates.look()
    rates.add(1.0)
    rates.reset()
    assert (rates.download(1.0), rates.receiving) == (0, False)
    rates.look()
    assert not rates.receiving
