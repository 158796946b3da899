"""DialQueue: which address is dialled next, and when."""

from __future__ import annotations

import random
from typing import List

from bittorrent_threads.swarm.dial_queue import FIRST_UNPRIVILEGED_PORT, DialQueue, ListedAddress
from bittorrent_threads.swarm.source_shares import Source


def known(port: int, *, failures: int = 0, source: Source = Source.TRACKER) -> ListedAddress:
    entry = ListedAddress(("127.0.0.1", port), source, "")
    entry.failures = failures
    return entry


def queue(*entries: ListedAddress, due: float = 0.0) -> DialQueue:
    made = DialQueue(random.Random(1))
    for entry in entries:
        made.put(entry, 0.0, due)
    return made


def ports(made: DialQueue, now: float = 0.0, count: int = 100) -> List[int]:
    return [port for _, port in made.candidates(now, count)]


def test_preference_decides_where_it_is_known_and_chance_elsewhere() -> None:
    made = DialQueue(random.Random(1))
    standing = {1: 0.9, 2: 0.1, 3: 0.5}
    made.preference = lambda address: standing.get(address[1] - 2000)
    for number in (1, 2, 3, 4, 5):
        made.put(ListedAddress(("10.0.0.1", 2000 + number), Source.TRACKER, ""), 0.0, 0.0)
    order = [port - 2000 for _, port in made.candidates(0.0, 9)]
    assert [number for number in order if number in standing] == [2, 3, 1]
    assert sorted(order) == [1, 2, 3, 4, 5]


def test_the_users_first_then_by_failures_and_other_services_last() -> None:
    last = FIRST_UNPRIVILEGED_PORT - 1
    made = queue(
        known(last), known(5000, failures=2), known(5001), known(80, source=Source.USER), known(5002, failures=1)
    )
    assert ports(made) == [80, 5001, 5002, 5000, last]


def test_each_waits_for_its_time() -> None:
    made = queue()
    made.put(known(5001), 0.0, 10.0)
    made.put(known(5002), 0.0, 5.0)
    assert made.next_time(0.0) == 5.0
    assert ports(made, 4.9) == []
    assert ports(made, 5.0) == [5002]
    assert made.next_time(7.0) == 7.0
    assert sorted(ports(made, 10.0)) == [5001, 5002]


def test_what_was_taken_is_no_candidate_and_has_no_time() -> None:
    waiting, ready = known(5001), known(5002)
    made = queue(ready)
    made.put(waiting, 0.0, 5.0)
    made.take(ready)
    made.take(waiting)
    made.take(waiting)
    assert made.next_time(0.0) is None
    assert ports(made, 10.0) == []


def test_the_last_time_counts() -> None:
    entry = known(5001)
    made = queue(entry)
    made.put(entry, 0.0, 50.0)
    assert ports(made, 49.0) == []
    assert made.next_time(0.0) == 50.0
    made.put(entry, 0.0, 0.0)
    assert ports(made) == [5001]


def test_void_entries_do_not_pile_up() -> None:
    entry = known(5001)
    made = queue(entry)
    for number in range(2000):
        made.put(entry, float(number), float(number) + number % 2)
    assert max(len(made._ready), len(made._waiting)) < 200
