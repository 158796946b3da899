"""Closing while the disk is slow: what could not be stored is told, and what the time suffices for is stored."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.torrents import Torrent, torrent

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk.content import Content


class SlowSync:
    """A sync of the files that ends when it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.let = threading.Event()
        self.begun = threading.Event()
        real = Content.sync

        def sync(content: Content, *arguments: Any) -> Any:
            self.begun.set()
            assert self.let.wait(30)
            return real(content, *arguments)

        monkeypatch.setattr(Content, "sync", sync)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSync]:
    slow = SlowSync(monkeypatch)
    yield slow
    slow.let.set()


@pytest.fixture
def t(tmp_path: Path) -> Torrent:
    t = torrent([("a", 300)], 100)
    path = t.path(tmp_path, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(t.file(0))
    return t


def open_client(t: Torrent, tmp_path: Path, **options: Any) -> bt.Client:
    settings = bt.Settings(host="127.0.0.1", stop_announce_timeout=0.01, sync_at_close=True)
    client = bt.Client(t.metainfo, tmp_path, state="stopped", settings=settings, **options)
    assert client.hashcheck().failed == ()
    return client


def closed(client: bt.Client) -> str:
    last = list(client)[-1]
    assert isinstance(last, events.Closed)
    return last.reason


def test_what_could_not_be_stored_is_told(t: Torrent, tmp_path: Path, slow: SlowSync) -> None:
    client = open_client(t, tmp_path)
    client.close(timeout=0.7)
    assert slow.begun.is_set()
    assert "not stored within 0.7 s" in closed(client)
    slow.let.set()
    client.close()
    assert client.piece_cache == {}


def test_a_disk_has_all_the_time_that_closing_may_take(t: Torrent, tmp_path: Path, slow: SlowSync) -> None:
    """More than the trackers have, which is one second here: whoever closes waits for the data."""
    client = open_client(t, tmp_path)
    ended: List[str] = []

    def close() -> None:
        client.close(timeout=30)
        ended.append(closed(client))

    closing = threading.Thread(target=close)
    closing.start()
    assert slow.begun.wait(10)
    closing.join(1.5)
    assert closing.is_alive()
    slow.let.set()
    closing.join(10)
    assert ended == [""]
    assert client.piece_cache["have"] == "e0"


def test_nothing_is_told_when_all_is_stored(t: Torrent, tmp_path: Path, slow: SlowSync) -> None:
    slow.let.set()
    client = open_client(t, tmp_path)
    client.close()
    assert closed(client) == ""


def test_a_client_of_a_session_tells_it_too(t: Torrent, tmp_path: Path, slow: SlowSync) -> None:
    settings = bt.Settings(host="127.0.0.1", stop_announce_timeout=0.01)
    with bt.Session(settings) as session:
        client = session.add(t.metainfo, tmp_path, state="stopped")
        assert client.hashcheck().failed == ()
        client.close(timeout=0.7)
        assert "not stored within 0.7 s" in closed(client)
        slow.let.set()
