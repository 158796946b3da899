"""``swarm``: N clients by one call, which share everything."""

from __future__ import annotations

from pathlib import Path

import pytest

import bittorrent_threads as bt
from bittorrent_threads.testing import SampleTorrent, no_leaks, quiet_settings, swarm

SAMPLE = SampleTorrent({"a.bin": 100_000, "b": 5})


def test_everybody_gets_everything(tmp_path: Path) -> None:
    with no_leaks(), swarm(5, SAMPLE, seeds=2, folder=tmp_path) as group:
        assert (len(group.seeders), len(group.downloaders)) == (2, 3)
        assert len(set(group.addresses)) == 5
        group.wait()
        assert group.differences() == []
        assert {announced.event for announced in group.tracker.announces} >= {"started"}
        bt.download(group.metainfo, tmp_path / "late", settings=quiet_settings(), timeout=30)
    assert SAMPLE.differences(tmp_path / "late") == []
    assert SAMPLE.differences(tmp_path / "downloader-0") == []


def test_downloaders_alone_wait_for_a_seed(tmp_path: Path) -> None:
    with swarm(2, SAMPLE, seeds=0, download_limit=50_000) as group:
        with pytest.raises(bt.WaitTimeout):
            group.wait(timeout=0.3)
        assert len(group.differences()) >= 2


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="a swarm of 2 clients cannot have 3 seeds"), swarm(2, seeds=3):
        pass
