"""Lookups: whom to ask next, when they have converged, and what liars can do."""

from __future__ import annotations

from typing import List, Optional, Tuple

from support.dht_places import fitting, local, place, public

from bittorrent_threads.dht.bucket import K
from bittorrent_threads.dht.lookup import (
    CONCURRENCY,
    MAX_CANDIDATES,
    MAX_LIES,
    MAX_QUERIES,
    Candidate,
    Lookup,
    Progress,
)
from bittorrent_threads.dht.place import Place

TARGET = 0
OWN = 1 << 159


def lookup(*numbers: int) -> Lookup:
    found = Lookup(TARGET, OWN)
    found.add(nodes(*numbers))
    return found


def nodes(*numbers: int) -> List[Tuple[Optional[int], Place]]:
    """Nodes of the local network, which may have any id; a smaller number is closer to the target."""
    return [(number, local(number)) for number in numbers]


def ask(found: Lookup) -> List[Candidate]:
    """Ask all that may be asked now."""
    asked: List[Candidate] = []
    while True:
        candidate = found.next()
        if candidate is None:
            return asked
        found.asked(candidate)
        asked.append(candidate)


def ids(candidates: List[Candidate]) -> List[Optional[int]]:
    return [candidate.number for candidate in candidates]


def test_the_closest_are_asked_first_and_few_at_once() -> None:
    found = lookup(*range(20, 0, -1))
    asked = ask(found)
    assert ids(asked) == [1, 2, 3, 4, 5]
    assert len(asked) == CONCURRENCY
    found.replied(asked[0])
    assert ids(ask(found)) == [6]
    assert not found.converged


def test_it_has_converged_when_the_eight_closest_replied() -> None:
    found = lookup(*range(1, 30))
    while not found.converged:
        for candidate in ask(found):
            found.replied(candidate)
    assert (found.queries, found.replies, found.steps) == (K, K, 1)
    assert ids(found.closest()) == list(range(1, 9))


def test_only_closer_nodes_help() -> None:
    found = lookup(*range(100, 110))
    for candidate in ask(found):
        found.replied(candidate)
        found.add(nodes(*range(200, 208)), candidate)
    while not found.converged:
        for candidate in ask(found):
            found.replied(candidate)
    assert found.queries == K


def test_nodes_are_followed_to_the_target() -> None:
    found = lookup(1 << 20)
    for step in range(19, -1, -1):
        (candidate,) = ask(found)
        found.replied(candidate, b"token")
        found.add(nodes(1 << step), candidate)
        assert candidate.steps == 20 - step
    assert found.steps == 20
    assert ids(found.closest())[0] == 2
    assert found.closest()[0].token == b"token"


def test_dead_nodes_are_passed_over() -> None:
    found = lookup(*range(1, 30))
    while not found.converged:
        for candidate in ask(found):
            if (candidate.number or 0) % 2:
                found.failed(candidate)
            else:
                found.replied(candidate)
    assert ids(found.closest()) == [2, 4, 6, 8, 10, 12, 14, 16]


def test_a_late_answer_gives_its_place_to_another() -> None:
    found = lookup(*range(1, 30))
    asked = ask(found)
    for candidate in asked:
        found.slow(candidate)
    assert ids(ask(found)) == [6, 7, 8, 9, 10]
    found.replied(asked[0])
    assert asked[0].progress is Progress.REPLIED


def test_late_answers_are_awaited_only_if_they_are_needed() -> None:
    found = lookup(*range(1, 10))
    first = ask(found)[0]
    found.slow(first)
    while True:
        waiting = [each for _, _, each in found._sorted if each.progress is Progress.ASKED]
        for candidate in waiting:
            found.replied(candidate)
        if not ask(found):
            break
    assert found.converged, "eight others replied"
    few = lookup(1, 2)
    one, other = ask(few)
    few.replied(one)
    few.slow(other)
    assert not few.converged
    few.failed(other)
    assert few.converged


def test_nothing_to_ask() -> None:
    assert lookup().converged
    assert lookup().closest() == []
    assert Lookup(TARGET, OWN).next() is None
    own = Lookup(TARGET, OWN)
    own.add([(OWN, public(1))])
    assert own.next() is None, "we do not ask ourselves"


def test_a_node_without_a_known_id_is_asked_first_and_is_no_result() -> None:
    found = lookup(1, 2)
    found.add([(None, public(1)), (None, public(2))])
    asked = ask(found)
    assert ids(asked) == [None, None, 1, 2]
    for candidate in asked:
        found.replied(candidate)
    assert found.converged
    assert ids(found.closest()) == [1, 2]


