"""Programs that run trackers, and that change and ask the trackers of a client."""

from __future__ import annotations

import bittorrent_threads as bt

from .ground import PATIENCE, Ground
from .program import Storm, check_works


def tracked(ground: Ground, storm: Storm) -> None:
    """Start trackers, ask them, and close them."""

    def call() -> None:
        with bt.Tracker() as tracker:
            assert tracker.announces == ()
            assert tracker.swarm(bytes(20)) == ()
            assert tracker.url
            assert tracker.udp_url
        tracker.start().close(timeout=PATIENCE)

    storm(call)


def announced(ground: Ground, storm: Storm) -> None:
    """Change the trackers of a client, announce to them and scrape them."""
    with bt.Tracker() as tracker, ground.client(trackers=tracker.url) as client:
        client.wait("checked", timeout=PATIENCE)

        def call() -> None:
            client.add_trackers(tracker.udp_url)
            client.reannounce()
            assert len(client.scrape(PATIENCE)) == 2
            assert [status.as_row()["url"] for status in client.trackers] == [tracker.url, tracker.udp_url]
            client.remove_trackers(tracker.udp_url)
            client.replace_trackers(tracker.url)

        storm(call)
        call()
        assert [status.url for status in client.trackers] == [tracker.url]
        check_works(client)
