"""The order in which look-ups get a worker."""

from __future__ import annotations

from typing import List

from bittorrent_threads.net import request_queue as turns_module
from bittorrent_threads.net.request_queue import MAX_PER_HOST, RequestQueue


def begun(requests: RequestQueue[str]) -> List[str]:
    """Begin whatever can be begun, in order."""
    order: List[str] = []
    while True:
        request = requests.peek()
        if request is None:
            return order
        requests.begin(request)
        order.append(request)


def test_first_come_first_served() -> None:
    requests: RequestQueue[str] = RequestQueue()
    for request in "abc":
        requests.add(request, (request, 0))
    assert len(requests) == 3
    assert begun(requests) == ["a", "b", "c"]
    assert len(requests) == 0


def test_a_host_has_its_share_and_the_others_pass_by() -> None:
    requests: RequestQueue[str] = RequestQueue()
    for number in range(500):
        requests.add(f"greedy{number}", ("greedy", 4))
    requests.add("other", ("other", 4))
    assert begun(requests) == [*(f"greedy{number}" for number in range(MAX_PER_HOST)), "other"]
    requests.end(("greedy", 4), failed=False)
    assert begun(requests) == [f"greedy{MAX_PER_HOST}"]


def test_hosts_that_failed_stand_behind_the_others_until_they_answer() -> None:
    requests: RequestQueue[str] = RequestQueue()
    for failed in (True, False):
        requests.add("first", ("bad", 4))
        requests.begin("first")
        requests.end(("bad", 4), failed=failed)
        requests.add("again", ("bad", 4))
        requests.add("untried", ("new", 4))
        assert begun(requests) == (["untried", "again"] if failed else ["again", "untried"])
        requests.end(("bad", 4), failed=False)
        requests.end(("new", 4), failed=False)


def test_who_gave_up_has_no_turn() -> None:
    requests: RequestQueue[str] = RequestQueue()
    requests.add("a", ("x", 4))
    requests.discard("a")
    requests.discard("a")
    assert requests.peek() is None
    assert len(requests) == 0


def test_the_memory_of_failures_has_an_end() -> None:
    requests: RequestQueue[str] = RequestQueue()
    for number in range(turns_module.MAX_FAILED + 10):
        requests.add("x", (str(number), 0))
        requests.begin("x")
        requests.end((str(number), 0), failed=True)
    assert len(requests._failed_hosts) == turns_module.MAX_FAILED
    assert requests._under_way == {}


def test_a_host_that_is_silent_over_one_family_is_asked_over_the_other() -> None:
    requests: RequestQueue[str] = RequestQueue()
    for number in range(9):
        requests.add(f"six{number}", ("host", 6))
    requests.add("four", ("host", 4))
    assert begun(requests)[-1] == "four"
