"""Counts, described by strings: ``"x.x"`` is a peer with pieces 0 and 2."""

from __future__ import annotations

import random
from itertools import zip_longest
from typing import List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.swarm.availability import PIECES_PER_ARRIVAL, Availability


def bits(text: str) -> Bitfield:
    found = Bitfield(len(text))
    found.add([index for index, char in enumerate(text) if char != "."])
    return found


def availability(*peers: str) -> Availability:
    made = Availability(len(peers[0]))
    for peer in peers:
        made.joined(bits(peer))
    return made


def counts(subject: Availability, size: int) -> str:
    return "".join(str(subject.count(index)) for index in range(size))


def rarest(subject: Availability, text: str) -> str:
    size = len(text)
    found = subject.rarest(bits(text).as_int()).to_bytes((size + 7) // 8, "big")
    return "".join("x" if bit else "." for bit in Bitfield(size, found))


def test_peers_that_join_and_leave() -> None:
    subject = availability("xx......", "x.x.....", "xxxxxxxx", "........")
    assert counts(subject, 8) == "32211111"
    subject.left(bits("x.x....."))
    subject.left(bits("........"))
    assert counts(subject, 8) == "22111111"
    subject.left(bits("xxxxxxxx"))
    assert counts(subject, 8) == "11000000"
    subject.check()


def test_a_peer_that_becomes_a_seed_by_haves_leaves_like_one() -> None:
    subject = Availability(4)
    peer = bits("x.x.")
    subject.joined(peer)
    for index in (1, 3):
        peer.set(index)
        subject.gained(peer, index)
    assert counts(subject, 4) == "1111"
    subject.left(peer)
    assert counts(subject, 4) == "0000"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), max_size=60))
def test_counts_equal_a_plain_count_after_any_moves(moves: List[Tuple[int, int]]) -> None:
    size = 9
    subject = Availability(size)
    peers = [Bitfield.filled(size), Bitfield.filled(size), Bitfield(size), Bitfield(size)]
    for peer in peers:
        subject.joined(peer)
    for which, index in moves:
        if which < 4:
            peer = peers[which]
            if peer.set(index):
                subject.gained(peer, index)
            elif peer.clear(index):
                subject.retracted(peer, index)
        elif which == 4:
            subject.renew()
        else:
            peer = peers.pop(0)
            subject.left(peer)
            peers.append(Bitfield.filled(size))
            subject.joined(peers[-1])
        assert [subject.count(i) for i in range(size)] == [sum(peer[i] for peer in peers) for i in range(size)]
        subject.check()


