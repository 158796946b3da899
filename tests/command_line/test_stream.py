"""``stream``: what is chosen, what is written, and when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Iterator, List, Optional

import pytest
from support.command import TIMEOUT, Run, finish, start
from support.pairs import seeder
from support.torrents import torrent

import bittorrent_threads as bt
from bittorrent_threads.command_line.stream import choose
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

SAMPLE = SampleTorrent({"film.mp4": 300_001, "sub/a b.txt": 5_000}, piece_length=32 * KIB, name="streamed")
FILES = torrent([("a.mp4", 5), (".pad/3", 3), ("sub/b.mp4", 5), ("sub/7", 5)], 16 * KIB).metainfo

FETCH = "import sys, urllib.request as u; u.install_opener(u.build_opener(u.ProxyHandler({}))); "
FETCH += "print([len(u.urlopen(url).read()) for url in sys.argv[1:]], flush=True)"


@pytest.fixture
def seed(tmp_path: Path) -> Iterator[bt.Client]:
    SAMPLE.write_torrent(tmp_path)
    with seeder(tmp_path / "seed", SAMPLE) as client:
        yield client


def stream(seed: bt.Client, tmp_path: Path, *options: object) -> subprocess.Popen[str]:
    quiet = ["--no-dht", "--no-lsd", "--peer", f"127.0.0.1:{seed.port}"]
    return start("stream", tmp_path / "streamed.torrent", "-d", tmp_path / "down", *quiet, *options)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        (None, [0, 2, 3]),
        ("0", [0]),
        ("2", [2]),
        ("*.mp4", [0, 2]),
        ("sub/*", [2, 3]),
        ("sub", [2, 3]),
        ("/sub/b.mp4", [2]),
        ("b.mp4", [2]),
        ("[ab].mp4", [0, 2]),
    ],
)
def test_what_is_chosen(pattern: Optional[str], chosen: List[int]) -> None:
    assert choose(FILES, pattern) == chosen


@pytest.mark.parametrize("pattern", ["1", "9", "99999999999", "*.MP4", "3 ", "pad*", "t/sub/b.mp4", "*/x/b.mp4"])
def test_nothing_is_chosen(pattern: str) -> None:
    with pytest.raises(bt.SettingsError, match=r"it has t/a\.mp4"):
        choose(FILES, pattern)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_serves_until_it_is_interrupted(seed: bt.Client, tmp_path: Path) -> None:
    process = stream(seed, tmp_path)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=TIMEOUT) as page:
        assert page.read().count(b"<a href=") == 2
    with opener.open(f"{url}streamed/film.mp4", timeout=TIMEOUT) as film:
        assert film.read() == SAMPLE.data("film.mp4")
    process.send_signal(signal.SIGINT)
    ran = finish(process)
    assert ran.code == 130
    assert "interrupted" in ran.err


def test_ends_with_the_program_that_it_opens(seed: bt.Client, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -c "{FETCH}"'
    ran = finish(stream(seed, tmp_path, "--file", "*.mp4", "--open", command))
    assert ran.code == 0, ran.err
    url, fetched = ran.out.splitlines()
    assert url.endswith("/streamed/film.mp4")
    assert fetched == "[300001]"
    assert not (tmp_path / "down" / "streamed" / "sub").exists(), "only what was chosen is downloaded"


def test_the_largest_file_is_opened_if_none_is_chosen_and_failures_are_told(seed: bt.Client, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -c "{FETCH}; sys.exit(7)"'
    ran = finish(stream(seed, tmp_path, "--json", "--open", command))
    assert ran.code == 1
    document, _, fetched = ran.out.rpartition("}\n")
    assert fetched.strip() == "[300001]"
    found = json.loads(document + "}")
    assert [file["path"] for file in found["files"]] == ["streamed/film.mp4", "streamed/sub/a b.txt"]
    assert found["url"].startswith("http://127.0.0.1:")
    assert "exit code 7" in ran.err


def test_mistakes(seed: bt.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys)
    source = tmp_path / "streamed.torrent"
    ran = run("stream", source, "-d", tmp_path, "--file", "*.mkv")
    assert ran.code == 2, "as --select of download"
    assert "--file: no file of streamed matches '*.mkv'; it has streamed/film.mp4" in ran.err
    ran = run("stream", source, "-d", tmp_path, "--file", "sub//b.mkv")
    assert ran.code == 2
    assert "--file: 'sub//b.mkv' is no pattern" in ran.err
    ran = run("stream", source, "-d", tmp_path, "--open", "/no/such/player")
    assert ran.code == 4
    assert "/no/such/player" in ran.err
    ran = run("stream", source, "-d", tmp_path, "--host", "192.0.2.1")
    assert ran.code == 1
    assert "cannot listen on 192.0.2.1" in ran.err
    ran = run("stream", source, "-d", tmp_path / "late", "--timeout", "0.1")
    assert ran.code == 3
