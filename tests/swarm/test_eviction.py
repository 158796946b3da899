"""Which peers give way when others find no room."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional

import pytest

from bittorrent_threads.swarm.eviction import (
    CHANCE,
    INDIFFERENCE,
    VAIN_WAIT,
    crowds,
    group,
    outranked,
    uselessness,
    yielding,
)

NOW = 10_000.0


@dataclasses.dataclass(eq=False)
class Peer:
    """A peer by what the choice rests on; times are seconds ago."""

    name: str = ""
    group: Optional[str] = None
    interested: bool = False
    interesting: bool = True
    choked: bool = True
    moved: float = 0.0
    age: float = 1000.0
    unchoked: Optional[float] = None

    @property
    def moved_at(self) -> float:
        return NOW - self.moved

    @property
    def connected_at(self) -> float:
        return NOW - self.age

    @property
    def unchoked_at(self) -> Optional[float]:
        return None if self.unchoked is None else NOW - self.unchoked


def names(peers: List[Peer], share: int = 2) -> str:
    return "".join(peer.name for peer in yielding(peers, share=share, now=NOW))


LEECH: Dict[str, Any] = {"interested": True, "interesting": False}


@pytest.mark.parametrize(
    ("peer", "useless"),
    [
        (Peer(), 0),
        (Peer(moved=VAIN_WAIT), 0),
        (Peer(moved=VAIN_WAIT + 5), 5),
        (Peer(interesting=False, moved=INDIFFERENCE), 0),
        (Peer(interesting=False, moved=INDIFFERENCE + 7), 7),
        (Peer(moved=400, **LEECH), 0),
        (Peer(moved=400, unchoked=500, **LEECH), 0),
        (Peer(moved=400, unchoked=CHANCE, **LEECH), 0),
        (Peer(moved=400, unchoked=CHANCE + 3, **LEECH), 3),
        (Peer(moved=400, unchoked=CHANCE + 3, choked=False, **LEECH), 3),
        (Peer(moved=400, unchoked=CHANCE + 3, interested=True, interesting=True), 0),
        (Peer(moved=VAIN_WAIT + 9, **LEECH), 9),
    ],
)
def test_of_what_use_a_peer_is(peer: Peer, useless: float) -> None:
    assert uselessness(peer, NOW) == pytest.approx(useless)


def test_peers_of_use_never_give_way() -> None:
    assert names([Peer("a", "one"), Peer("b", "one"), Peer("c", "two"), Peer("d"), Peer("e"), Peer("f")]) == ""


def test_of_a_crowd_the_newest_go_down_to_its_share() -> None:
    crowd = [Peer(name, "one", age=age) for name, age in zip("abcde", (50, 10, 40, 20, 30))]
    assert names([Peer("x", "two"), *crowd, Peer("y")]) == "bde"


def test_of_a_crowd_the_useless_go_first_and_those_of_which_something_comes_last() -> None:
    crowd = [
        Peer("a", "one", age=10),
        Peer("b", "one", age=900, moved=30),
        Peer("c", "one", age=900, moved=VAIN_WAIT + 1),
        Peer("d", "one", age=900),
    ]
    assert names(crowd, share=1) == "cba"


def test_the_larger_crowd_first_then_all_that_are_useless_the_longest_first() -> None:
    peers = [
        *[Peer(name, "small") for name in "abc"],
        *[Peer(name, "large") for name in "defg"],
        Peer("x", moved=VAIN_WAIT + 1),
        Peer("y", "third", moved=VAIN_WAIT + 2),
    ]
    order = names(peers)
    assert set(order[:2]) < set("defg")
    assert order[2] in "abc"
    assert order[3:] == "yx"


def test_those_without_a_party_crowd_nobody() -> None:
    assert names([Peer("x", None) for _ in range(50)]) == ""
    assert not crowds(None, [Peer() for _ in range(50)], share=2)


def test_the_lowest_of_the_idle_yields_to_a_newcomer_of_higher_rank() -> None:
    ranks = {"a": 10, "b": 30, "c": 5}
    peers = [Peer("a", moved=INDIFFERENCE), Peer("b", moved=INDIFFERENCE + 9), Peer("c", moved=INDIFFERENCE - 1)]

    def lowest(newcomer: int) -> Optional[str]:
        found = outranked(peers, lambda peer: ranks[peer.name], newcomer, now=NOW)
        return None if found is None else found.name

    assert (lowest(10), lowest(11), lowest(1000)) == (None, "a", "a")
    assert outranked([], lambda peer: 0, 1, now=NOW) is None


def test_a_party_is_of_one_torrent_and_one_owner() -> None:
    one = group(b"one", "2606:4700::1")
    assert one is not None
    assert one == group(b"one", "2606:4700::2")
    assert one != group(b"two", "2606:4700::1")
    assert one != group(b"one", "2606:4700:0:1::1")
    assert group(b"one", "127.0.0.1") is None is group(b"one", "::1")


def test_a_party_with_its_share_has_no_room_for_more() -> None:
    peers = [Peer(group="one"), Peer(group="one"), Peer(group="two")]
    assert crowds("one", peers, share=2)
    assert not crowds("two", peers, share=2)
    assert not crowds("three", peers, share=2)
