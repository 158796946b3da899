"""Temporary torrents: there inside the block, gone after it."""

from __future__ import annotations

import bittorrent_threads as bt
from bittorrent_threads.testing import quiet_settings, temporary_torrent


def test_a_client_seeds_it_and_nothing_is_left() -> None:
    with temporary_torrent({"a.bin": 40_000, "b": 1}, trackers=["http://127.0.0.1:1/announce"]) as torrent:
        assert torrent.sample.differences(torrent.data) == []
        assert len(torrent.differences()) == 2
        assert bt.Metainfo.load(torrent.path).trackers == (("http://127.0.0.1:1/announce",),)
        with bt.Client(torrent.path, torrent.data, settings=quiet_settings(), state="stopped") as client:
            client.hashcheck()
            assert client.seed
            assert client.infohash == torrent.infohash
    assert not torrent.path.parent.exists()
