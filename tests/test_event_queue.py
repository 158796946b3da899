"""The queue of events: what finds room, what is counted instead, and that nothing follows the end."""

from __future__ import annotations

from typing import List

from bittorrent_threads.event_queue import EventQueue
from bittorrent_threads.events import Closed, Completed, Event, EventsDropped, PiecePassed

HASH = bytes(20)


def taken(events: EventQueue) -> List[Event]:
    return [events.get_nowait() for _ in range(events.qsize())]


def pieces(*indexes: int) -> List[PiecePassed]:
    return [PiecePassed(HASH, 1.0, index) for index in indexes]


def test_pieces_come_one_by_one_in_the_order_given() -> None:
    events = EventQueue(20)
    events.publish_passed(HASH, 1.0, (3, 1, 2))
    assert taken(events) == pieces(3, 1, 2)


def test_pieces_without_room_are_counted_before_what_comes_next() -> None:
    events = EventQueue(8)
    events.publish_passed(HASH, 1.0, range(6))
    events.publish_passed(HASH, 1.0, [6, 7])
    assert taken(events) == pieces(0, 1, 2, 3)
    events.publish_passed(HASH, 2.0, [8])
    assert taken(events) == [EventsDropped(HASH, 2.0, 4, ("PiecePassed",)), PiecePassed(HASH, 2.0, 8)]


def test_what_matters_finds_room_behind_frequent_events() -> None:
    events = EventQueue(8)
    events.publish_passed(HASH, 1.0, range(100))
    for _ in range(3):
        events.publish(Completed(HASH, 2.0))
    assert taken(events)[4:] == [Completed(HASH, 2.0)] * 3


def test_nothing_follows_the_end() -> None:
    events = EventQueue(8)
    events.publish(Closed(HASH, 1.0, ""))
    events.publish_passed(HASH, 2.0, [1])
    events.publish(Completed(HASH, 2.0))
    assert taken(events) == [Closed(HASH, 1.0, "")]
