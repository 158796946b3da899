"""Choices, described by strings: ``"x.x"`` is a peer with pieces 0 and 2; and a long run beside a plain picker."""

from __future__ import annotations

import random
from typing import Iterable, List, Optional, Set

import pytest

from bittorrent_threads.metainfo import bitfield
from bittorrent_threads.metainfo.bitfield import REGION, Bitfield
from bittorrent_threads.swarm import picker as picker_module
from bittorrent_threads.swarm.availability import PIECES_PER_ARRIVAL, RARITY_PLANES
from bittorrent_threads.swarm.picker import RANDOM_FIRST, Picker


def bits(text: str) -> Bitfield:
    found = Bitfield(len(text))
    for index, char in enumerate(text):
        if char != ".":
            found.set(index)
    return found


def picker(have: str, *peers: str, sequential: bool = False, seed: int = 0) -> Picker:
    made = Picker(bits(have), random=random.Random(seed), sequential=sequential)
    for peer in peers:
        made.joined(bits(peer))
    return made


HAVE_SOME = "xxxx"  # past the random first pieces


def test_rarest_first() -> None:
    subject = picker(HAVE_SOME + "....", "xxxxxxxx", "xxxxx.x.", "xxxxx.xx")
    assert subject.pick(bits("xxxxxxxx"), 4) in ([5, 7, 4, 6], [5, 7, 6, 4])


def test_only_what_the_peer_has_and_we_miss() -> None:
    subject = picker(HAVE_SOME + "....", "xxxxxx..")
    assert sorted(subject.pick(bits("xxxxxx.."), 8)) == [4, 5]
    assert subject.pick(bits("xxxxxx.."), 8) == []
    assert not subject.exhausted
    assert sorted(subject.pick(bits("xxxxxxxx"), 8)) == [6, 7]
    assert subject.exhausted and subject.missing


def test_the_first_pieces_are_random_not_rarest() -> None:
    firsts = {picker("." * 64, "." + "x" * 63, seed=seed).pick(bits("x" * 64), 1)[0] for seed in range(40)}
    assert len(firsts) > 10
    assert RANDOM_FIRST == 4


def test_ties_are_broken_at_random() -> None:
    drawn = [0] * 16
    for seed in range(400):
        subject = picker(HAVE_SOME + "." * 16, "x" * 20, seed=seed)
        drawn[subject.pick(bits("x" * 20), 1)[0] - 4] += 1
    assert min(drawn) > 5


def test_draws_reach_pieces_far_from_each_other() -> None:
    size = 20_000
    subject = picker(HAVE_SOME + "." * (size - 4), "x" * size)
    places = [subject.pick(bits("x" * size), 1)[0] for _ in range(60)]
    assert min(places) < size / 4 and max(places) > size * 3 / 4


def test_sequential_takes_the_first() -> None:
    subject = picker("....", "xxxx", ".xx.", sequential=True)
    assert subject.pick(bits("xxxx"), 2) == [0, 1]
    assert subject.pick(bits(".xxx"), 9) == [2, 3]


def test_a_higher_priority_comes_first_whatever_is_rare() -> None:
    subject = picker(HAVE_SOME + "....", "xxxxxxxx", "xxxxxxx.")
    subject.set_priorities([1, 1, 1, 1, 1, 7, 3, 1])
    assert subject.pick(bits("xxxxxxxx"), 3) == [5, 6, 7]


def test_priority_zero_is_never_picked_and_may_come_back() -> None:
    subject = picker("....", "xxxx")
    assert subject.set_priorities([0, 1, 0, 1]) == [0, 2]
    assert subject.missing_count == 2 and subject.wanted_bytes == b"\x50"
    assert sorted(subject.pick(bits("xxxx"), 4)) == [1, 3]
    subject.set_priorities([1, 1, 1, 1])
    assert subject.missing_count == 4
    assert sorted(subject.pick(bits("xxxx"), 4)) == [0, 2]
    subject.check()


def test_an_open_piece_is_not_queued_again_by_a_change_of_priorities() -> None:
    subject = picker("....", "xxxx")
    (opened,) = subject.pick(bits("xxxx"), 1)
    subject.set_priorities([2, 2, 2, 2])
    assert opened not in subject.pick(bits("xxxx"), 4)


def test_passed_and_lost() -> None:
    subject = picker("....", "xxxx")
    have = subject._have
    (index,) = subject.pick(bits("xxxx"), 1)
    have.set(index)
    subject.passed([index])
    assert subject.missing_count == 3 and not subject.wants(index)
    have.clear(index)
    subject.lost(index)
    assert subject.missing_count == 4 and subject.wants(index)
    assert sorted(subject.pick(bits("xxxx"), 4)) == [0, 1, 2, 3]
    subject.check()


def test_a_given_up_piece_is_picked_again() -> None:
    subject = picker("..", "xx")
    first = subject.pick(bits("xx"), 2)
    subject.lost(first[0])
    assert subject.pick(bits("xx"), 2) == [first[0]]


