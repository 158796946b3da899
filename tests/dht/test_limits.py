"""The limits: those of libtorrent are the default."""

from __future__ import annotations

from bittorrent_threads.dht.limits import Limits


def test_defaults() -> None:
    assert Limits() == Limits(upload_rate=8000, searches=16, torrents=2000, peers=500)
