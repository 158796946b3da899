"""The torrent of most tests of the command line, its data, and runs of commands in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import CONTENT, Run

from bittorrent_threads.command_line import data_check


@pytest.fixture
def torrent(tmp_path: Path) -> Path:
    return CONTENT.write_torrent(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return CONTENT.write(tmp_path / "data")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(data_check, "LOOK_INTERVAL", 60.0)  # a check on a busy machine would show its progress
    return Run(capsys)
