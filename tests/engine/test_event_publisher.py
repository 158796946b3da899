"""The events of a torrent carry its infohash and the time."""

from __future__ import annotations

from typing import List

from bittorrent_threads import events
from bittorrent_threads.engine.event_publisher import EventPublisher
from bittorrent_threads.testing.simulation.recorder import Recorder

INFOHASH = bytes(range(20))


def test_every_event_says_of_which_torrent_it_is_and_when_it_happened() -> None:
    heard: List[events.Event] = []
    publisher = EventPublisher(INFOHASH, Recorder(heard.append), lambda: 12.5)
    publisher.publish(events.StateChanged, state="active", previous="stopped")
    publisher.publish_passed([3, 4])
    publisher.publish_passed([])
    assert heard == [
        events.StateChanged(INFOHASH, 12.5, state="active", previous="stopped"),
        events.PiecePassed(INFOHASH, 12.5, 3),
        events.PiecePassed(INFOHASH, 12.5, 4),
    ]


def test_a_refreshed_status_is_told() -> None:
    told: List[str] = []
    recorder = Recorder(lambda event: None)
    vars(recorder)["refreshed"] = lambda: told.append("refreshed")
    EventPublisher(INFOHASH, recorder, lambda: 0.0).refreshed()
    assert told == ["refreshed"]
