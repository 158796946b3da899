"""Exit codes and reasons: each kind of error has its own code, and one line that names what is to be changed."""

from __future__ import annotations

import errno
import json
from typing import Optional

import pytest

import bittorrent_threads as bt
from bittorrent_threads.command_line import outcome
from bittorrent_threads.command_line.console import Console


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (None, 0, None),
        (outcome.Incomplete("a piece is missing"), 1, "a piece is missing"),
        (bt.BitTorrentError("it failed"), 1, "it failed"),
        (bt.SettingsError("port", "is in use"), 2, "port: is in use"),
        (bt.SettingsError("trackers", "is no URL"), 2, "--tracker: is no URL"),
        (bt.SettingsError("piece_length", "is too small"), 2, "--piece-length: is too small"),
        (bt.SettingsError("max_size", "is too small"), 2, "--max-metainfo-size: is too small"),
        (bt.WaitTimeout("not done"), 3, "not done"),
        (bt.StorageError("disk full", "/a", errno.ENOSPC), 4, "/a: disk full"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), 4, "x: No such file"),
        (OSError(errno.EIO, "I/O error"), 4, "I/O error"),
        (OSError("strange"), 4, "strange"),
        (bt.MetainfoError("no pieces"), 5, "no pieces"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_error_has_its_code_and_its_reason(error: Optional[BaseException], code: int, reason: str) -> None:
    assert error is None or isinstance(error, outcome.FAILURES)
    assert outcome.code_of(error) == code
    assert outcome.reason(error) == reason


def test_a_result_is_written_as_text_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome.conclude(Console(as_json=False), None, {"command": "x"}, "the text") == 0
    assert capsys.readouterr() == ("the text\n", "")
    assert outcome.conclude(Console(as_json=True), None, {"command": "x"}, "the text") == 0
    assert json.loads(capsys.readouterr().out) == {"command": "x", "exit_code": 0, "error": None}


def test_an_error_is_one_line_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome.conclude(Console(as_json=True), bt.WaitTimeout("late"), {"command": "x"}) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {"command": "x", "exit_code": 3, "error": "late"}
    assert err == "bittorrent-threads: late\n"