def test_within_restricts_the_choice() -> None:
    subject = picker("........", "xxxxxxxx")
    assert sorted(subject.pick(bits("xxxxxxxx"), 8, within=[2, 5])) == [2, 5]
    assert subject.pick(bits("xxxxxxxx"), 8, within=[2, 5]) == []


def test_within_many_regions_only_what_the_peer_has() -> None:
    size = 3 * REGION
    subject = Picker(Bitfield(size), random=random.Random(0))
    peer = Bitfield(size)
    peer.add([5, 9, REGION + 7, size - 1])
    assert sorted(subject.pick(peer, 9, within=[5, 6, REGION + 7, size - 2])) == [5, REGION + 7]
    assert sorted(subject.pick(peer, 9)) == [9, size - 1]


def test_interesting() -> None:
    subject = picker("xx..")
    assert not subject.interesting(bits("xx.."))
    assert subject.interesting(bits("..x."))
    assert subject.interesting(bits("xxxx"))
    subject.set_priorities([1, 1, 0, 0])
    assert not subject.interesting(bits("xxxx"))


def test_the_same_seed_gives_the_same_picks() -> None:
    first, second = [picker("." * 300, "x" * 300, seed=5).pick(bits("x" * 300), 50) for _ in range(2)]
    assert first == second


@pytest.mark.parametrize("size", [1, 7, 8, 9, 2047, 2048, 2049, 5000])
def test_every_piece_is_picked_exactly_once(size: int) -> None:
    subject = picker("." * size, "x" * size)
    everything = Bitfield.filled(size)
    picked = []
    while True:
        some = subject.pick(everything, 100)
        if not some:
            break
        picked += some
    assert sorted(picked) == list(range(size))


def test_a_few_haves_among_many_pieces_are_compared_later_and_counted_at_once() -> None:
    count = 3 * PIECES_PER_ARRIVAL
    everything = "x" * (count - 1) + "."
    subject = picker(HAVE_SOME + "." * (count - 4), everything)
    late = Bitfield(count)
    subject.joined(late)
    for told, index in enumerate(range(10, 13), 1):
        late.set(index)
        subject.gained(late, index)
        drawn = set(subject.pick(bits(everything), count))
        assert len(drawn) == count - 5
        for each in drawn:
            subject.lost(each)
        commonest = set(subject.pick(bits(everything), count - 5)[-told:])
        assert (commonest == set(range(10, 10 + told))) is (told == 3)
        for each in drawn:
            subject.lost(each)
    for index in range(10, 13):
        assert subject.availability(index) == 2


def test_the_rarest_piece_is_found_in_whatever_region_it_is() -> None:
    size = 4 * REGION + 77
    most, everything = Bitfield.filled(size), Bitfield.filled(size)
    rare = [REGION - 1, REGION, 2 * REGION + 5, size - 1]
    for index in rare:
        most.clear(index)
    commonest = Bitfield(size)
    commonest.add([8, REGION + 8])
    for seed in range(20):
        have = Bitfield(size)
        have.add(range(RANDOM_FIRST))
        subject = Picker(have, random=random.Random(seed))
        for peer in (most, most, commonest):
            subject.joined(peer)
        lacking = subject.pick(most, 3)
        assert len(lacking) == 3 and not {*lacking} & {*rare, 8, REGION + 8}
        assert sorted(subject.pick(everything, 4)) == rare
        subject.lost(rare[2])
        assert subject.pick(everything, 2)[0] == rare[2]
        subject.check()


def test_a_piece_of_the_higher_priority_is_found_in_whatever_region_it_is() -> None:
    size = 3 * REGION + 5
    subject = Picker(Bitfield(size), random=random.Random(1))
    first = [3, REGION, 3 * REGION + 4]
    subject.set_priorities([7 if index in first else 1 for index in range(size)])
    assert sorted(subject.pick(Bitfield.filled(size), 3)) == first


