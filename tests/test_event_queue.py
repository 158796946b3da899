"""The queue of events: what finds room, what is counted instead, and that nothing follows the end."""

from __future__ import annotations

import queue
import select
import threading
from typing import Any, Callable, Deque, List

import pytest

from bittorrent_threads.event_queue import EventQueue
from bittorrent_threads.events import (
    Closed,
    Completed,
    Event,
    EventsDropped,
    FileCompleted,
    PieceFailed,
    PiecePassed,
    Progressed,
)

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


def files_of(first: int, end: int) -> List[Event]:
    return [FileCompleted(HASH, 1.0, index, f"file {index}") for index in range(first, end)]


def test_files_that_would_be_replaced_are_not_made() -> None:
    events = EventQueue(8)
    made: List[int] = []

    def path(index: int) -> str:
        made.append(index)
        return f"file {index}"

    events.publish(Completed(HASH, 0.0))
    events.publish_files(HASH, 1.0, range(100), path)
    assert made == list(range(92, 100))
    assert taken(events) == files_of(92, 100)
    events.publish(Completed(HASH, 2.0))
    assert taken(events)[0] == EventsDropped(HASH, 2.0, 93, ("Completed", "FileCompleted"))


def test_a_thread_that_waits_gets_every_file() -> None:
    events = EventQueue(8)
    seen: List[Event] = []
    taking = threading.Thread(target=lambda: seen.extend(iter(events.get, Completed(HASH, 2.0))))
    taking.start()
    while not events._waiters:
        pass
    events.publish_files(HASH, 1.0, [3], "file {}".format)
    while len(seen) < 1 or not events._waiters:
        pass
    made: List[int] = []

    def path(index: int) -> str:
        made.append(index)
        return f"file {index}"

    events.publish_files(HASH, 1.0, range(100), path)
    events.publish(Completed(HASH, 2.0))
    taking.join(30)
    assert made == list(range(100))


def test_no_file_follows_the_end() -> None:
    events = EventQueue(8)
    events.end(Closed(HASH, 1.0, ""))
    events.publish_files(HASH, 1.0, [1], str)
    assert taken(events) == [Closed(HASH, 1.0, "")]


def test_what_matters_finds_room_behind_frequent_events() -> None:
    events = EventQueue(8)
    events.publish_passed(HASH, 1.0, range(100))
    for _ in range(3):
        events.publish(Completed(HASH, 2.0))
    assert taken(events)[4:] == [Completed(HASH, 2.0)] * 3


def test_nothing_follows_the_end() -> None:
    events = EventQueue(8)
    events.end(Closed(HASH, 1.0, ""))
    events.publish_passed(HASH, 2.0, [1])
    events.publish(Completed(HASH, 2.0))
    events.end(Closed(HASH, 2.0, "again"))
    assert not events.ended
    assert events.qsize() == 1
    assert taken(events) == [Closed(HASH, 1.0, "")]
    events._events.append(Completed(HASH, 3.0))  # the publisher was in the middle of it
    assert events.ended
    assert events.empty()


@pytest.mark.parametrize("get", [EventQueue.get_nowait, EventQueue.get, lambda events: events.get(timeout=60)])
def test_nobody_waits_for_what_never_comes(get: Callable[[EventQueue], Event]) -> None:
    events = EventQueue(8)
    events.publish(Completed(HASH, 1.0))
    events.end(Closed(HASH, 1.0, ""))
    assert [get(events), get(events)] == [Completed(HASH, 1.0), Closed(HASH, 1.0, "")]
    with pytest.raises(queue.Empty):
        get(events)


def test_what_was_dropped_is_told_before_the_end() -> None:
    events = EventQueue(4)
    events.publish_passed(HASH, 1.0, range(5))
    events.end(Closed(HASH, 2.0, ""))
    assert taken(events)[2:] == [EventsDropped(HASH, 2.0, 3, ("PiecePassed",)), Closed(HASH, 2.0, "")]


def test_has_the_getting_half_of_a_queue() -> None:
    events = EventQueue(4)
    assert (events.maxsize, events.qsize(), events.empty(), events.full()) == (4, 0, True, False)
    for arguments in ((False,), (True, 0), (True, 0.001)):
        with pytest.raises(queue.Empty):
            events.get(*arguments)
    with pytest.raises(ValueError, match="non-negative"):
        events.get(timeout=-1)
    for _ in range(4):
        events.publish(Completed(HASH, 1.0))
    assert (events.qsize(), events.empty(), events.full()) == (4, False, True)


