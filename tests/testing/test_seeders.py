"""``seeder``: it has all, is quiet, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import bittorrent_threads as bt
from bittorrent_threads.testing import SampleTorrent, no_leaks, quiet_settings, seeder

SAMPLE = SampleTorrent({"a.bin": 100_000, "b": 5})


def test_it_seeds_and_its_folder_is_deleted(tmp_path: Path) -> None:
    with no_leaks():
        with seeder(SAMPLE) as seed:
            folder = Path(seed.files[0].path).parent.parent
            assert folder.is_dir()
            assert seed.status().dht.state == "unused"
            peers = [("127.0.0.1", seed.port)]
            bt.download(SAMPLE.metainfo(), tmp_path, peers=peers, settings=quiet_settings(), timeout=30)
        assert not folder.exists()
    assert SAMPLE.differences(tmp_path) == []


def test_a_folder_and_options_can_be_given(tmp_path: Path) -> None:
    with seeder(SAMPLE, folder=tmp_path, upload_limit=5000) as seed:
        assert seed.seed
        assert SAMPLE.differences(tmp_path) == []
    assert SAMPLE.differences(tmp_path) == []


def test_there_is_a_sample_without_any_argument() -> None:
    with seeder() as seed:
        assert seed.infohash == SampleTorrent().infohash
