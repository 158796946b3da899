"""Where a new .torrent is written: checked before anything is hashed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bittorrent_threads.disk.torrent_output import TorrentOutput
from bittorrent_threads.errors import SettingsError, StorageError


def test_a_path_that_can_be_written(tmp_path: Path) -> None:
    content = str(tmp_path / "content")
    assert TorrentOutput(tmp_path / "x.torrent", content).path == str(tmp_path / "x.torrent")
    os.mkfifo(tmp_path / "pipe")
    assert TorrentOutput(tmp_path / "pipe", content).path == str(tmp_path / "pipe")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe"]


def test_paths_that_cannot(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_text("content")
    places = {tmp_path: "is a folder: give the name of a file", tmp_path / "no" / "x": "there is no folder"}
    for place, reason in places.items():
        with pytest.raises(StorageError, match=reason) as caught:
            TorrentOutput(place, str(content))
        assert caught.value.path == str(place)
    (tmp_path / "link").symlink_to(content)
    with pytest.raises(SettingsError, match="output: .* is the file that the torrent would be made of"):
        TorrentOutput(tmp_path / "link", str(content))
