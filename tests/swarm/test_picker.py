"""Choices, described by strings: ``"x.x"`` is a peer with pieces 0 and 2."""

from __future__ import annotations

import random

import pytest

from bittorrent_threads.metainfo.bitfield import REGION, Bitfield
from bittorrent_threads.swarm.availability import PIECES_PER_ARRIVAL
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
    assert subject.exhausted
    assert subject.missing


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
    assert min(places) < size / 4
    assert max(places) > size * 3 / 4


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
    assert subject.missing_count == 2
    assert subject.wanted_bytes == b"\x50"
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
    assert subject.missing_count == 3
    assert not subject.wants(index)
    have.clear(index)
    subject.lost(index)
    assert subject.missing_count == 4
    assert subject.wants(index)
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


def test_what_peers_offer_and_how_much_is_wanted() -> None:
    subject = picker("x...", "xx..", ".x..")
    assert subject.offered() == bytes(bits("xx.."))
    assert subject.copies() == 0.5
    assert subject.wanted_count == 4
    subject.set_priorities([1, 0, 7, 0])
    assert subject.wanted_count == 2


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
        assert len(lacking) == 3
        assert not {*lacking} & {*rare, 8, REGION + 8}
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
