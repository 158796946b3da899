"""``seed``: several torrents, of which some fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import List

import pytest
from support.command import Run, finish, start
from support.pairs import LOCAL

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import SampleTorrent

ONE = SampleTorrent({"a.bin": 70_000, "b.bin": 10}, name="one")
TWO = SampleTorrent(40_000, name="two")
TIMEOUT = 60

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def torrents(tmp_path: Path) -> List[Path]:
    for sample in (ONE, TWO):
        sample.write(tmp_path / "data")
    return [sample.write_torrent(tmp_path) for sample in (ONE, TWO)]


def ports(process: subprocess.Popen[str], count: int) -> List[str]:
    assert process.stderr is not None
    lines = (line for line in process.stderr if line.startswith("seeding "))
    return [next(lines).split()[-1] for _ in range(count)]


@posix
def test_several_torrents_share_one_port(run: Run, torrents: List[Path], tmp_path: Path) -> None:
    process = start("seed", *torrents, "-d", tmp_path / "data", "--json", "--timeout", TIMEOUT)
    try:
        port, other = ports(process, 2)
        assert port == other
        peer = ["--peer", f"127.0.0.1:{port}", "--timeout", TIMEOUT]
        assert run("download", *torrents, "-d", tmp_path / "copy", *peer).code == 0
        process.send_signal(signal.SIGINT)
    finally:
        ran = finish(process)
    assert ran.code == ran.document["exit_code"] == 130
    assert [found["name"] for found in ran.document["torrents"]] == ["one", "two"]
    assert all(found["uploaded"] >= found["size"] for found in ran.document["torrents"])
    assert " seed " in ran.document["go_on"]


@posix
def test_one_that_fails_is_told_at_once_and_the_others_are_seeded(
    run: Run, torrents: List[Path], tmp_path: Path
) -> None:
    (tmp_path / "data" / "one" / "a.bin").unlink()
    process = start("seed", *torrents, "-d", tmp_path / "data", "--json", "--timeout", TIMEOUT)
    try:
        assert process.stderr is not None
        told = next(line for line in process.stderr if line.startswith("bittorrent-threads: "))
        assert "one/a.bin is missing" in told
        (port,) = ports(process, 1)
        peer = ["--peer", f"127.0.0.1:{port}", "--timeout", TIMEOUT]
        assert run("download", torrents[1], "-d", tmp_path / "copy", *peer).code == 0
        process.send_signal(signal.SIGTERM)
    finally:
        ran = finish(process)
    document = json.loads(ran.out)
    assert ran.code == document["exit_code"] == 1
    assert [found["exit_code"] for found in document["torrents"]] == [1, 130]


def test_nothing_is_seeded_if_all_fail(run: Run, torrents: List[Path], tmp_path: Path) -> None:
    ran = run("seed", *torrents, "-d", tmp_path, "--json")
    assert ran.code == 1
    assert [found["exit_code"] for found in ran.document["torrents"]] == [1, 1]
    assert "none of its files is there" in ran.document["error"]


def test_a_goal_is_for_each(run: Run, torrents: List[Path], tmp_path: Path) -> None:
    ran = run("seed", *torrents, "-d", tmp_path / "data", "--seed-time", "0.1")
    assert ran.code == 0
    assert ran.out == f"{tmp_path / 'data' / 'one'}: sent 0 B\n{tmp_path / 'data' / 'two'}: sent 0 B\n"


@pytest.mark.parametrize("command", ["seed", "download"])
def test_one_torrent_twice(run: Run, torrents: List[Path], tmp_path: Path, command: str) -> None:
    link = f"magnet:?xt=urn:btih:{ONE.infohash.hex()}"
    ran = run(command, *torrents, link, "-d", tmp_path / "data")
    assert ran.code == 2
    assert ran.err == f"bittorrent-threads: sources: {torrents[0]} and {link} are the same torrent\n"
    assert run(command, torrents[0], torrents[0], "-d", tmp_path / "data").code == 2


def test_the_first_bad_source_ends_it(run: Run, torrents: List[Path], tmp_path: Path) -> None:
    ran = run("seed", torrents[0], tmp_path / "missing", "-d", tmp_path / "data")
    assert ran.code == 5
    assert str(tmp_path / "missing") in ran.err


@posix
def test_super_seeding(tmp_path: Path) -> None:
    many = SampleTorrent(60 * 16384, piece_length=16384, name="many")
    many.write(tmp_path / "data")
    torrent = many.write_torrent(tmp_path)
    process = start("seed", torrent, "-d", tmp_path / "data", "--super-seeding", "--timeout", TIMEOUT)
    try:
        (port,) = ports(process, 1)
        peers = [("127.0.0.1", int(port))]
        with bt.Client(torrent, tmp_path / "idle", state="paused", peers=peers, settings=LOCAL) as idle:
            status = idle.wait(lambda status: bool(status.peers and status.peers[0].pieces), timeout=TIMEOUT)
            assert status.peers[0].pieces <= 16
            bt.download(torrent, tmp_path / "copy", peers=peers, settings=LOCAL, timeout=TIMEOUT)
        process.send_signal(signal.SIGINT)
    finally:
        ran = finish(process)
    assert ran.code == 130
    assert many.differences(tmp_path / "copy") == []
