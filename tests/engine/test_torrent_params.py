"""What a torrent is added with: the defaults are those of a client, and the parts of the torrent get the fields."""

from __future__ import annotations

import inspect

import pytest
from support.bench import Bench, torrent_of

from bittorrent_threads import Client
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.errors import StateError


def test_the_defaults_are_those_of_a_client() -> None:
    defaults = {name: each.default for name, each in inspect.signature(Client).parameters.items()}
    defaults["allocation"] = defaults.pop("allocate")
    fields = {name: value for name, value in TorrentParams._field_defaults.items() if name in defaults}
    assert set(TorrentParams._fields) - set(fields) == {"basedir", "resume_dir", "origin"}
    assert fields == {name: defaults[name] for name in fields}


def test_the_parts_of_the_torrent_get_the_fields() -> None:
    bench = Bench()
    limits = {"download_limit": 1_000_000, "upload_limit": 2_000_000}
    content = torrent_of(seed=9)
    bench.disk.hold(content)
    torrent = bench.add(content, trackers=[["http://tracker.example/announce"]], origin="here", **limits)
    assert (torrent.limits.read_throttle.rate, torrent.limits.write_throttle.rate) == (1_000_000, 2_000_000)
    assert [tracker.url for tracker in torrent.status.trackers] == ["http://tracker.example/announce"]
    assert torrent.content.paths.basedir == "downloads"
    with pytest.raises(StateError, match="by the client made at here"):
        bench.add(content)
