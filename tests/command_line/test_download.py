"""``download``: several torrents, a selection, goals of seeding, and an interrupt that says how to go on."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Iterator, List

import pytest
from support.command import Run, finish, start

import bittorrent_threads as bt
from bittorrent_threads.cli import command_line
from bittorrent_threads.testing.sample_torrent import SampleTorrent

ONE = SampleTorrent({"a.iso": 70_000, "raw/b.tif": 50_000, "raw/c.txt": 10}, name="one")
TWO = SampleTorrent(40_000, name="two")
TIMEOUT = 60

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def torrents(tmp_path: Path) -> List[Path]:
    return [sample.write_torrent(tmp_path) for sample in (ONE, TWO)]


@pytest.fixture
def peer(torrents: List[Path], tmp_path: Path) -> Iterator[str]:
    with bt.Session() as session:
        for sample, torrent in zip((ONE, TWO), torrents):
            sample.write(tmp_path / "data")
            session.add(torrent, tmp_path / "data").wait("seed", timeout=TIMEOUT)
        yield f"127.0.0.1:{session.port}"


def test_the_result_has_the_path_and_the_rate(run: Run, torrents: List[Path], peer: str, tmp_path: Path) -> None:
    options = ["-d", tmp_path / "copy", "--peer", peer, "--timeout", TIMEOUT]
    ran = run("download", torrents[0], *options)
    assert ran.code == 0
    assert ran.out.startswith(f"{tmp_path / 'copy' / 'one'}: complete, received 117.2 KiB in ")
    assert ran.out.endswith("/s), sent 0 B\n")
    document = run("download", torrents[1], *options, "--json").document
    assert (document["path"], document["seconds"] > 0) == (str(tmp_path / "copy" / "two"), True)
    assert document["rate"] == pytest.approx(document["downloaded"] / document["seconds"])


def test_several_torrents_in_one_call(run: Run, torrents: List[Path], peer: str, tmp_path: Path) -> None:
    options = ["-d", tmp_path / "copy", "--peer", peer, "--timeout", TIMEOUT]
    ran = run("download", *torrents, *options, "--json")
    assert ran.code == 0
    assert [found["path"] for found in ran.document["torrents"]] == [
        str(tmp_path / "copy" / "one"),
        str(tmp_path / "copy" / "two"),
    ]
    assert [found["exit_code"] for found in ran.document["torrents"]] == [0, 0]
    assert ONE.differences(tmp_path / "copy") == TWO.differences(tmp_path / "copy") == []


def test_one_of_several_fails_alone(run: Run, torrents: List[Path], peer: str, tmp_path: Path) -> None:
    lonely = SampleTorrent(5, name="lonely").write_torrent(tmp_path)
    options = ["-d", tmp_path / "copy", "--peer", peer, "--stall-timeout", "2"]
    ran = run("download", torrents[1], lonely, torrents[0], *options, "--json")
    assert ran.code == 3
    assert [found["exit_code"] for found in ran.document["torrents"]] == [0, 3, 0]
    assert ONE.differences(tmp_path / "copy") == TWO.differences(tmp_path / "copy") == []


def test_a_bad_source_ends_it_before_anything_begins(run: Run, torrents: List[Path], tmp_path: Path) -> None:
    ran = run("download", torrents[0], tmp_path / "missing", "-d", tmp_path / "copy")
    assert ran.code == 5
    assert ran.err == f"bittorrent-threads: {tmp_path / 'missing'}: No such file or directory\n"
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("by_magnet", [False, True], ids=["file", "magnet"])
def test_a_selection(run: Run, torrents: List[Path], peer: str, tmp_path: Path, by_magnet: bool) -> None:
    source = f"magnet:?xt=urn:btih:{ONE.infohash.hex()}" if by_magnet else torrents[0]
    options = ["-d", tmp_path / "copy", "--peer", peer, "--timeout", TIMEOUT, "--sequential"]
    ran = run("download", source, "--select", "raw/*.tif", "--select", "nothing", *options, "--json")
    assert ran.code == 0
    assert not (tmp_path / "copy" / "one" / "a.iso").exists()
    assert not (tmp_path / "copy" / "one" / "raw" / "c.txt").exists()
    assert (tmp_path / "copy" / "one" / "raw" / "b.tif").read_bytes() == ONE.data("raw/b.tif")
    ran = run("download", source, "--select", "*.png", *options)
    assert ran.code == 2
    assert ran.err.endswith("bittorrent-threads: --select: no file of one matches; info lists them\n")


def test_a_pattern_that_is_none(run: Run, torrents: List[Path]) -> None:
    ran = run("download", torrents[0], "--select", "a//b")
    assert (ran.code, ran.err) == (2, "bittorrent-threads: --select: 'a//b' is no pattern: it has an empty name\n")


def test_seeding_ends_at_a_time(run: Run, torrents: List[Path], peer: str, tmp_path: Path) -> None:
    options = ["-d", tmp_path / "copy", "--peer", peer, "--timeout", TIMEOUT]
    began = time.monotonic()
    ran = run("download", *torrents, *options, "--seed-time", "0.3s")
    assert ran.code == 0
    assert time.monotonic() - began >= 0.3
    assert "seeding one on port " in ran.err
    ran = run("seed", torrents[1], "-d", tmp_path / "copy", "--seed-time", "0.1s", "--timeout", TIMEOUT)
    assert (ran.code, ran.out) == (0, f"{tmp_path / 'copy' / 'two'}: sent 0 B\n")


@posix
def test_seeding_ends_at_a_ratio(run: Run, torrents: List[Path], tmp_path: Path) -> None:
    TWO.write(tmp_path / "data")
    process = start("seed", torrents[1], "-d", tmp_path / "data", "--ratio", "1", "--timeout", TIMEOUT, "--json")
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("seeding two on port "))
        peer = f"127.0.0.1:{line.split()[-1]}"
        assert run("download", torrents[1], "-d", tmp_path / "copy", "--peer", peer, "--timeout", TIMEOUT).code == 0
    finally:
        ran = finish(process)
    assert (ran.code, ran.document["error"]) == (0, None)
    assert ran.document["uploaded"] >= TWO.size


@posix
def test_an_interrupt_ends_it_in_time_and_says_how_to_go_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/announce"
        torrent = TWO.write_torrent(tmp_path, [url])
        arguments = ["download", torrent, "-d", tmp_path / "a copy", "--timeout", TIMEOUT]
        process = start(*arguments)
        accepted = threading.Event()
        try:
            silent.settimeout(TIMEOUT)
            connection, _ = silent.accept()
            accepted.set()
            with connection:
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                ran = finish(process)
                took = time.monotonic() - began
        finally:
            process.kill()
    assert ran.code == 130
    assert took < 5
    shown = ran.err.splitlines()
    assert shown[-2] == "bittorrent-threads: interrupted"
    words = shlex.split(shown[-1][len("to go on: ") :])
    assert words[:3] == [sys.executable, "-m", "bittorrent_threads"]
    assert words[3:] == [
        "download",
        "--no-dht",
        str(torrent),
        "-d",
        str(tmp_path / "a copy"),
        "--timeout",
        str(TIMEOUT),
    ]


def test_the_command_that_goes_on_is_one_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["download", "magnet:?xt=urn:btih:00&dn=a b", "-d", "it's here"]
    monkeypatch.setattr(sys, "argv", ["/usr/bin/bittorrent-threads", *arguments])
    shown = command_line(arguments)
    assert shown == """bittorrent-threads download 'magnet:?xt=urn:btih:00&dn=a b' -d 'it'"'"'s here'"""
    assert shlex.split(shown)[1:] == arguments


@pytest.mark.parametrize("option", ["--ratio", "--seed-time"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "much"])
def test_goals_that_cannot_be(run: Run, option: str, value: str) -> None:
    ran = run("seed", "t", option, value)
    assert ran.code == 2
    assert f"argument {option}: " in ran.err