def test_only_the_newest_of_a_run_is_kept_even_if_the_last_is_taken_meanwhile() -> None:
    def progressed(done: int) -> Progressed:
        return Progressed(HASH, 1.0, done, 0, 0, 0.0, 0.0)

    events = EventQueue(8)
    events.publish(progressed(1))
    events.publish(progressed(2))
    assert taken(events) == [progressed(2)]

    events.publish(progressed(3))
    real = events._coalesce
    events._coalesce = lambda event: (taken(events), real(event))[1]  # type: ignore[method-assign]
    events.publish(progressed(4))
    assert taken(events) == [progressed(4)]


def test_the_oldest_frequent_event_makes_place_and_then_the_oldest_of_all() -> None:
    events = EventQueue(4)
    made = [FileCompleted(HASH, 1.0, index, "file") for index in range(6)]
    events.publish(made[0])
    events.publish_passed(HASH, 1.0, [7])
    for event in made[1:]:
        events.publish(event)
    assert taken(events) == made[2:]
    events.end(Closed(HASH, 2.0, ""))
    assert taken(events) == [EventsDropped(HASH, 2.0, 3, ("FileCompleted", "PiecePassed")), Closed(HASH, 2.0, "")]


def test_a_full_queue_is_not_searched_for_each_of_many_events() -> None:
    """20,000 small files are complete at once: to look through the queue for each took seconds."""
    copies = []

    class Events(Deque[Event]):
        def copy(self) -> Any:
            copies.append(len(self))
            return super().copy()

    events = EventQueue(100)
    events._events = Events()
    for index in range(1000):
        events.publish(FileCompleted(HASH, 1.0, index, "file"))
    assert len(copies) == 1
    events._take()
    events._take()
    events.publish(FileCompleted(HASH, 1.0, 1000, "file"))
    assert len(copies) == 1
    assert events.qsize() == 99


def test_every_event_is_taken_once_and_in_order() -> None:
    events, count = EventQueue(1_000_000), 20_000
    got: List[List[int]] = [[] for _ in range(3)]

    def follow(mine: List[int]) -> None:
        while True:
            try:
                event = events.get(timeout=60)
            except queue.Empty:
                return
            if isinstance(event, PieceFailed):
                mine.append(event.index)

    threads = [threading.Thread(target=follow, args=(mine,)) for mine in got]
    for thread in threads:
        thread.start()
    for index in range(count):
        events.publish(PieceFailed(HASH, 1.0, index))
    events.end(Closed(HASH, 1.0, ""))
    for thread in threads:
        thread.join(60)
    assert all(mine == sorted(mine) for mine in got)
    assert sorted(index for mine in got for index in mine) == list(range(count))


def readable(events: EventQueue) -> bool:
    return bool(select.select([events], [], [], 0)[0])


def test_its_descriptor_is_readable_while_events_wait() -> None:
    events = EventQueue(8)
    events.publish(Completed(HASH, 1.0))
    number = events.fileno()
    assert readable(events), "an event was there before the descriptor"
    assert events.get() == Completed(HASH, 1.0)
    assert not readable(events)
    events.publish_passed(HASH, 1.0, [1, 2])
    events.publish_files(HASH, 1.0, [3], str)
    for _ in range(3):
        assert readable(events)
        events.get_nowait()
    assert not readable(events)
    with pytest.raises(queue.Empty):
        events.get(timeout=0.001)
    events.publish(Completed(HASH, 2.0))
    assert readable(events)
    assert events.fileno() == number


def test_its_descriptor_stays_readable_from_the_end_on() -> None:
    events = EventQueue(8)
    events.fileno()
    events.end(Closed(HASH, 1.0, ""))
    assert readable(events)
    assert taken(events) == [Closed(HASH, 1.0, "")]
    assert readable(events)

    late = EventQueue(8)
    late.end(Closed(HASH, 1.0, ""))
    assert readable(late), "the descriptor was made after the end"


def test_a_queue_that_no_loop_watches_has_no_descriptor() -> None:
    events = EventQueue(8)
    events.publish(Completed(HASH, 1.0))
    taken(events)
    events.end(Closed(HASH, 1.0, ""))
    assert events._readiness == []
