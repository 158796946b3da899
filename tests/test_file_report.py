"""What a hash check says of each file: pieces that several files share accuse none of them for sure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Tuple

import pytest
from support.pairs import LOCAL

import bittorrent_threads as bt
from bittorrent_threads.errors import StorageError
from bittorrent_threads.file_report import file_reports, summary
from bittorrent_threads.testing.sample_torrent import SampleTorrent

# Pieces of 16 KiB: a has 0-2, b 2-3 (all of it in pieces of a and d), empty none, c 3, d 3-5.
CONTENT = SampleTorrent({"a": 40_000, "b": 10_000, "empty": 0, "c": 5, "d": 40_000}, piece_length=16384, name="t")


def put(root: Path, name: str, at: int) -> None:
    with (root / "t" / name).open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def reported(root: Path) -> Dict[str, Tuple[str, str]]:
    with bt.Client(CONTENT.metainfo(), root, state="stopped", settings=LOCAL, resume=False) as client:
        reports = file_reports(client, client.hashcheck())
    assert [report.name for report in reports] == [f"t/{name}" for name, _ in CONTENT.files]
    return {report.name[2:]: (report.state, report.reason) for report in reports if report.reason != "is right"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return CONTENT.write(tmp_path)


def test_all_is_right(root: Path) -> None:
    assert reported(root) == {}


def test_a_piece_of_one_file_is_wrong(root: Path) -> None:
    put(root, "a", 3)
    assert reported(root) == {"a": ("wrong", "is wrong in 1 of 3 pieces")}


def test_only_a_shared_piece_is_wrong(root: Path) -> None:
    put(root, "b", 3)
    assert reported(root) == {
        "a": ("unsure", "is wrong, or t/b is, which shares the failed piece"),
        "b": ("unsure", "is wrong, or t/a is, which shares the failed piece"),
    }


def test_a_neighbour_of_what_is_missing_may_be_right(root: Path) -> None:
    (root / "t" / "d").unlink()
    reports = reported(root)
    shares = "shares a failed piece with t/d, which is missing"
    assert reports == {"b": ("unsure", shares), "c": ("unsure", shares), "d": ("missing", "is missing")}


def test_short_and_long_and_empty_files(root: Path) -> None:
    os.truncate(root / "t" / "d", 39_999)
    os.truncate(root / "t" / "a", 40_001)
    (root / "t" / "empty").unlink()
    assert reported(root) == {
        "a": ("right", "has 1 bytes behind its end"),
        "d": ("short", "has 39999 of 40000 bytes"),
        "empty": ("missing", "is missing"),
    }


def test_what_is_no_file(root: Path) -> None:
    (root / "t" / "empty").unlink()
    (root / "t" / "empty").mkdir()
    (root / "t" / "a").rename(root / "a")
    (root / "t" / "a").symlink_to("../a")
    reports = reported(root)
    assert reports["a"] == reports["empty"] == ("unreadable", "cannot be read: is no regular file")


def test_a_file_that_cannot_be_read(root: Path) -> None:
    with bt.Client(CONTENT.metainfo(), root, state="stopped", settings=LOCAL, resume=False) as client:
        error = StorageError("Input/output error", client.files[0].path, 5)
        result = client.hashcheck()._replace(passed=(3, 4, 5), failed=(0, 1, 2), error=error)
        reports = file_reports(client, result)
    assert (reports[0].state, reports[0].reason) == ("unreadable", "cannot be read: Input/output error")
    assert (reports[1].state, reports[4].state) == ("unsure", "right")


def test_a_summary_names_some_and_counts_all(root: Path) -> None:
    for name, _ in CONTENT.files:
        (root / "t" / name).unlink()
    with bt.Client(CONTENT.metainfo(), root, state="stopped", settings=LOCAL, resume=False) as client:
        reports = file_reports(client, client.hashcheck())
    assert summary(reports, 2) == "5 of 5 files are not right: t/a is missing; t/b is missing; and 3 more"
    assert summary(reports[:1], 2) == "1 of 1 files is not right: t/a is missing"
