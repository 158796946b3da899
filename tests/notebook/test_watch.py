"""A watch shows each status in turn, and ends as the wait does; ``test_kernel`` has it in a real notebook."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path
from typing import List, Tuple

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, pair

import bittorrent_threads as bt
from bittorrent_threads.notebook.watch import INTERRUPTED, Lines, WatchInterrupted, display_for, line_of, watching
from bittorrent_threads.status import Status


class Recorder:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: List[Tuple[str, bool]] = []

    def show(self, status: Status, note: str, *, last: bool) -> None:
        self.shown.append((note, last))


@pytest.fixture
def stopped(tmp_path: Path) -> Status:
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        return client.status()


def test_a_download_is_watched_in_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pair(tmp_path) as (_, down):
        status = down.watch(timeout=PATIENCE, interval=0.01)
        assert status.complete
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("small: 100.0% of 410.2 KiB, ")
    assert len(lines) <= 2


def test_a_watch_fails_as_a_wait_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        with pytest.raises(bt.WaitTimeout, match="the torrent is stopped"):
            client.watch(timeout=0.01)
        with pytest.raises(bt.Stalled):
            client.watch(lambda status: False, stall_timeout=0.01)
        with pytest.raises((bt.StateError, ValueError)):
            client.watch("nonsense")
        assert "the torrent is stopped" in capsys.readouterr().out
    with pytest.raises(bt.SessionClosed):
        client.watch()


def test_an_interrupt_ends_the_watch_and_not_the_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pair(tmp_path, state="stopped") as (_, down):

        def interrupt(status: Status) -> bool:
            signal.raise_signal(signal.SIGINT)
            return False

        with pytest.raises(KeyboardInterrupt) as caught:
            down.watch(interrupt)
        assert isinstance(caught.value, WatchInterrupted)
        assert caught.value._render_traceback_() == [f"KeyboardInterrupt: {INTERRUPTED}"]
        down.start()
        assert down.watch(timeout=PATIENCE).complete


@pytest.mark.parametrize(
    ("error", "note"), [(ValueError("no"), "no"), (KeyboardInterrupt(), INTERRUPTED), (SystemExit(), "")]
)
def test_the_display_gets_a_note_at_the_end(stopped: Status, error: BaseException, note: str) -> None:
    display = Recorder()

    def watched() -> None:
        with watching(display, lambda: stopped, 60.0) as look:
            look(stopped)
            raise error

    with pytest.raises(type(error)):
        watched()
    assert display.shown == [("", False), (note, True)]


def test_lines_differ_and_are_not_too_many(
    stopped: Status, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    lines = Lines()
    for number in range(100):
        now[0] = number / 10
        lines.show(dataclasses.replace(stopped, connected=number), "", last=False)
        lines.show(dataclasses.replace(stopped, connected=number), "", last=False)
    lines.show(dataclasses.replace(stopped, connected=100), "", last=True)
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_a_line_says_what_goes_on(stopped: Status) -> None:
    moving = dataclasses.replace(
        stopped, state="active", download_rate=1e5, upload_rate=2048.0, connected=1, checking=4, left=10**6
    )
    expected = "small: 0.0% of 410.2 KiB, checking the files, 4 pieces to go, down 97.7 KiB/s, up 2.0 KiB/s, 1 peer"
    assert line_of(moving) == f"{expected}, 10.0 s left"
    assert "fetching the metadata" in line_of(dataclasses.replace(stopped, metadata=False))
    assert isinstance(display_for(lambda status, note: ""), Lines)
