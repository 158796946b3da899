"""When torrents are looked up in the DHT."""

from __future__ import annotations

import random
from typing import Dict, List

from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.swarm import dht_schedule
from bittorrent_threads.swarm.dht_schedule import (
    ANNOUNCE_INTERVAL,
    ANNOUNCE_PACE,
    EAGER_PAUSE,
    INTERVAL,
    JITTER,
    MAX_UNDER_WAY,
    DhtSchedule,
)

ONE, TWO = b"1" * 20, b"2" * 20


def make() -> DhtSchedule:
    return DhtSchedule(random.Random(1))


def many(count: int) -> List[bytes]:
    return [number.to_bytes(20, "big") for number in range(count)]


def pause(schedule: DhtSchedule, now: float, *, answered: bool = True, found: int = 5, wanting: bool = True) -> float:
    """Make the lookup that is due now, and return the seconds to the next."""
    assert schedule.due(now) == [ONE]
    schedule.ended(ONE, now, answered=answered, found=found, wanting=wanting)
    following = schedule.next_of(ONE)
    assert following is not None
    assert following == schedule.next_time()
    return following - now


def test_a_torrent_is_looked_up_at_once_and_then_at_intervals() -> None:
    schedule = make()
    assert schedule.next_time() is None
    schedule.add(ONE, 5.0, wanting=True)
    schedule.add(ONE, 3.0, wanting=True)
    assert schedule.next_time() == schedule.next_of(ONE) == 5.0
    assert schedule.due(4.0) == []
    assert INTERVAL <= pause(schedule, 5.0) <= INTERVAL * (1 + JITTER)
    assert schedule.due(5.0 + INTERVAL - 1) == []


def test_one_that_wants_no_peers_only_announces() -> None:
    schedule = make()
    schedule.add(ONE, 0.0, wanting=False)
    assert ANNOUNCE_INTERVAL <= pause(schedule, 0.0, found=0, wanting=False) <= ANNOUNCE_INTERVAL * (1 + JITTER)


def test_while_nobody_is_found_the_pauses_grow_from_a_minute() -> None:
    schedule = make()
    schedule.add(ONE, 0.0, wanting=True)
    now, pauses = 0.0, []
    for number in range(6):
        pauses.append(pause(schedule, now, answered=number != 2, found=0))
        now += pauses[-1]
    for each, least in zip(pauses, [60, 120, 240, 480, 900, 900]):
        assert least <= each <= least * (1 + JITTER)
    assert pause(schedule, now) >= INTERVAL
    now += INTERVAL * (1 + JITTER)
    assert pause(schedule, now, found=0) <= EAGER_PAUSE * (1 + JITTER)


def test_a_lookup_that_no_node_answered_is_made_again_soon() -> None:
    schedule = make()
    schedule.add(ONE, 0.0, wanting=False)
    assert pause(schedule, 0.0, answered=False, found=0, wanting=False) <= EAGER_PAUSE * (1 + JITTER)


def test_few_lookups_run_at_once_and_those_that_want_peers_are_first() -> None:
    schedule = make()
    keys = many(1000)
    for key in keys:
        schedule.add(key, 0.0, wanting=False)
    begun = [key for second in range(10) for key in schedule.due(second * ANNOUNCE_PACE)]
    assert begun == keys[:MAX_UNDER_WAY]
    assert schedule.next_time() is None
    schedule.add(ONE, 20.0, wanting=True)
    assert schedule.due(20.0) == []
    schedule.ended(begun[0], 21.0, answered=True, found=0, wanting=False)
    assert schedule.next_time() == (MAX_UNDER_WAY * ANNOUNCE_PACE)
    assert schedule.due(21.0) == [ONE]
    assert schedule.searching(ONE)
    assert schedule.next_of(ONE) is None


def test_those_that_only_announce_are_begun_one_a_second_and_do_not_delay_others() -> None:
    schedule = make()
    for key in many(3):
        schedule.add(key, 0.0, wanting=False)
    assert schedule.due(0.0) == many(1)
    assert schedule.due(0.5) == []
    assert schedule.next_time() == ANNOUNCE_PACE
    schedule.add(ONE, 0.5, wanting=True)
    assert schedule.next_time() == 0.5
    assert schedule.due(0.5) == [ONE]
    assert schedule.due(1.0) == many(2)[1:]


def test_one_that_hurries_is_next() -> None:
    schedule = make()
    for key in (ONE, TWO):
        schedule.add(key, 0.0, wanting=True)
        assert schedule.due(0.0) == [key]
        schedule.hurry(key, 1.0, wanting=True)  # it is under way
        schedule.ended(key, 2.0, answered=True, found=1, wanting=True)
    schedule.hurry(TWO, 10.0, wanting=True)
    schedule.hurry(TWO, 11.0, wanting=True)  # it is due already
    schedule.hurry(b"unknown", 10.0, wanting=True)
    assert schedule.due(12.0) == [TWO]
    schedule.ended(TWO, 13.0, answered=True, found=1, wanting=True)
    assert schedule.due(14.0) == []


def test_one_that_is_removed_makes_room() -> None:
    schedule = make()
    keys = many(MAX_UNDER_WAY + 2)
    for key in keys:
        schedule.add(key, 0.0, wanting=True)
    schedule.due(0.0)
    schedule.remove(keys[0])
    schedule.remove(keys[0])
    schedule.remove(keys[-2])
    assert schedule.due(1.0) == [keys[-1]]
    schedule.ended(keys[0], 2.0, answered=True, found=1, wanting=True)
    schedule.ended(keys[-1], 2.0, answered=True, found=1, wanting=True)
    schedule.ended(keys[-1], 2.0, answered=True, found=1, wanting=True)  # told twice
    assert schedule.next_of(keys[0]) is None
    assert not schedule.searching(keys[0])
    assert len(schedule) == MAX_UNDER_WAY


@given(st.data())
def test_whatever_happens_no_torrent_is_lost(data: st.DataObject) -> None:
    schedule = make()
    now, running = 0.0, []  # type: float, List[bytes]
    started: Dict[bytes, bool] = {}
    keys = many(20)
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.sampled_from([0.0, 1.0, 100.0, 2000.0]))
        key, wanting = data.draw(st.sampled_from(keys)), data.draw(st.booleans())
        action = data.draw(st.sampled_from(["add", "remove", "hurry", "due", "ended"]))
        if action == "add":
            schedule.add(key, now, wanting=wanting)
            started[key] = True
        elif action == "remove":
            schedule.remove(key)
            started.pop(key, None)
            running = [each for each in running if each != key]
        elif action == "hurry":
            schedule.hurry(key, now, wanting=wanting)
        elif action == "due":
            running += schedule.due(now)
        elif running:
            schedule.ended(running.pop(0), now, answered=wanting, found=0, wanting=wanting)
        assert len(running) <= MAX_UNDER_WAY
        assert len(schedule) == len(started)
        for each in started:
            assert schedule.searching(each) == (each in running)
            assert (schedule.next_of(each) is None) == (each in running)
    for _ in range(50):
        for each in running:
            schedule.ended(each, now, answered=True, found=1, wanting=True)
            started[each] = False
        running = schedule.due(now + 2 * dht_schedule.ANNOUNCE_INTERVAL)
    assert not running or set(running) <= set(started)