# -- liars -------------------------------------------------------------------------------------------------------------


def test_nodes_that_break_bep_42_are_none_of_the_eight() -> None:
    found = Lookup(TARGET, OWN)
    bad = [(number, public(number)) for number in range(1, 9)]
    good = [(fitting(public(100 + number), number), public(100 + number)) for number in range(8)]
    found.add([*bad, *good])
    while not found.converged:
        for candidate in ask(found):
            found.replied(candidate, b"token")
    assert found.queries == 16
    assert {candidate.number for candidate in found.closest()} == {number for number, _ in good}
    few = Lookup(TARGET, OWN)
    few.add([*bad, good[0]])
    while not few.converged:
        for candidate in ask(few):
            few.replied(candidate)
    assert ids(few.closest()) == [good[0][0], *range(1, 8)], "only because there are no others"


def test_a_network_takes_part_once() -> None:
    found = Lookup(TARGET, OWN)
    found.add((number, place(f"8.8.8.{number}")) for number in range(1, 200))
    found.add((number, place(f"2001:4860:1:{number:x}::1")) for number in range(200, 300))
    asked = ask(found)
    assert ids(asked) == [1, 200]
    found.failed(asked[0])
    found.add([(1, place("8.8.8.1")), (7, place("8.8.8.7"))])
    assert ids(ask(found)) == [7], "another one of a network whose node is dead"


def test_an_id_is_asked_at_one_address() -> None:
    found = lookup(5)
    found.add([(5, local(77))])
    (first,) = ask(found)
    assert first.place == local(5)
    found.failed(first)
    found.add([(5, local(5))])
    assert ask(found) == []
    found.add([(5, local(77))])
    (second,) = ask(found)
    assert second.place == local(77)


def test_what_a_liar_tells_is_not_asked_for_long() -> None:
    found = lookup(1000)
    (liar,) = ask(found)
    found.replied(liar)
    for batch in range(5):
        found.add(nodes(*range(1 + 20 * batch, 21 + 20 * batch)), liar)
    for rounds in range(10):
        for candidate in ask(found):
            found.slow(candidate) if rounds % 2 else found.failed(candidate)
    assert found.queries <= 1 + MAX_LIES + CONCURRENCY
    found.add(nodes(900), None)
    assert ids(ask(found)) == [900], "what others tell is"


def test_who_tells_the_truth_may_tell_some_dead_nodes() -> None:
    found = lookup(1000)
    (candidate,) = ask(found)
    found.replied(candidate)
    found.add(nodes(*range(1, 60)), candidate)
    asked = 0
    for _ in range(60):
        for each in ask(found):
            asked += 1
            found.failed(each) if asked % 2 else found.replied(each)
    assert len(found.closest()) == K


def test_a_late_answer_is_a_lie_until_it_comes() -> None:
    found = lookup(1000)
    (teller,) = ask(found)
    found.replied(teller)
    found.add(nodes(1, 2, 3), teller)
    one, two, three = ask(found)
    for each in (one, two, three):
        found.slow(each)
    assert teller.lies == 3
    found.failed(one)
    assert teller.lies == 3
    found.replied(two)
    assert teller.lies == 1


def test_a_lookup_has_an_end() -> None:
    found = lookup(1 << 40)
    told = 1 << 39
    while True:
        asked = ask(found)
        if not asked:
            break
        for candidate in asked:
            found.replied(candidate)
            # Each tells one that is closer, without an end.
            told -= 1
            found.add([(told, local(told))], candidate)
    assert found.queries == MAX_QUERIES
    assert found.converged


def test_few_candidates_are_remembered() -> None:
    found = Lookup(TARGET, OWN)
    for number in range(5 * MAX_CANDIDATES, 0, -1):
        found.add([(number, local(number))])
    found.add([(None, local(60000))])
    assert len(found._sorted) == MAX_CANDIDATES
    assert len(found._holders) == MAX_CANDIDATES
    assert len(found._numbers) == MAX_CANDIDATES - 1
    assert ids(ask(found)) == [None, 1, 2, 3, 4]
    farthest = lookup()
    farthest.add([(None, local(60000 + number)) for number in range(MAX_CANDIDATES + 1)])
    assert len(farthest._sorted) == MAX_CANDIDATES


def test_a_dead_address_is_not_asked_again_under_another_id() -> None:
    found = lookup(1)
    (one,) = ask(found)
    found.failed(one)
    found.add([(9, local(1))])
    assert ask(found) == []
