"""The checks that all tests rely on can fail themselves: leaks are seen, and missing peers skip or fail."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import pytest
from support import peers_required

from bittorrent_threads.testing.leaks import leaks_since, snapshot

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/fd")


def test_nothing_is_leaked_by_doing_nothing() -> None:
    assert leaks_since(snapshot()) == []


@pytest.mark.parametrize(("name", "daemon"), [("bittorrent-net", True), ("worker", False)])
def test_a_thread_left_running_is_found(name: str, daemon: bool) -> None:
    before, stop = snapshot(), threading.Event()
    thread = threading.Thread(target=stop.wait, name=name, daemon=daemon)
    thread.start()
    try:
        assert leaks_since(before, grace=0.01) == [f"the thread {name} still runs"]
    finally:
        stop.set()
        thread.join()


def test_a_thread_about_to_end_is_no_leak() -> None:
    before, stop = snapshot(), threading.Event()
    thread = threading.Thread(target=stop.wait, name="bittorrent-disk-1", daemon=True)
    thread.start()
    threading.Timer(0.05, stop.set).start()
    assert leaks_since(before) == []


@linux
def test_an_open_socket_is_found() -> None:
    before = snapshot()
    with socket.socket():
        assert [text.partition(":")[0] for text in leaks_since(before)] != []
    assert leaks_since(before) == []


@linux
def test_an_open_file_is_found(tmp_path: Path) -> None:
    before = snapshot()
    with (tmp_path / "data").open("wb"):
        assert [text.rpartition("/")[2] for text in leaks_since(before)] == ["data"]
    assert leaks_since(before) == []


@pytest.fixture
def without_aria2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_required, "missed", {})
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("without_aria2")
def test_a_missing_peer_skips_and_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(peers_required.VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="aria2 is not installed"):
        peers_required.require_peer("aria2")
    (test,) = peers_required.missed["aria2"]
    assert test.endswith("::test_a_missing_peer_skips_and_is_remembered")


@pytest.mark.usefixtures("without_aria2")
def test_a_missing_peer_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(peers_required.VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="aria2 is not installed"):
        peers_required.require_peer("aria2")


def test_a_peer_that_is_installed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers_required.PROGRAMS, "aria2", sys.executable)
    assert peers_required.require_peer("aria2") == sys.executable
