"""The torrents of a command: one that fails does not end the others, and an interrupt ends all."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Iterator

import pytest

import bittorrent_threads as bt
from bittorrent_threads.command_line.console import Console
from bittorrent_threads.command_line.exchange import Exchange, Seeded
from bittorrent_threads.command_line.transfer import Transfer
from bittorrent_threads.testing import SampleTorrent, quiet_settings

FULL = SampleTorrent({"a": 50_000}, name="full")
EMPTY = SampleTorrent({"b": 60_000}, name="empty")


class Place:
    """A torrent with all its data, one without any, and what was written."""

    def __init__(self, session: bt.Session, folder: Path) -> None:
        FULL.write(folder)
        self.out, self.err = io.StringIO(), io.StringIO()
        self.console = Console(as_json=True, stdout=self.out, stderr=self.err)
        self.full = Transfer(session.add(FULL.metainfo(), folder))
        self.empty = Transfer(session.add(EMPTY.metainfo(), folder))
        self.full.client.wait("checked", timeout=30)
        self.exchange = Exchange(session, [self.empty, self.full], self.console)

    @property
    def document(self) -> Any:
        return json.loads(self.out.getvalue())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with bt.Session(quiet_settings()) as session:
        yield Place(session, tmp_path)


def test_a_download_that_fails_does_not_end_the_others(place: Place) -> None:
    place.exchange.download(30.0, 0.1)
    assert isinstance(place.empty.failure, bt.Stalled)
    assert place.full.failure is None
    assert place.full.seconds is not None
    assert place.exchange.conclude("download", "again") == 3
    rows = [(each["name"], each["exit_code"]) for each in place.document["torrents"]]
    assert rows == [("empty", 3), ("full", 0)]
    assert (place.document["command"], place.document["exit_code"]) == ("download", 3)
    assert "go_on" not in place.document
    assert place.err.getvalue().count("bittorrent-threads: ") == 1


def test_an_interrupt_ends_what_is_not_complete_and_says_how_to_go_on(place: Place) -> None:
    place.full.seconds = 1.0
    place.exchange.interrupted(KeyboardInterrupt())
    assert place.full.failure is None
    assert isinstance(place.empty.failure, KeyboardInterrupt)
    assert place.exchange.conclude("download", "do it again") == 130
    assert place.document["go_on"] == "do it again"
    assert place.err.getvalue().endswith("to go on: do it again\n")


def test_seeding_ends_at_the_first_goal(place: Place) -> None:
    full = place.full
    full.seeding_since = 0.0
    assert not Seeded([full], place.console, ratio=1.0)(full.client.status()), "nothing was sent"
    assert not full.seeded
    assert Seeded([full], place.console, ratio=1.0, seconds=0.01)(full.client.status())
    assert full.seeded
    assert full.client.state == "stopped"


def test_seeding_that_nobody_takes_is_a_stall(place: Place) -> None:
    with pytest.raises(bt.Stalled, match="no peer received data of full"):
        Seeded([place.full], place.console, stall_timeout=0.0)(place.full.client.status())


def test_what_failed_is_not_seeded(place: Place) -> None:
    place.full.failure = place.empty.failure = bt.BitTorrentError("it failed")
    place.exchange.seed(ratio=1.0, seconds=None, timeout=None, stall_timeout=None)
    assert place.full.seeding_since is None