class Plain:
    """What a picker may choose, from a list of counts."""

    def __init__(self, size: int, have: Bitfield, sequential: bool) -> None:
        self.sequential = sequential
        self.have = have
        self.priorities = [1] * size
        self.open: Set[int] = set()
        self.counts = [0] * size
        """Of peers that are no seeds, without the last HAVEs."""
        self.heard: List[int] = []

    def missing(self, index: int) -> bool:
        return self.priorities[index] > 0 and not self.have[index]

    def count(self, bits: Bitfield, by: int) -> None:
        if by < 0:
            self.settle()
        if not bits.full:
            for index in bits.indexes():
                self.counts[index] += by

    def gained(self, bits: Bitfield, index: int) -> None:
        if bits.full:
            before = bits.copy()
            before.clear(index)
            self.count(before, -1)
        else:
            self.heard.append(index)

    def settle(self) -> None:
        for index in self.heard:
            self.counts[index] += 1
        self.heard.clear()

    def check(self, picked: List[int], bits: Bitfield, count: int, within: Optional[Iterable[int]]) -> None:
        if len(self.heard) * PIECES_PER_ARRIVAL > -(-len(self.counts) // 8) * 8 - 1:
            self.settle()
        drop = max(0, max(self.counts).bit_length() - RARITY_PLANES)
        offered = bits.indexes() if within is None else [index for index in within if bits[index]]
        left = {index for index in offered if self.missing(index) and index not in self.open}
        assert len(picked) == len({*picked}) == min(count, len(left))
        for index in picked:
            assert index in left
            top = max(self.priorities[each] for each in left)
            highest = [each for each in left if self.priorities[each] == top]
            if self.sequential:
                assert index == min(highest)
            else:
                assert index in highest
                assert self.counts[index] >> drop == min(self.counts[each] >> drop for each in highest)
            left.remove(index)
        self.open.update(picked)


def long_run(size: int, seed: int, *, moves: int, sequential: bool = False) -> List[int]:  # noqa: C901 - many moves
    chance = random.Random(seed)
    have = Bitfield(size)
    have.add(chance.sample(range(size), RANDOM_FIRST))
    kept = {*have.indexes()}
    subject, plain = Picker(have, random=chance, sequential=sequential), Plain(size, have, sequential)
    peers: List[Bitfield] = []
    every: List[int] = []
    for _ in range(moves):
        move = chance.choice(["join", "leave", "have", "have", "haves", "pick", "pick", "pass", "lose", "take", "want"])
        if move == "join":
            density = chance.choice([0, 0.02, 0.3, 0.5, 0.9, 1])
            peers.append(bits("".join("x" if chance.random() < density else "." for _ in range(size))))
            subject.joined(peers[-1])
            plain.count(peers[-1], 1)
        elif move == "leave" and len(peers) > 3:
            peer = peers.pop(chance.randrange(len(peers)))
            subject.left(peer)
            plain.count(peer, -1)
        elif move in ("have", "haves") and peers:
            # One that everybody gets, or some of one peer, which may become a seed.
            index, peer = chance.randrange(size), chance.choice(peers)
            lacking = [each for each in range(size) if not peer[each]]
            some = chance.sample(lacking, min(len(lacking), 9))
            for each, news in [(each, index) for each in peers] if move == "have" else [(peer, each) for each in some]:
                if each.set(news):
                    subject.gained(each, news)
                    plain.gained(each, news)
        elif move == "pick" and peers:
            peer, count = chance.choice(peers), chance.choice([1, 1, 4, 40])
            within = chance.choice([None, None, chance.sample(range(size), 5)])
            picked = subject.pick(peer, count, within)
            plain.check(picked, peer, count, within)
            every += picked
        elif move == "pass":
            came = chance.sample(range(size), 2) + [index for index in plain.open if chance.random() < 0.3]
            subject.passed(have.add(list(dict.fromkeys(came))))
            plain.open.difference_update(came)
        elif move == "lose":
            # A few of those that are open, and of those that we had.
            for index in range(size):
                if chance.random() < 0.05 and index not in kept and (index in plain.open or have[index]):
                    have.clear(index)
                    subject.lost(index)
                    plain.open.discard(index)
        elif move == "take":
            index = chance.randrange(size)
            assert subject.take(index) is (plain.missing(index) and index not in plain.open)
            if plain.missing(index):
                plain.open.add(index)
        elif move == "want" and chance.random() < 0.3:
            before = [index for index in range(size) if plain.missing(index)]
            plain.priorities = [chance.choice(chance.choice([[1], [0, 1, 1, 2, 7]])) for _ in range(size)]
            dropped = subject.set_priorities(plain.priorities)
            assert dropped == [index for index in before if not plain.missing(index)]
            plain.open.difference_update(dropped)
        subject.check()
        missing = [index for index in range(size) if plain.missing(index)]
        assert subject.missing_count == len(missing) and subject.missing is bool(missing)
        assert subject.exhausted is all(index in plain.open for index in missing)
        assert all(subject.wants(index) is plain.missing(index) for index in chance.sample(range(size), 3))
        assert all(subject.interesting(peer) is any(peer[index] for index in missing) for peer in peers[:3])
    return every


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("size", [16, 23, 64, 97, 200])
def test_many_regions_beside_a_plain_picker(monkeypatch: pytest.MonkeyPatch, size: int, sequential: bool) -> None:
    # Regions of 16 pieces: a small torrent has many.
    monkeypatch.setattr(bitfield, "REGION", 16)
    monkeypatch.setattr(picker_module, "REGION", 16)
    assert sum(len(long_run(size, seed, moves=300, sequential=sequential)) for seed in range(4)) > size


def test_regions_as_they_are_beside_a_plain_picker_twice_the_same() -> None:
    first, second = [long_run(2 * REGION + 77, 1, moves=60) for _ in range(2)]
    assert first == second and len(first) > 60
