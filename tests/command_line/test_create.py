"""``create``: what it says of the torrent that it made."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Run

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import SampleTorrent

SAMPLE = SampleTorrent({".hidden/x": 5, "a": 70_000, "b/.c": 5, "b/c": 5}, name="some")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def test_the_piece_length_is_explained(run: Run, tmp_path: Path) -> None:
    SAMPLE.write(tmp_path)
    output = tmp_path / "x.torrent"
    ran = run("create", tmp_path / "some", "-o", output)
    infohash = bt.Metainfo.load(output).infohash.hex()
    assert ran.out == (
        f"{output}: 68.4 KiB in 4 files, 5 pieces of 16.0 KiB, {infohash}\n"
        "pieces of 16.0 KiB: the shortest there is, as the data is small\n"
    )
    ran = run("create", tmp_path / "some", "-o", output, "--piece-length", "1Mi", "--json")
    assert (ran.document["piece_length"], ran.document["piece_length_reason"]) == (2**20, "as --piece-length says")


def test_hidden_files_name_and_threads(run: Run, tmp_path: Path) -> None:
    SAMPLE.write(tmp_path)
    options = ["--no-hidden", "--name", "other", "--threads", "1", "--source", "TRACKER"]
    ran = run("create", tmp_path / "some", "-o", tmp_path / "x.torrent", *options, "--json")
    assert [file["path"] for file in ran.document["files"]] == ["other/a", "other/b/c"]
    assert ran.document["source"] == "TRACKER"
    for number in ("0", "65", "two"):
        ran = run("create", tmp_path / "some", "-o", tmp_path / "x.torrent", "--threads", number)
        assert ran.code == 2
        assert f"argument --threads: '{number}' is not a number from 1 to 64" in ran.err


def test_progress_is_in_bytes(run: Run, tmp_path: Path) -> None:
    SAMPLE.write(tmp_path)
    ran = run("create", tmp_path / "some", "-o", tmp_path / "x.torrent")
    assert ran.err == f"{tmp_path / 'some'}: hashed 68.4 KiB of 68.4 KiB\n"
