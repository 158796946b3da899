"""Turns at pieces that failed; a peer is a letter."""

from __future__ import annotations

import random
from typing import List, Optional, Set

import pytest

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.swarm.parole import DRAW_TIME, LONGEST_TURN, MAX_PIECES, MAX_STRUCK, SHARED_FAILURES, Parole
from bittorrent_threads.swarm.smart_ban import only_sender

TIMEOUT = 20.0
ALL = Bitfield.filled(8)


def admitted(parole: Parole, now: float, *, of: str = "ABCD") -> str:
    """Which of these peers may be asked for piece 3, when each has come by once in every second before."""
    for second in range(3):
        for key in of:
            parole.withheld(key, ALL, now - 2 + second)
    return "".join(key for key in of if parole.withheld(key, ALL, now) == [])


def failed(senders: str, *, times: int = 1) -> Parole:
    parole = Parole(TIMEOUT)
    for _ in range(times):
        parole.failed(3, [None if sender == "-" else sender for sender in senders])
    return parole


def nothing(index: int) -> Optional[int]:
    return 16


def test_only_pieces_that_failed_are_on_parole() -> None:
    parole = failed("AB")
    assert list(parole) == [3]
    assert 3 in parole
    assert len(parole) == 1
    assert parole.has_turn(4, "A")
    assert not parole.has_turn(3, "A")
    assert not parole.lost(4, "A")
    assert not parole.lost(3, "A")
    parole.forget(3)
    parole.forget(3)
    assert not parole
    assert parole.withheld("A", ALL, 0.0) == []


def test_peers_that_sent_nothing_of_it_share_the_first_turns() -> None:
    parole = failed("AB-")
    assert admitted(parole, 2.0) == "CD"
    parole.asked(3, "C", 2.0)
    assert admitted(parole, 100.0) == "CD"
    parole.asked(3, "D", 2.0)
    assert parole.lost(3, "C")
    assert admitted(parole, 100.0) == "D", "a peer that lost its turn does not get another"
    assert parole.lost(3, "D")
    assert admitted(parole, 200.0) in "ABCD"


def test_after_some_failures_they_take_turns_too() -> None:
    parole = failed("AB", times=SHARED_FAILURES + 1)
    assert admitted(parole, 2.0) == "CD"
    parole.asked(3, "C", 2.0)
    assert admitted(parole, 2.0) == "C"


def test_the_fewest_strikes_come_first_among_those_that_come_by() -> None:
    parole = failed("AABB")
    parole.failed(3, "AB")
    parole.failed(3, "AC")
    for key in "ABC":
        assert parole.withheld(key, ALL, 0.0) == [3]
    assert admitted(parole, DRAW_TIME, of="ABC") == "C"
    parole.asked(3, "C", 2.0)
    assert admitted(parole, 3.0, of="ABC") == "C"
    assert parole.lost(3, "C")
    assert parole.withheld("B", ALL, 4.0) == [3], "a moment in which others may come by"
    assert admitted(parole, 6.0, of="ABC") == "BC"
    assert admitted(parole, 20.0, of="A") == "A", "where none is better any will do"


def test_a_peer_that_has_not_the_piece_does_not_come_before_others() -> None:
    parole = failed("AB")
    for second in range(4):
        parole.withheld("C", Bitfield(8), float(second))
        held = parole.withheld("A", ALL, float(second))
    assert held == []


def test_who_finishes_what_others_began_gets_no_strike() -> None:
    parole = failed("AB")
    assert admitted(parole, 2.0, of="AB") == "AB"
    parole.asked(3, "A", 2.0)
    assert parole.expired(2.0 + TIMEOUT, nothing) == {}, "first it must be known how much is missing"
    assert parole.expired(2.0 + 2 * TIMEOUT, nothing) == {3: ["A"]}
    assert admitted(parole, 100.0, of="AB") == "B"
    parole.asked(3, "B", 100.0)
    parole.failed(3, "AB")
    assert admitted(parole, 110.0, of="AB") == "B"
    parole.asked(3, "B", 110.0)
    parole.failed(3, "BB")
    assert admitted(parole, 120.0, of="AB") == "B", "its first one, where the other has three"
    parole.asked(3, "B", 120.0)
    parole.failed(3, "B")
    parole.failed(3, "B")
    assert admitted(parole, 130.0, of="AB") == "A"


