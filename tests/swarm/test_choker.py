"""Choker: peers are letters; ``choose`` returns the letters unchoked, in order."""

from __future__ import annotations

import random
from collections import Counter
from typing import Dict, Optional, Set

import pytest

from bittorrent_threads.swarm.choker import IDLE_TURN, TURN, Choker


class FakePeer:
    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.interested = True
        self.upload_only = False
        self.choked = True
        self.snubbed = False
        self.download_rate = 0.0
        self.upload_rate = 1.0
        self.connected_at = now
        self.unchoked_at: Optional[float] = None


class Swarm:
    """Peers, a clock, and a choker whose choices are carried out."""

    def __init__(self, names: str, *, slots: int = 3, seeding: bool = False, seed: int = 1) -> None:
        self.now = 1000.0
        self.peers: Dict[str, FakePeer] = {}
        self.seeding = seeding
        self.choker: Choker[FakePeer] = Choker(slots=slots, random=random.Random(seed))
        self.changes = 0
        self.join(names)

    def __getitem__(self, name: str) -> FakePeer:
        return self.peers[name]

    def join(self, names: str) -> None:
        for name in names:
            self.peers[name] = FakePeer(name, self.now)

    def leave(self, names: str) -> None:
        for name in names:
            del self.peers[name]

    def rates(self, **rates: float) -> None:
        for name, rate in rates.items():
            self[name].download_rate = rate

    def takes(self, **rates: float) -> None:
        for name, rate in rates.items():
            self[name].upload_rate = rate

    def interest(self, names: str) -> None:
        for peer in self.peers.values():
            peer.interested = peer.name in names

    def choose(self, after: float = 0.0) -> str:
        self.now += after
        chosen = self.choker.choose(list(self.peers.values()), seeding=self.seeding, now=self.now)
        for peer in self.peers.values():
            if peer.choked == (peer in chosen):
                self.changes += 1
                peer.choked = peer not in chosen
                if not peer.choked:
                    peer.unchoked_at = self.now
        return "".join(sorted(peer.name for peer in chosen))

    @property
    def optimistic(self) -> str:
        """The unchoked peer that gives least."""
        return min((peer for peer in self.peers.values() if not peer.choked), key=lambda p: p.download_rate).name


# -- downloading -------------------------------------------------------------------------------------------------------


def test_nobody_there() -> None:
    assert Swarm("").choose() == ""


def test_fewer_peers_than_slots() -> None:
    assert Swarm("ab").choose() == "ab"
    swarm = Swarm("abc")
    assert [swarm.choose(after=10.0) for _ in range(20)] == ["abc"] * 20


def test_those_who_give_most_and_one_more() -> None:
    swarm = Swarm("abcdefgh", slots=4)
    swarm.rates(a=1, b=9, c=2, d=8, e=3, f=7)
    chosen = swarm.choose()
    assert set("bdf") < set(chosen)
    assert len(chosen) == 4


def test_ranks_count_once_in_an_interval() -> None:
    swarm = Swarm("abcdef")
    swarm.rates(a=5, b=4)
    first = swarm.choose()
    swarm.rates(c=9, d=8)
    assert swarm.choose(after=5.0) == first
    assert swarm.choose(after=4.9) == first
    assert set("cd") < set(swarm.choose(after=0.1))


def test_uninterested_peers_get_nothing() -> None:
    swarm = Swarm("abcdef")
    swarm.rates(a=9, b=8)
    swarm.interest("cde")
    assert swarm.choose() == "cde"


def test_free_slots_are_filled_at_once() -> None:
    swarm = Swarm("abcde")
    swarm.interest("a")
    assert swarm.choose() == "a"
    swarm.interest("abc")
    assert swarm.choose(after=0.1) == "abc"
    swarm.leave("ab")
    assert swarm.choose(after=0.1) == "c"
    swarm.interest("cde")
    assert swarm.choose(after=0.1) == "cde"


