"""A check of files: what its result means, and what may be wrong with the folder."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from support.command import Run

from bittorrent_threads.testing.bencode import bencode


@pytest.mark.parametrize("verb", ["verify", "seed"])
def test_a_mistyped_folder_is_told_as_such(run: Run, torrent: Path, tmp_path: Path, verb: str) -> None:
    ran = run(verb, torrent, "-d", tmp_path / "nothing", "--json")
    assert ran.code == ran.document["exit_code"] == 4
    assert ran.err == f"bittorrent-threads: {tmp_path / 'nothing'}: there is no such folder\n"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("verb", ["verify", "seed"])
def test_the_folder_of_the_torrent_is_not_the_one_that_contains_it(
    run: Run, torrent: Path, data: Path, tmp_path: Path, verb: str
) -> None:
    hint = f"none of its files is there (--dir is the folder that contains some: try {data})"
    ran = run(verb, torrent, "-d", data / "some")
    assert ran.code == 1
    assert hint in ran.err
    os.rename(data / "some", data / "other")
    assert hint in run(verb, torrent, "-d", data / "other").err
    ran = run(verb, torrent, "-d", tmp_path)
    assert ran.err.endswith("none of its files is there (--dir is the folder that they are in)\n")


def test_padding_of_which_the_torrent_has_a_wrong_hash(run: Run, tmp_path: Path) -> None:
    data = random.Random(0).randbytes(16384)
    files = [{"length": 16384, "path": ["a"]}, {"attr": "p", "length": 16384, "path": [".pad", "16384"]}]
    pieces = hashlib.sha1(data).digest() + bytes(20)
    info = {"files": files, "name": "x", "piece length": 16384, "pieces": pieces}
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_bytes(data)
    (tmp_path / "x.torrent").write_bytes(bencode({"info": info}))
    ran = run("verify", tmp_path / "x.torrent", "-d", tmp_path)
    assert ran.code == 1
    assert "all files are right, but hashes of padding in the torrent are wrong" in ran.err


@pytest.mark.parametrize("verb", ["download", "seed", "verify"])
@pytest.mark.parametrize("place", ["file", "file/copy"])
def test_a_folder_that_is_none_is_named(run: Run, torrent: Path, tmp_path: Path, verb: str, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = run(verb, torrent, "-d", tmp_path / place, "--json")
    assert ran.code == ran.document["exit_code"] == 4
    assert ran.document["error"].startswith(f"{tmp_path / place}: ")
    assert "is not a folder" in ran.document["error"]
