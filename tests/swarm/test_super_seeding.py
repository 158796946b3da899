"""Which peer is offered which piece, as short strings: one character a piece, ``x`` where it is there."""

from __future__ import annotations

import random
from typing import List

import pytest

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.super_seeding import (
    HELD,
    IDLE,
    LEAST_OFFERS,
    LEAST_PATIENCE,
    LEAST_RATE,
    PATIENCE,
    STALE,
    SuperSeeding,
)

PIECE = 64 * BLOCK


class Peer:
    """A peer as the policy sees it."""

    def __init__(self, bits: Bitfield) -> None:
        self.bits = bits
        self.interested, self.choked, self.uploaded = True, False, 0


class Seed:
    """A super-seed, and what it has offered."""

    def __init__(self, size: int, *, seed: int = 1, piece_length: int = PIECE) -> None:
        self.size = size
        self.now = 0.0
        self.picker = Picker(Bitfield.filled(size), random=random.Random(seed))
        self.policy: SuperSeeding[Peer] = SuperSeeding(
            size=size, piece_length=piece_length, swarm=self.picker, random=random.Random(seed)
        )
        self.peers: List[Peer] = []

    def join(self, pieces: str = "") -> Peer:
        """A peer that has these pieces."""
        peer = Peer(Bitfield(self.size))
        peer.bits.add([index for index, piece in enumerate(pieces) if piece == "x"])
        self.picker.joined(peer.bits)
        self.policy.joined(peer, self.now)
        self.peers.append(peer)
        return peer

    def leave(self, peer: Peer) -> None:
        """The peer goes."""
        self.peers.remove(peer)
        self.picker.left(peer.bits)
        self.policy.left(peer)

    def offer(self, peer: Peer) -> List[int]:
        """What the peer is offered now."""
        return self.policy.offer(peer, self.now) if self.policy.room(peer) else []

    def gain(self, peer: Peer, *indexes: int) -> None:
        """The peer says that it has these pieces."""
        for index in indexes:
            assert peer.bits.set(index)
            self.picker.gained(peer.bits, index)
            self.policy.gained(peer, index, self.now)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.policy.tick(self.now)


def test_each_peer_is_offered_other_pieces() -> None:
    seed = Seed(40)
    offered = [index for _ in range(20) for index in seed.offer(seed.join())]
    assert sorted(offered) == list(range(40))


def test_small_pieces_are_offered_in_greater_number() -> None:
    seed = Seed(400, piece_length=BLOCK)
    assert len(seed.offer(seed.join())) == 16


def test_another_piece_is_offered_when_a_second_peer_has_the_first() -> None:
    seed = Seed(40)
    one, other = seed.join(), seed.join()
    first, second = seed.offer(one)
    assert len(seed.offer(other)) == LEAST_OFFERS
    seed.gain(one, first)
    assert seed.offer(one) == [], "no other peer has it"
    assert seed.policy.serves(one, first)
    seed.gain(other, first)
    (third,) = seed.offer(one)
    assert third not in (first, second)
    assert not seed.policy.serves(one, first)
    assert seed.policy.serves(one, second)
    assert seed.policy.serves(one, third)
    assert not seed.policy.serves(other, third)


def test_the_order_of_the_two_does_not_matter() -> None:
    seed = Seed(40)
    one, other = seed.join(), seed.join()
    first, _ = seed.offer(one)
    seed.gain(other, first)  # it had it from elsewhere
    assert seed.offer(one) == []
    seed.gain(one, first)
    assert len(seed.offer(one)) == 1


def test_a_peer_that_says_all_that_it_has_at_once() -> None:
    seed = Seed(40)
    one, other = seed.join(), seed.join()
    pieces = seed.offer(one)
    seed.gain(one, *pieces)
    before, other.bits = other.bits, Bitfield.filled(40)
    seed.picker.left(before)
    other.bits.clear(pieces[1])
    seed.picker.joined(other.bits)
    seed.policy.described(other, before, seed.now)
    assert not seed.policy.serves(one, pieces[0])
    assert seed.policy.serves(one, pieces[1])


def test_a_peer_that_is_alone_gets_everything_at_once() -> None:
    seed = Seed(40)
    one = seed.join()
    while not one.bits.full:
        (index, *_) = seed.offer(one) or list(seed.policy._peers[one].had_since)
        seed.gain(one, index)
    assert seed.now == 0.0


def test_a_peer_that_becomes_alone_waits_no_more() -> None:
    seed = Seed(40)
    one, other = seed.join(), seed.join()
    seed.gain(one, *seed.offer(one))
    assert seed.offer(one) == []
    seed.leave(other)
    seed.wait(1)
    assert len(seed.offer(one)) == LEAST_OFFERS


def test_peers_that_cannot_reach_each_other_get_everything_only_later() -> None:
    seed = Seed(40)
    one, other = seed.join(), seed.join()
    times = []
    while not (one.bits.full and other.bits.full):
        for peer in (one, other):
            offered = seed.offer(peer)
            if offered and peer is one:
                times.append(seed.now)
            seed.gain(peer, *offered)
        seed.wait(1)
        assert seed.now < 400
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert gaps[:3] == [PATIENCE, PATIENCE / 2, PATIENCE / 4]
    assert max(gaps[3:]) <= LEAST_PATIENCE + 1


