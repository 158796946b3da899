"""The command line, run in this process or in a child process; a traceback fails the test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

import pytest

from bittorrent_threads import cli
from bittorrent_threads.testing.sample_torrent import SampleTorrent

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT = 60
CONTENT = SampleTorrent({"a.bin": 70_000, "empty": 0, "sub/b.bin": 33_333}, piece_length=16384, name="some")
"""The torrent of most tests of the command line."""


class Ran:
    """Exit code and output of one run."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in err + out

    @property
    def document(self) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(self.out)
        return found


class Run:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)


def start(
    *arguments: object,
    program: Sequence[str] = ("-m", "bittorrent_threads"),
    stdin: Any = subprocess.DEVNULL,
    stdout: Any = subprocess.PIPE,
    environment: Optional[Mapping[str, str]] = None,
) -> subprocess.Popen[str]:
    """Start the command in a child process, which uses no DHT; an argument may be bytes."""
    if arguments and arguments[0] in ("download", "seed"):
        arguments = (arguments[0], "--no-dht", *arguments[1:])
    return subprocess.Popen(
        [sys.executable, *program, *(each if isinstance(each, bytes) else str(each) for each in arguments)],
        cwd=ROOT,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Ran:
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.wait()
    return Ran(process.returncode, out or "", err)