def test_lost_interest_frees_the_slot_when_another_needs_it() -> None:
    swarm = Swarm("abcd")
    swarm.interest("abc")
    assert swarm.choose() == "abc"
    swarm.interest("bc")
    assert swarm.choose(after=0.1) == "abc"
    assert swarm.choose(after=20.0) == "abc"
    swarm.interest("bcd")
    assert swarm.choose(after=0.1) == "bcd"
    swarm.interest("abcd")
    assert "a" not in swarm.choose(after=0.1)


def test_interest_that_comes_and_goes_changes_nothing() -> None:
    swarm = Swarm("abc")
    swarm.choose()
    swarm.changes = 0
    for number in range(100):
        swarm.interest("abc" if number % 2 else "b")
        swarm.choose(after=0.3)
    assert swarm.changes == 0


def test_often_asked_rarely_changed() -> None:
    names = "abcdefghijklmnopqrst"
    swarm = Swarm(names, slots=5)
    chance = random.Random(3)
    swarm.choose()
    swarm.changes = 0
    for _ in range(3000):
        swarm.rates(**{name: chance.random() * 100 for name in names})
        swarm.choose(after=0.1)
    # 300 s are 30 rankings of four slots and 10 draws; each can choke one and unchoke another.
    assert swarm.changes <= 2 * (30 * 4 + 10)


def test_a_snubbing_peer_has_no_regular_slot() -> None:
    swarm = Swarm("abcdef")
    swarm.rates(a=9, b=8, c=2, d=1)
    swarm.choose()
    swarm["a"].snubbed = True
    assert "a" in swarm.choose(after=1.0)
    assert set("bc") < set(swarm.choose(after=9.0))
    for peer in swarm.peers.values():
        peer.snubbed = True
    assert len(swarm.choose(after=10.0)) == 1


def test_the_optimistic_slot_stays_30_seconds_and_then_moves() -> None:
    swarm = Swarm("abcdefgh")
    swarm.rates(a=9, b=8)
    swarm.choose()
    for _ in range(10):
        first = swarm.optimistic
        for _ in range(2):
            swarm.choose(after=10.0)
            assert swarm.optimistic == first
        swarm.choose(after=10.0)
        assert swarm.optimistic != first


def test_an_optimistic_peer_that_gives_gets_a_regular_slot() -> None:
    swarm = Swarm("abcdefgh")
    swarm.rates(a=9, b=8)
    swarm.choose()
    lucky = swarm.optimistic
    swarm.rates(**{lucky: 10})
    chosen = swarm.choose(after=10.0)
    assert set(lucky + "a") < set(chosen)
    assert len(chosen) == 3
    assert swarm.optimistic != lucky


def test_an_optimistic_peer_that_leaves_is_replaced_at_once() -> None:
    swarm = Swarm("abcdefgh")
    swarm.rates(a=9, b=8)
    swarm.choose()
    swarm.leave(swarm.optimistic)
    assert len(swarm.choose(after=0.1)) == 3


def test_new_peers_are_thrice_as_likely_to_be_tried() -> None:
    tried: Counter[str] = Counter()
    for seed in range(2000):
        swarm = Swarm("abcdef", seed=seed)
        swarm.rates(a=9, b=8)
        swarm.now += 100.0
        swarm.join("n")
        swarm.choose()
        tried[swarm.optimistic] += 1
    assert set(tried) == set("cdefn")
    old = sum(tried[name] for name in "cdef") / 4
    assert 2.5 < tried["n"] / old < 3.5


def test_the_same_chance_gives_the_same_choice() -> None:
    def play() -> str:
        swarm = Swarm("abcdefghij", seed=11)
        return " ".join(swarm.choose(after=7.0) for _ in range(50))

    assert play() == play()


def test_peers_that_give_nothing_take_turns_for_the_regular_slots() -> None:
    names = "abcdefghijkl"
    swarm = Swarm(names, slots=4)
    served: Set[str] = set()
    for _ in range(60):
        served |= set(swarm.choose(after=10.0))
    assert served == set(names)


# -- seeding -----------------------------------------------------------------------------------------------------------


