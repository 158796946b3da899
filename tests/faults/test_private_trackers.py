"""A .torrent has nothing asked of this machine and its network but what a tracker is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL
from support.webserver import WebServer, ok

import bittorrent_threads as bt

PEERS = ok(b"d8:intervali1800e5:peers0:e")


def told(client: bt.Client) -> bt.TrackerStatus:
    """Its tracker, once it was asked."""
    client.wait(lambda status: all(row.error or row.working for row in status.trackers), timeout=PATIENCE)
    (row,) = client.trackers
    return row


def test_a_torrent_cannot_reach_the_interface_of_a_router(tmp_path: Path) -> None:
    with WebServer(PEERS) as router:
        url = router.url("/reboot?now=1")
        with bt.Client(SMALL.metainfo([url]), tmp_path, settings=LOCAL) as client:
            assert told(client).error == "127.0.0.1 is not public, and only /announce… and /scrape… are asked for there"
        assert router.requests == []
        trusted = LOCAL.replace(check_tracker_paths=False)
        for trackers, settings in ((url, LOCAL), ((), trusted)):
            with bt.Client(SMALL.metainfo([url]), tmp_path, trackers=trackers, settings=settings) as client:
                assert told(client).working
            assert router.requests.pop().startswith(b"GET /reboot?now=1&info_hash=")  # stopped
            assert router.requests.pop().startswith(b"GET /reboot?now=1&info_hash=")  # started


def test_a_tracker_cannot_send_us_there(tmp_path: Path) -> None:
    with WebServer(PEERS) as router, WebServer(ok(b"", f"Location: {router.url('/x')}", status="302 Found")) as tracker:
        with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, trackers=[tracker.url()]) as client:
            assert "only /announce…" in told(client).error
        assert router.requests == []


def test_what_create_was_told_is_trusted_and_what_a_file_says_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 20_000)
    with WebServer(PEERS) as tracker:
        made = bt.create(tmp_path / "file", trackers=tracker.url("/mine"))
        with bt.Client(made, tmp_path, settings=LOCAL) as client:
            assert told(client).working
        with bt.Client(made.to_bytes(), tmp_path, settings=LOCAL) as client:
            assert "only /announce…" in told(client).error


@pytest.mark.parametrize("query", ["info_hash=x", "a=1&event=stopped", "peer%5Fid=x", "port=1"])
def test_a_url_that_says_what_we_say_is_refused(tmp_path: Path, query: str) -> None:
    with WebServer(PEERS) as tracker:
        with bt.Client(SMALL.metainfo([tracker.url(f"/announce?{query}")]), tmp_path, settings=LOCAL) as client:
            assert told(client).error.startswith("the URL has ")
        assert tracker.requests == []
