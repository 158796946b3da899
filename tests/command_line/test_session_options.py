"""What the options of a command mean for a session."""

from __future__ import annotations

from pathlib import Path

import pytest

import bittorrent_threads as bt
from bittorrent_threads.command_line.console import Console
from bittorrent_threads.command_line.parser import parser
from bittorrent_threads.command_line.session_options import load_filter, settings_of


def test_without_options_the_settings_are_the_defaults() -> None:
    for command in ("download", "seed", "stream"):
        assert settings_of(parser().parse_args([command, "x.torrent"])) == bt.Settings()


def test_each_option_is_a_setting() -> None:
    options = ["--port", "7000", "--names", "native", "--no-dht", "--no-pex", "--no-lsd", "--dht-state", "nodes"]
    options += ["--download-limit", "5K", "--upload-limit", "6K", "--max-metainfo-size", "1Mi"]
    options += ["--dht-node", "router.example:1"]
    settings = settings_of(parser().parse_args(["download", "x.torrent", *options]))
    assert settings == bt.Settings(
        port=7000,
        port_strict=True,
        names="native",
        dht=False,
        pex=False,
        local_discovery=False,
        dht_state="nodes",
        download_limit=5000,
        upload_limit=6000,
        max_metainfo_size=2**20,
        dht_routers=(("router.example", 1), *bt.Settings().dht_routers),
    )


def test_lines_of_a_blocklist_that_cannot_be_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.0/24\nnonsense\n198.51.100.0/24\n")
    with bt.Session() as session:
        load_filter(session, [str(path)], Console(as_json=False))
        assert "192.0.2.7" in session.ip_filter
        assert "203.0.113.1" not in session.ip_filter
    assert "skipped 1 line of" in capsys.readouterr().err