def test_a_piece_that_is_taken_back_and_had_again_moves_no_planes() -> None:
    size = 10_000
    subject = Availability(size)
    peers = [Bitfield(size, b"\xff" * (size // 8 - 1) + b"\0") for _ in range(3)]
    for peer in peers:
        subject.joined(peer)
    planes: List[int] = vars(subject)["_planes"]
    before = list(planes)
    for number in range(1000):
        for peer in peers:
            assert peer.clear(number)
            subject.retracted(peer, number)
            assert peer.set(number)
            subject.gained(peer, number)
    assert all(one is other for one, other in zip_longest(before, planes))
    assert subject.count(5) == 3
    assert subject.outdated
    subject.renew()
    assert subject.count(5) == subject.count(999) == 3
    subject.check()


def test_haves_of_several_peers_for_one_piece() -> None:
    peers = [bits(text) for text in ("x...", ".x..", "..x.", "....", "....")]
    subject = Availability(4)
    for peer in peers:
        subject.joined(peer)
    for peer in peers:
        peer.set(3)
        subject.gained(peer, 3)
    assert counts(subject, 4) == "1115"
    subject.renew()
    assert counts(subject, 4) == "1115"
    subject.left(peers[0])
    assert counts(subject, 4) == "0114"
    subject.check()


def test_counts_equal_a_plain_count_in_a_long_random_run() -> None:
    chance = random.Random(7)
    size = 37
    subject = Availability(size)
    plain = [0] * size
    peers: List[Bitfield] = []
    for _ in range(2000):
        move = chance.randrange(5)
        if move == 0 or not peers:
            density = chance.choice([0, 0.3, 0.9, 1])
            peer = bits("".join("x" if chance.random() < density else "." for _ in range(size)))
            peers.append(peer)
            subject.joined(peer)
            plain = [count + peer[i] for i, count in enumerate(plain)]
        elif move == 1:
            peer = peers.pop(chance.randrange(len(peers)))
            subject.left(peer)
            plain = [count - peer[i] for i, count in enumerate(plain)]
        elif move == 2:
            index = chance.randrange(size)
            for peer in peers:
                if peer.set(index):
                    subject.gained(peer, index)
                    plain[index] += 1
        elif move == 3:
            index = chance.randrange(size)
            for peer in chance.sample(peers, chance.randrange(len(peers) + 1)):
                if peer.clear(index):
                    subject.retracted(peer, index)
                    plain[index] -= 1
        else:
            subject.renew()
        assert [subject.count(i) for i in range(size)] == plain
        subject.check()


def test_the_rarest_of_some_pieces() -> None:
    subject = availability("xxxx....", "xxx.....", "xx......")
    assert rarest(subject, "xxxxxxxx") == "....xxxx"
    assert rarest(subject, "xxxx....") == "...x...."
    assert rarest(subject, "xx......") == "xx......"
    assert rarest(subject, "........") == "........"


def test_above_seven_peers_counts_are_about_equal() -> None:
    subject = availability(*["xxx."] * 8, *["xx.."] * 3, "x...")
    assert counts(subject, 3) == "12118"
    assert rarest(subject, "xxx.") == "..x."
    assert rarest(subject, "xx..") == ".x.."
    subject.joined(bits(".x.."))
    assert rarest(subject, "xx..") == "xx.."


def test_outdated_by_peers_that_come_and_go_but_not_by_seeds() -> None:
    subject = Availability(4)
    assert not subject.outdated
    for change in (subject.joined, subject.left):
        change(bits("xxxx"))
        change(bits("...."))
        assert not subject.outdated
        change(bits("x..."))
        assert subject.outdated
        subject.renew()
        assert not subject.outdated


def test_outdated_by_many_haves() -> None:
    size = 2 * PIECES_PER_ARRIVAL
    subject, peer = Availability(size), Bitfield(size)
    for index in (0, 1):
        assert not subject.outdated
        peer.set(index)
        subject.gained(peer, index)
    assert rarest(subject, "xxx" + "." * (size - 3)) == "xxx" + "." * (size - 3)
    assert subject.outdated
    subject.renew()
    assert rarest(subject, "xxx" + "." * (size - 3)) == "..x" + "." * (size - 3)


def anywhere(subject: Availability, size: int) -> str:
    found = Bitfield(size, subject.anywhere.to_bytes((size + 7) // 8, "big"))
    return "".join("x" if bit else "." for bit in found)


def test_what_is_anywhere_and_how_many_copies() -> None:
    subject = Availability(8)
    assert (anywhere(subject, 8), subject.copies(bits("........"))) == ("........", 0.0)
    assert subject.copies(bits("xxxxxxxx")) == 1.0
    subject.joined(bits("xx......"))
    assert anywhere(subject, 8) == "xx......"
    assert subject.copies(bits("........")) == 2 / 8
    assert subject.copies(bits("..xx....")) == 4 / 8
    assert subject.copies(bits(".xxxxxxx")) == 1 + 1 / 8
    subject.joined(bits("xxxxxxxx"))
    assert anywhere(subject, 8) == "xxxxxxxx"
    assert subject.copies(bits("........")) == 1 + 2 / 8


def test_a_look_does_not_change_what_is_compared() -> None:
    subject, peer = availability("x...", "...."), bits("....")
    subject.renew()
    peer.set(1)
    subject.gained(peer, 1)
    before = rarest(subject, "xxxx")
    assert anywhere(subject, 4) == "xx.."
    assert subject.copies(bits("..xx")) == 1.0
    assert rarest(subject, "xxxx") == before == ".xxx"
    peer.clear(1)
    subject.retracted(peer, 1)
    assert anywhere(subject, 4) == "x..."
    assert counts(subject, 4) == "1000"


@given(st.integers(1, 70), st.randoms(use_true_random=False))
def test_copies_as_a_plain_count_has_them(size: int, chance: random.Random) -> None:
    subject, have = Availability(size), Bitfield(size)
    have.add([index for index in range(size) if chance.random() < 0.5])
    plain = [int(bit) for bit in have]
    for _ in range(chance.randrange(20)):
        peer, share = Bitfield(size), chance.choice([0.1, 0.5, 0.9, 1.0])
        peer.add([index for index in range(size) if chance.random() < share])
        subject.joined(peer)
        plain = [count + peer[index] for index, count in enumerate(plain)]
    least = min(plain)
    assert subject.copies(have) == least + sum([count > least for count in plain]) / size
    assert anywhere(subject, size) == "".join("x" if subject.count(index) else "." for index in range(size))
