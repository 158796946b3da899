"""The console: safe text, progress on a terminal and off it, one JSON document."""

from __future__ import annotations

import io
import json
from typing import Tuple

import pytest

from bittorrent_threads.command_line.console import MAX_NEWS, Console, bar
from bittorrent_threads.text import escaped


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def make(stderr: io.StringIO, *, as_json: bool = False) -> Tuple[Console, io.StringIO]:
    stdout = io.StringIO()
    return Console(as_json, stdout=stdout, stderr=stderr), stdout


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ünïcode", "plain ünïcode"),
        ("\x1b[2Jgone\r\n", "\\x1b[2Jgone\\r\\n"),
        ("a\u202etxt.exe", "a\\u202etxt.exe"),
        ("bell\x07\x9b", "bell\\x07\\x9b"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_written(text: str, safe: str) -> None:
    assert escaped(text) == safe


def test_progress_on_a_terminal_is_written_over(clock: list[float]) -> None:
    stderr = Terminal()
    console, stdout = make(stderr)
    console.progress("one\ntwo", 0.0)
    console.progress("too soon", 0.2)
    clock[0] += 1
    console.progress("three\x1b", 0.3)
    console.message("news")
    console.result({}, "done")
    third, erased = f"{bar(0.3, 60)}\nthree\\x1b", "\r\x1b[K\x1b[A\x1b[K"
    assert stderr.getvalue() == f"one\ntwo{erased}{third}{erased}news\n{third}{erased}"
    assert stdout.getvalue() == "done\n"


@pytest.mark.parametrize(
    ("share", "width", "text"),
    [
        (0.0, 7, "[>    ]"),
        (0.5, 7, "[==>  ]"),
        (0.99, 7, "[====>]"),
        (1.0, 7, "[=====]"),
        (2.0, 4, "[==]"),
        (0.1, 1, "[>]"),
    ],
)
def test_a_bar(share: float, width: int, text: str) -> None:
    assert bar(share, width) == text


def test_progress_off_a_terminal_is_a_line_now_and_then(clock: list[float]) -> None:
    stderr = io.StringIO()
    console, _ = make(stderr)
    for second in range(70):
        clock[0] = 1000.0 + second
        console.progress(f"{second}", 0.1 if second < 3 else 0.2)
    assert stderr.getvalue().split() == ["0", "3", "63"]


def test_a_result_in_json_is_the_only_thing_on_standard_output() -> None:
    console, stdout = make(io.StringIO(), as_json=True)
    console.message("hello")
    console.progress("half", 0.5)
    console.result({"infohash": b"\x01"}, "text")
    assert json.loads(stdout.getvalue()) == {"infohash": "01"}


def test_a_failure_is_a_line_and_in_json_a_document_too() -> None:
    stderr = io.StringIO()
    console, stdout = make(stderr, as_json=True)
    console.failure("no such\nfile", {"exit_code": 5})
    assert stderr.getvalue() == "no such\\nfile\n"
    assert json.loads(stdout.getvalue()) == {"exit_code": 5}
    console, stdout = make(io.StringIO())
    console.failure("no such file", {"exit_code": 5})
    assert stdout.getvalue() == ""


def test_a_standard_error_that_is_gone_stops_nothing() -> None:
    console, stdout = make(Gone())
    console.message("unheard")
    console.progress("unseen", 0.5)
    console.result({}, "done")
    assert stdout.getvalue() == "done\n"


def test_the_same_news_is_written_once_a_minute(clock: list[float]) -> None:
    stderr = io.StringIO()
    console, _ = make(stderr)
    for _ in range(125):
        console.news("tracker: refused")
        console.news("another: refused")
        clock[0] += 1.0
    assert stderr.getvalue().split("\n") == 3 * ["tracker: refused", "another: refused"] + [""]


def test_few_news_are_remembered(clock: list[float]) -> None:
    stderr = io.StringIO()
    console, _ = make(stderr)
    for number in (0, *range(MAX_NEWS + 1), 0):
        console.news(str(number))
    assert len(stderr.getvalue().split()) == MAX_NEWS + 2
