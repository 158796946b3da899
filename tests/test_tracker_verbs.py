"""The verbs of a client that concern its trackers, on sockets."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL

import bittorrent_threads as bt


def test_a_scrape_of_a_running_and_of_a_stopped_client(tmp_path: Path) -> None:
    with bt.Tracker() as tracker, bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        assert client.scrape() == ()
        client.add_trackers(tracker.url)
        client.wait(lambda status: [row.working for row in status.trackers] == [True], timeout=PATIENCE)
        expected = bt.ScrapeResult(tracker.url, seeds=0, leechers=1, downloads=0)
        assert client.scrape() == (expected,)
        client.stop()
        (result,) = client.scrape(timeout=PATIENCE)
        assert (result.url, result.error) == (tracker.url, "the tracker does not know the torrent")
        assert [(row.seeds, row.leechers) for row in client.trackers] == [(0, 1)]


def test_trackers_are_removed_and_replaced_by_their_urls(tmp_path: Path) -> None:
    one, other = "http://127.0.0.1:9/announce?passkey=0123456789abcdef0123", "udp://127.0.0.1:9"
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, state="stopped") as client:
        client.add_trackers([one, other])
        assert [row.url for row in client.trackers] == ["http://127.0.0.1:9/announce?passkey=***", other]
        client.remove_trackers(client.trackers[0].url)
        assert [row.url for row in client.trackers] == [other]
        client.remove_trackers([other, "http://never.was/"])
        assert [row.url for row in client.trackers] == []
        client.replace_trackers([[one, other]])
        assert [row.tier for row in client.trackers] == [0, 0]
        with pytest.raises(bt.SettingsError, match="trackers"):
            client.replace_trackers(["ftp://x/"])
        assert [row.tier for row in client.trackers] == [0, 0]
        client.replace_trackers([])
        assert [row.url for row in client.trackers] == []


def test_a_closed_client_refuses(tmp_path: Path) -> None:
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, state="stopped")
    client.close()
    for verb in (client.scrape, client.reannounce):
        with pytest.raises(bt.SessionClosed):
            verb()
    for change in (client.remove_trackers, client.replace_trackers, client.add_trackers):
        with pytest.raises(bt.SessionClosed):
            change("udp://127.0.0.1:9")


def test_udp_is_blocked_and_the_stall_says_what_each_tracker_answered(tmp_path: Path) -> None:
    settings = LOCAL.replace(announce_timeout=0.3)
    with bt.Client(SMALL.metainfo(), tmp_path, settings=settings) as client:
        client.add_trackers(["udp://127.0.0.1:9", "http://127.0.0.1:9/announce"])
        client.wait(lambda status: all(row.error for row in status.trackers), timeout=PATIENCE)
        with pytest.raises(bt.Stalled) as caught:
            client.wait(stall_timeout=0.1)
        assert "udp://127.0.0.1:9: no answer within 0.3 s" in str(caught.value)
        assert "http://127.0.0.1:9/announce: connection refused" in str(caught.value)