def test_seeding_serves_everybody_in_turn() -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    swarm = Swarm(names, slots=5, seeding=True)
    swarm.takes(**{name: number * 10.0 for number, name in enumerate(names, 1)})
    waited: Counter[str] = Counter()
    longest = 0
    for _ in range(600):
        chosen = swarm.choose(after=10.0)
        assert len(chosen) == 5
        for name in names:
            waited[name] = 0 if name in chosen else waited[name] + 10
        longest = max(longest, *waited.values())
    # 26 peers, four regular slots: seven turns at most.
    assert longest <= 7 * (TURN + 10.0)


def test_seeding_gives_everybody_about_the_same_time() -> None:
    names = "abcdefghij"
    swarm = Swarm(names, slots=4, seeding=True)
    served: Counter[str] = Counter()
    for _ in range(3600):
        served.update(swarm.choose(after=10.0))
    assert min(served.values()) > 0.8 * max(served.values())


def test_seeding_does_not_interrupt_a_turn() -> None:
    swarm = Swarm("abcdef", seeding=True)
    first = set(swarm.choose())
    for _ in range(5):
        now = set(swarm.choose(after=10.0))
        assert len(first & now) >= 2
    assert len(first & set(swarm.choose(after=10.0))) <= 1


def test_seeding_keeps_the_fastest_when_few_wait() -> None:
    swarm = Swarm("abcd", slots=5, seeding=True)
    assert swarm.choose() == "abcd"
    swarm.takes(a=5, b=1, c=9, d=7)
    swarm.join("ef")
    swarm.choose(after=TURN)
    assert {name for name in "abcdef" if not swarm[name].choked} >= set("cdef")


def test_seeding_a_peer_that_takes_nothing_yields_early() -> None:
    swarm = Swarm("abcdef", slots=3, seeding=True)
    first = swarm.choose()
    regular = [name for name in first if name != first[-1]]
    for name in first:
        swarm[name].upload_rate = 0.0
    assert set(swarm.choose(after=IDLE_TURN - 10.0)) == set(first)
    assert not set(swarm.choose(after=10.0)) & set(regular)


def test_seeding_those_that_always_come_back_as_new_starve_nobody() -> None:
    swarm = Swarm("abcdef", slots=3, seeding=True)
    waited: Counter[str] = Counter()
    longest = 0
    for _ in range(300):
        swarm.join("xyz")
        chosen = swarm.choose(after=10.0)
        for name in "abcdef":
            waited[name] = 0 if name in chosen else waited[name] + 10
        longest = max(longest, *waited.values())
        swarm.leave("xyz")
    # Six peers, two regular slots: three turns, and one more as the head start of newcomers.
    assert longest <= 4 * (TURN + 10.0)


def test_completion_is_a_reason_to_choose_anew() -> None:
    swarm = Swarm("abcdef")
    swarm.rates(a=9, b=8)
    for _ in range(1 + int(TURN / 10.0)):
        assert set("ab") < set(swarm.choose(after=10.0))
    swarm.seeding = True
    assert not set("ab") <= set(swarm.choose(after=0.1))


@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("seeding", [False, True])
def test_random_swarm_never_takes_more_slots_than_there_are_nor_leaves_one_free(slots: int, seeding: bool) -> None:
    chance = random.Random(slots)
    swarm = Swarm("", slots=slots, seeding=seeding)
    for _ in range(2000):
        name = chance.choice("abcdefghijklmnopqrstuvwxyz")
        if name not in swarm.peers:
            swarm.join(name)
        elif chance.random() < 0.3:
            swarm.leave(name)
        else:
            peer = swarm[name]
            peer.interested = chance.random() < 0.7
            peer.download_rate = chance.random()
            peer.upload_rate = chance.choice([0.0, 1.0])
        chosen = swarm.choose(after=chance.choice([0.0, 0.1, 3.0, 10.0]))
        interested = {name for name, peer in swarm.peers.items() if peer.interested}
        assert len(chosen) <= slots
        assert len(set(chosen) & interested) == min(slots, len(interested))


def test_fewer_slots_from_the_next_choice_on() -> None:
    swarm = Swarm("abcdefgh", slots=6)
    assert len(swarm.choose()) == 6
    swarm.choker.slots = 2
    assert len(swarm.choose(after=0.1)) == 2
