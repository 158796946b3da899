"""``tracker``: it serves until it is interrupted, its time is over, or its port is taken."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from support.command import CONTENT, TIMEOUT, Run, finish, start

import bittorrent_threads as bt

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@posix
def test_the_tracker_serves_until_it_is_interrupted(run: Run, data: Path, tmp_path: Path) -> None:
    process = start("tracker")
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        torrent = CONTENT.write_torrent(tmp_path, [url])
        with bt.Client(torrent, data):
            ran = run("download", torrent, "-d", tmp_path / "copy", "--timeout", TIMEOUT)
        process.send_signal(signal.SIGTERM)
    finally:
        ended = finish(process)
    assert ran.code == 0, ran.err
    assert ended.code == 130


def test_the_time_of_a_tracker_may_be_bounded(run: Run) -> None:
    ran = run("tracker", "--timeout", "0.2")
    assert ran.code == 3
    assert ran.out.startswith("http://127.0.0.1:")


def test_the_port_of_a_tracker_may_be_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("tracker", "--port", taken.getsockname()[1])
    assert ran.code == 1
    assert ran.err.count("127.0.0.1") == 1
    assert ran.err.endswith("in use\n")
