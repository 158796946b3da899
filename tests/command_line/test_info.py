"""``info``: a summary for people, and everything as JSON."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.command import Run

from bittorrent_threads.testing.bencode import bencode

INFO = {
    "files": [{"length": 30_000, "path": ["a"]}, {"length": 5, "path": ["b", "c"]}],
    "name": "some",
    "piece length": 16384,
    "pieces": b"h" * 40,
    "private": 1,
    "source": "TRACKER",
}
OUTER = {
    "announce": "http://one.example/announce",
    "comment": "for you",
    "created by": "me",
    "creation date": 1_600_000_000,
    "nodes": [["router.example", 6881]],
    "url-list": ["http://seed.example/"],
}
INFOHASH = hashlib.sha1(bencode(INFO)).hexdigest()
SUMMARY = f"""\
name:       some
infohash:   {INFOHASH}
size:       29.3 KiB (30,005 bytes)
files:      2
pieces:     2 of 16.0 KiB
private:    yes: peers come from its trackers only
comment:    for you
created by: me
source:     TRACKER
created:    2020-09-13 12:26:40 UTC
tier 1:     http://one.example/announce
web seed:   http://seed.example/
DHT node:   router.example port 6881

          bytes  file
          30000  some/a
              5  some/b/c
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def torrent(tmp_path: Path) -> Path:
    path = tmp_path / "some.torrent"
    path.write_bytes(bencode({**OUTER, "info": INFO}))
    return path


def test_a_summary(run: Run, torrent: Path) -> None:
    assert run("info", torrent).out == SUMMARY


def test_everything_as_json(run: Run, torrent: Path) -> None:
    assert run("info", torrent, "--json").document == {
        "command": "info",
        "comment": "for you",
        "created_by": "me",
        "creation_date": 1_600_000_000,
        "error": None,
        "exit_code": 0,
        "files": [
            {"path": "some/a", "length": 30_000, "pad": False},
            {"path": "some/b/c", "length": 5, "pad": False},
        ],
        "info_size": len(bencode(INFO)),
        "infohash": INFOHASH,
        "infohash_v2": None,
        "multi_file": True,
        "name": "some",
        "nodes": [["router.example", 6881]],
        "piece_count": 2,
        "piece_length": 16384,
        "private": True,
        "source": "TRACKER",
        "total_size": 30_005,
        "trackers": [["http://one.example/announce"]],
        "web_seeds": ["http://seed.example/"],
    }


def test_both_infohashes_of_a_hybrid_torrent(run: Run, tmp_path: Path) -> None:
    info = {"length": 5, "name": "a", "piece length": 16384, "pieces": b"h" * 20, "meta version": 2}
    (tmp_path / "x").write_bytes(bencode({"info": info}))
    assert f"version 2:  {hashlib.sha256(bencode(info)).hexdigest()}\n" in run("info", tmp_path / "x").out