def test_a_turn_lasts_while_blocks_come_and_not_for_ever() -> None:
    parole = failed("AB")
    parole.asked(3, "A", 0.0)
    now = 0.0

    def left(index: int) -> int:
        return 1000 - int(now / 15)

    while not parole.expired(now, left):
        now += 1.0
    assert now == LONGEST_TURN * TIMEOUT
    parole.failed(3, "AB")
    parole.asked(3, "A", 1000.0)
    assert not parole.expired(1000.0 + LONGEST_TURN * TIMEOUT, lambda index: 7), "the next is longer"


def test_turns_of_a_peer() -> None:
    parole = failed("AB")
    parole.failed(4, "AB")
    parole.failed(5, "AB")
    for index in (3, 5):
        parole.asked(index, "A", 0.0)
    assert parole.turns("A") == [3, 5]
    assert parole.turns("B") == []
    parole.failed(5, "A")
    assert parole.turns("A") == [3], "a failure ends the turn"


def test_tables_are_bounded() -> None:
    parole = Parole(TIMEOUT)
    for index in range(MAX_PIECES + 10):
        parole.failed(index, "AB")
    assert list(parole) == list(range(10, MAX_PIECES + 10))
    parole.failed(10, range(10 * MAX_STRUCK))
    assert len(parole._pieces[10].strikes) == MAX_STRUCK


# -- a model of a swarm ------------------------------------------------------------------------------------------------


class Model:
    """Let peers 0 to ``liars`` - 1 spoil blocks; each second the admitted peer sends some blocks of piece 3."""

    def __init__(self, seed: int, *, liars: int, honest: int, lie: float, evade: float) -> None:
        self.chance = random.Random(seed)
        self.liars = set(range(liars))
        self.peers = list(range(liars + honest))
        self.lie, self.evade = lie, evade
        self.parole = Parole(TIMEOUT)
        self.banned: Set[Optional[int]] = set()
        self.blocks: List[Optional[int]] = [None] * 8
        self.bad = False
        self.now = 0.0
        self.failures = 0

    def run(self, most: int) -> None:
        self.parole.failed(3, self.peers)
        self.failures = 1
        while not self.second():
            assert self.failures <= most
            assert self.now < 300 * (len(self.liars) + 1)

    def second(self) -> bool:
        self.now += 1.0
        self.parole.expired(self.now, lambda index: self.blocks.count(None))
        self.chance.shuffle(self.peers)
        for peer in [peer for peer in self.peers if peer not in self.banned]:
            if self.parole.withheld(peer, ALL, self.now):
                continue
            self.parole.asked(3, peer, self.now)
            lying = peer in self.liars
            if lying and self.blocks.count(None) == 1 and self.chance.random() < self.evade:
                continue
            for _ in range(self.chance.randrange(1, 4)):
                if None in self.blocks:
                    self.blocks[self.blocks.index(None)] = peer
                    self.bad |= lying and self.chance.random() < self.lie
            if None not in self.blocks:
                return self.whole()
        return False

    def whole(self) -> bool:
        senders, self.blocks = self.blocks, [None] * 8
        bad, self.bad = self.bad, False
        if not bad:
            return True
        self.failures += 1
        self.parole.failed(3, senders)
        if only_sender(senders):
            assert set(senders) <= self.liars
            self.banned.update(senders)
        return False


@pytest.mark.parametrize("evade", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("lie", [1.0, 0.3])
@pytest.mark.parametrize(("liars", "honest"), [(1, 1), (1, 5), (5, 1), (8, 8)])
def test_the_piece_is_right_before_long(liars: int, honest: int, lie: float, evade: float) -> None:
    for seed in range(10):
        Model(seed, liars=liars, honest=honest, lie=lie, evade=evade).run(most=3 * (liars + 1))
