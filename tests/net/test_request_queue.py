"""The order in which look-ups get a worker."""

from __future__ import annotations

from typing import List

from bittorrent_threads.net import request_queue as turns_module
from bittorrent_threads.net.request_queue import MAX_PER_HOST, RequestQueue


def begun(turns: RequestQueue[str]) -> List[str]:
    """Begin whatever can be begun, in order."""
    order: List[str] = []
    while True:
        request = turns.peek()
        if request is None:
            return order
        turns.begin(request)
        order.append(request)


def test_first_come_first_served() -> None:
    turns: RequestQueue[str] = RequestQueue()
    for request in "abc":
        turns.add(request, (request, 0))
    assert len(turns) == 3 and begun(turns) == ["a", "b", "c"] and len(turns) == 0


def test_a_host_has_its_share_and_the_others_pass_by() -> None:
    turns: RequestQueue[str] = RequestQueue()
    for number in range(500):
        turns.add(f"greedy{number}", ("greedy", 4))
    turns.add("other", ("other", 4))
    assert begun(turns) == [*(f"greedy{number}" for number in range(MAX_PER_HOST)), "other"]
    turns.end(("greedy", 4), failed=False)
    assert begun(turns) == [f"greedy{MAX_PER_HOST}"]


def test_hosts_that_failed_stand_behind_the_others_until_they_answer() -> None:
    turns: RequestQueue[str] = RequestQueue()
    for failed in (True, False):
        turns.add("first", ("bad", 4))
        turns.begin("first")
        turns.end(("bad", 4), failed=failed)
        turns.add("again", ("bad", 4))
        turns.add("untried", ("new", 4))
        assert begun(turns) == (["untried", "again"] if failed else ["again", "untried"])
        turns.end(("bad", 4), failed=False)
        turns.end(("new", 4), failed=False)


def test_who_gave_up_has_no_turn() -> None:
    turns: RequestQueue[str] = RequestQueue()
    turns.add("a", ("x", 4))
    turns.discard("a")
    turns.discard("a")
    assert turns.peek() is None and len(turns) == 0


def test_the_memory_of_failures_has_an_end() -> None:
    turns: RequestQueue[str] = RequestQueue()
    for number in range(turns_module.MAX_FAILED + 10):
        turns.add("x", (str(number), 0))
        turns.begin("x")
        turns.end((str(number), 0), failed=True)
    assert len(turns._failed_hosts) == turns_module.MAX_FAILED and turns._under_way == {}


def test_a_host_that_is_silent_over_one_family_is_asked_over_the_other() -> None:
    turns: RequestQueue[str] = RequestQueue()
    for number in range(9):
        turns.add(f"six{number}", ("host", 6))
    turns.add("four", ("host", 4))
    assert begun(turns)[-1] == "four"