def test_a_peer_whose_piece_spreads_is_waited_for_again() -> None:
    seed = Seed(80)
    one, other = seed.join(), seed.join()
    for _ in range(4):
        seed.gain(one, *seed.offer(one))
        seed.wait(PATIENCE)
    index, second = seed.offer(one)
    seed.gain(one, index, second)
    seed.gain(other, index)
    seed.wait(PATIENCE - 1)
    assert len(seed.offer(one)) == 1, "of the one that spread"


def test_what_a_peer_has_is_not_offered_to_it() -> None:
    seed = Seed(6)
    assert sorted(seed.offer(seed.join("xxxx.."))) == [4, 5]
    assert sorted(seed.offer(seed.join("..xx.."))) == [], "the others are on their way, or at a peer"


def test_a_peer_that_leaves_gives_its_offers_back() -> None:
    seed = Seed(2)
    one, other = seed.join(), seed.join()
    assert sorted(seed.offer(one)) == [0, 1]
    assert seed.offer(other) == []
    seed.leave(one)
    seed.wait(1)
    assert sorted(seed.offer(other)) == [0, 1]


def test_when_every_piece_is_somewhere_the_rarest_are_offered() -> None:
    seed = Seed(8)
    for pieces in ("xxxx....", "....xxxx", "xx..xxxx", "xxx.xxxx"):
        seed.join(pieces)
    assert seed.offer(seed.join("........"))[0] == 3


@pytest.mark.parametrize("choked", [False, True])
def test_what_a_silent_peer_was_offered_is_offered_to_another(choked: bool) -> None:
    seed = Seed(6)
    silent, other, busy = seed.join(), seed.join(), seed.join()
    silent.choked = choked
    held = seed.offer(silent)
    seed.gain(other, *seed.offer(other))
    seed.gain(busy, *seed.offer(busy))
    assert seed.offer(busy) == []
    seed.gain(other, *[index for index in range(6) if busy.bits[index]])
    # One that is choked waits for its turn.
    patience = HELD + PIECE / LEAST_RATE if choked else STALE
    for _ in range(int(patience) - 1):
        busy.uploaded += 1
        seed.wait(1)
        assert seed.offer(busy) == []
    seed.wait(2)
    assert sorted(seed.offer(busy)) == sorted(held)
    assert seed.offer(silent) == []


def test_while_no_peer_fetches_anything_none_is_waited_for() -> None:
    seed = Seed(4)
    waiting = [seed.join() for _ in range(6)]
    for peer in waiting:
        peer.choked = True
    assert [len(seed.offer(peer)) for peer in waiting] == [2, 2, 0, 0, 0, 0]
    honest = seed.join()
    seed.wait(IDLE)
    assert [len(seed.offer(peer)) for peer in waiting] == [0, 0, 2, 2, 0, 0]
    seed.wait(IDLE)
    assert [len(seed.offer(peer)) for peer in waiting] == [0, 0, 0, 0, 2, 2]
    seed.wait(IDLE)
    assert len(seed.offer(honest)) == 2


def test_a_peer_that_fetches_a_large_piece_slowly_is_waited_for() -> None:
    seed = Seed(4)
    slow, other = seed.join(), seed.join()
    seed.offer(slow)
    seed.gain(other, *seed.offer(other))
    for _ in range(int(HELD // 10)):
        slow.uploaded += BLOCK
        seed.wait(10)
        assert seed.offer(other) == []


def test_liars_get_what_is_rare_and_keep_nothing_from_others() -> None:
    """Two that say at once that they have what they were offered, and fetch nothing of it."""
    seed = Seed(60)
    liars = [seed.join(), seed.join()]
    honest = [seed.join(), seed.join()]
    for _ in range(400):
        for liar, partner in zip(liars, reversed(liars)):
            for index in seed.offer(liar):
                for each in (liar, partner):
                    if not each.bits[index] and each.bits.count < 59:
                        seed.gain(each, index)
        for peer in honest:
            seed.gain(peer, *seed.offer(peer))
        seed.wait(1)
        assert len(seed.policy._pieces) <= len(seed.peers) * LEAST_OFFERS
    assert all(peer.bits.full for peer in honest)


def test_the_state_is_that_of_the_open_offers() -> None:
    chance = random.Random(3)
    subject = Seed(300, seed=3)
    for _ in range(3000):
        act = chance.random()
        if act < 0.1 and len(subject.peers) < 12:
            subject.join("".join(chance.choice("x...") for _ in range(300)))
        elif act < 0.15 and subject.peers:
            subject.leave(chance.choice(subject.peers))
        elif act < 0.9 and subject.peers:
            peer = chance.choice(subject.peers)
            subject.offer(peer)
            lacked = [index for index in range(300) if not peer.bits[index]]
            if len(lacked) > 1:
                offered = list(subject.policy._peers[peer].had_since)
                subject.gain(peer, chance.choice([each for each in offered if each in lacked] or lacked))
        else:
            subject.wait(chance.randrange(40))
        check(subject)
    for peer in list(subject.peers):
        subject.leave(peer)
    check(subject)
    assert subject.policy._under_way == 0


def check(seed: Seed) -> None:
    """The two tables agree."""
    policy = seed.policy
    counts = [0] * seed.size
    for peer, offers in policy._peers.items():
        assert len(offers.had_since) <= policy.open_offers
        for index, since in offers.had_since.items():
            counts[index] += 1
            assert (since is not None) == (policy._pieces[index].waiting is peer)
            assert peer.bits[index] == (since is not None)
    assert {index: count for index, count in enumerate(counts) if count} == {
        index: piece.open for index, piece in policy._pieces.items()
    }
