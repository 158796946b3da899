"""The picker beside a plain model of it, over random sequences of everything that happens to it."""

from __future__ import annotations

import random
from typing import Iterable, List, Optional, Set

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bittorrent_threads.metainfo import bitfield
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.swarm import picker as picker_module
from bittorrent_threads.swarm.availability import PIECES_PER_ARRIVAL, RARITY_PLANES
from bittorrent_threads.swarm.picker import RANDOM_FIRST, Picker


class Model:
    """Which pieces may be chosen, by brute force from a list of counts."""

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
        if bits.count and not bits.full:
            if by < 0:
                self.settle()
            for index in bits.indexes():
                self.counts[index] += by

    def gained(self, bits: Bitfield, index: int) -> None:
        if bits.full:
            before = bits.copy()
            before.clear(index)
            self.count(before, -1)
        else:
            self.heard.append(index)

    def retracted(self, bits: Bitfield, index: int) -> None:
        if bits.count + 1 == len(bits):
            self.count(bits, 1)
        else:
            self.heard.append(~index)

    def settle(self) -> None:
        for index in self.heard:
            self.counts[max(index, ~index)] += 1 if index >= 0 else -1
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


class Machine(RuleBasedStateMachine):
    """A picker, its model, and the peers that both know."""

    sizes = st.integers(RANDOM_FIRST, 200)

    def __init__(self) -> None:
        super().__init__()
        self.peers: List[Bitfield] = []

    @initialize(data=st.data(), sequential=st.booleans(), seed=st.integers(0, 1000))
    def begin(self, data: st.DataObject, sequential: bool, seed: int) -> None:
        self.size = size = data.draw(self.sizes, "size")
        have = Bitfield(size)
        have.add(random.Random(seed).sample(range(size), RANDOM_FIRST))
        self.kept = {*have.indexes()}
        self.have = have
        self.picker = Picker(have, random=random.Random(seed), sequential=sequential)
        self.model = Model(size, have, sequential)

    def peer(self, number: int) -> Bitfield:
        return self.peers[number % len(self.peers)]

    def some(self, seed: int, part: float) -> List[int]:
        """About this part of all pieces."""
        chance = random.Random(seed)
        return [index for index in range(self.size) if chance.random() < part]

    @rule(seed=st.integers(0, 1000), density=st.sampled_from([0, 0.02, 0.3, 0.5, 0.9, 1]))
    def join(self, seed: int, density: float) -> None:
        peer = Bitfield(self.size)
        peer.add(self.some(seed, density))
        self.peers.append(peer)
        self.picker.joined(peer)
        self.model.count(peer, 1)

    @precondition(lambda self: len(self.peers) > 2)
    @rule(number=st.integers(0, 100))
    def leave(self, number: int) -> None:
        peer = self.peers.pop(number % len(self.peers))
        self.picker.left(peer)
        self.model.count(peer, -1)

    def gain(self, peer: Bitfield, index: int) -> None:
        if peer.set(index):
            self.picker.gained(peer, index)
            self.model.gained(peer, index)

    @precondition(lambda self: self.peers)
    @rule(number=st.integers(0, 100), index=st.integers(0, 10_000))
    def one_peer_takes_back(self, number: int, index: int) -> None:
        peer = self.peer(number)
        if peer.clear(index % self.size):
            self.picker.retracted(peer, index % self.size)
            self.model.retracted(peer, index % self.size)

    @rule(number=st.integers(0, 10_000))
    def every_peer_gets(self, number: int) -> None:
        for peer in self.peers:
            self.gain(peer, number % self.size)

    @precondition(lambda self: self.peers)
    @rule(number=st.integers(0, 100), seed=st.integers(0, 1000), part=st.sampled_from([0.05, 1]))
    def one_peer_gets(self, number: int, seed: int, part: float) -> None:
        peer = self.peer(number)
        for index in self.some(seed, part)[-20:]:
            self.gain(peer, index)

    @precondition(lambda self: self.peers)
    @rule(number=st.integers(0, 100), count=st.integers(1, 40), seed=st.none() | st.integers(0, 1000))
    def pick(self, number: int, count: int, seed: Optional[int]) -> None:
        peer = self.peer(number)
        within = None if seed is None else self.some(seed, 0.2)
        self.model.check(self.picker.pick(peer, count, within), peer, count, within)

    @rule(seed=st.integers(0, 1000))
    def get(self, seed: int) -> None:
        """Some of the open pieces are right, and some others were found on disk."""
        open_ = sorted(self.model.open)
        came = [index for index in self.some(seed, 0.3) if index in self.model.open] or open_[:1]
        came += [index for index in self.some(seed + 1, 0.01) if index not in came]
        self.picker.passed(self.have.add(came))
        self.model.open.difference_update(came)

    @rule(seed=st.integers(0, 1000))
    def lose(self, seed: int) -> None:
        """Some open pieces are given up, and some that we had are gone."""
        for index in self.some(seed, 0.1):
            if index not in self.kept and (index in self.model.open or self.have[index]):
                self.have.clear(index)
                self.picker.lost(index)
                self.model.open.discard(index)

    @rule(number=st.integers(0, 10_000))
    def take(self, number: int) -> None:
        index = number % self.size
        queued = self.model.missing(index) and index not in self.model.open
        assert self.picker.take(index) is queued
        if queued:
            self.model.open.add(index)

    @rule(seed=st.integers(0, 1000), choice=st.sampled_from([[1], [0, 1, 1, 2, 7], [0]]))
    def set_priorities(self, seed: int, choice: List[int]) -> None:
        chance, model = random.Random(seed), self.model
        before = [index for index in range(self.size) if model.missing(index)]
        model.priorities = [chance.choice(choice) for _ in range(self.size)]
        dropped = self.picker.set_priorities(model.priorities)
        assert dropped == [index for index in before if not model.missing(index)]
        model.open.difference_update(dropped)

    @invariant()
    def agrees(self) -> None:
        subject, model = self.picker, self.model
        subject.check()
        missing = [index for index in range(self.size) if model.missing(index)]
        assert subject.missing_count == len(missing)
        assert subject.missing is bool(missing)
        assert subject.exhausted is all(index in model.open for index in missing)
        assert all(subject.wants(index) is model.missing(index) for index in range(0, self.size, 7))
        assert all(subject.interesting(peer) is any(peer[index] for index in missing) for peer in self.peers[:3])


def bounds(examples: int, steps: int) -> settings:
    """Always the same sequences, not shrunk when one fails: that takes longer than the time limit of a test."""
    return settings(
        max_examples=examples, stateful_step_count=steps, derandomize=True, phases=[Phase.generate], deadline=None
    )


class LargeMachine(Machine):
    """With several regions as they are."""

    sizes = st.sampled_from([bitfield.REGION - 1, bitfield.REGION, 2 * bitfield.REGION + 77])


def test_many_small_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    # Regions of 16 pieces: a small torrent has many.
    monkeypatch.setattr(bitfield, "REGION", 16)
    monkeypatch.setattr(picker_module, "REGION", 16)
    run_state_machine_as_test(Machine, settings=bounds(60, 60))


def test_regions_as_they_are() -> None:
    run_state_machine_as_test(LargeMachine, settings=bounds(8, 30))
