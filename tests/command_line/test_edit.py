"""``edit``: a .torrent file is changed, its infohash is not, and what would change it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import pytest
from support.command import Run

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import SampleTorrent

SAMPLE = SampleTorrent({"a": 20_000, "b/c": 5}, name="some")
OLD = ["http://one.example/announce"], ["http://two.example/announce"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def torrent(tmp_path: Path) -> Path:
    return SAMPLE.write_torrent(tmp_path, *OLD)


@pytest.mark.parametrize(
    ("options", "trackers"),
    [
        (["--tracker", "http://a/", "--tracker", "udp://b:1"], (("http://a/",), ("udp://b:1",))),
        (["--no-trackers"], ()),
        (["--no-trackers", "--add-tracker", "http://a/"], (("http://a/",),)),
        (["--add-tracker", "http://a/"], (*map(tuple, OLD), ("http://a/",))),
        (["--remove-tracker", OLD[0][0]], (tuple(OLD[1]),)),
        (["--remove-tracker", OLD[0][0], "--remove-tracker", OLD[1][0]], ()),
    ],
)
def test_trackers(run: Run, torrent: Path, options: List[str], trackers: Any) -> None:
    ran = run("edit", torrent, *options, "--json")
    assert (ran.code, ran.document["changed"]) == (0, ["trackers"])
    assert ran.document["infohash"] == SAMPLE.infohash.hex()
    found = bt.Metainfo.load(torrent)
    assert (found.trackers, found.infohash) == (trackers, SAMPLE.infohash)


def test_another_file_is_written(run: Run, torrent: Path, tmp_path: Path) -> None:
    before = torrent.read_bytes()
    output = tmp_path / "new.torrent"
    ran = run("edit", torrent, "--comment", "ours", "--web-seed", "http://seed/", "-o", output)
    assert ran.out == f"{output}: changed web seeds, comment; the infohash is still {SAMPLE.infohash.hex()}\n"
    assert torrent.read_bytes() == before
    found = bt.Metainfo.load(output)
    assert (found.comment, found.web_seeds, len(found.trackers)) == ("ours", ("http://seed/",), 2)
    ran = run("edit", output, "--comment", "", "--no-web-seeds", "--json")
    assert ran.document["changed"] == ["web_seeds", "comment"]
    found = bt.Metainfo.load(output)
    assert (found.comment, found.web_seeds) == (None, ())
    assert "changed nothing, all was so before" in run("edit", output, "--no-web-seeds").out


@pytest.mark.parametrize("option", [["--source", "x"], ["--name", "x"], ["--piece-length", "32Ki"], ["--private"]])
def test_what_the_infohash_is_the_hash_of_is_refused(run: Run, torrent: Path, option: List[str]) -> None:
    before = torrent.read_bytes()
    ran = run("edit", torrent, "--comment", "x", *option)
    assert ran.code == 2
    assert ran.err.endswith(
        f"error: {option[0]} is part of what the infohash is the hash of: make a new torrent with create {option[0]}\n"
    )
    assert torrent.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "edit: there is nothing to change: give a tracker, a web seed or a comment"),
        (["--remove-tracker", "http://x/"], "--remove-tracker: http://x/ is no tracker of the torrent"),
        (["--add-tracker", "nothing"], "--add-tracker: 'nothing' is no URL of http, https, udp that could be used"),
        (["--web-seed", "udp://x:1"], "--web-seed: 'udp://x:1' is no URL of http, https that could be used"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, torrent: Path, options: List[str], reason: str) -> None:
    ran = run("edit", torrent, *options)
    assert (ran.code, ran.out, ran.err) == (2, "", f"bittorrent-threads: {reason}\n")


def test_a_file_that_is_none(run: Run, tmp_path: Path) -> None:
    ran = run("edit", tmp_path / "x", "--comment", "x")
    assert (ran.code, ran.err) == (5, f"bittorrent-threads: {tmp_path / 'x'}: No such file or directory\n")
