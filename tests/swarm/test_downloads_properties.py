"""``Downloads`` over random sequences of everything that sources, disk and user do.

No block is requested twice at once but in the endgame, no good source is blamed, memory stays within its limit, and the
download is complete in bounded time while one good source stays.
"""

from __future__ import annotations

import sys
from typing import Dict, List, Set, Tuple

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
from support.downloads import Block, Swarm, name

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.fingerprint import fingerprint
from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.pipeline import Pipeline

GOOD = "good"
"""The source that stays, sends what is requested, and only right blocks."""

MAX_SOURCES = 5
ROUNDS = 400
"""Seconds in which the good source alone must finish a torrent, whatever happened before."""

numbers = st.integers(0, 1000)

MOVES = ["request", "request", "request", "send", "send", "send bad", "send bad", "reject", "send anything"]


class Machine(RuleBasedStateMachine):
    """Downloads, their sources, and a disk."""

    @initialize(
        blocks=st.integers(1, 4),
        pieces=st.integers(1, 6),
        rest=st.integers(0, BLOCK),
        memory=st.sampled_from([1, 4, 12, 100]),
        depth=st.sampled_from([1, 1, 1, 3]),
    )
    def begin(self, blocks: int, pieces: int, rest: int, memory: int, depth: int) -> None:
        size = pieces * blocks * BLOCK + rest
        self.swarm = Swarm(size, blocks * BLOCK, memory=memory * BLOCK, min_requests=depth)
        self.downloads, self.record = self.swarm.downloads, self.swarm.record
        self.disk: Dict[int, bytearray] = {}
        """What was written of pieces in segments."""
        self.now = 100.0
        self.names = 0
        self.sources: List[Pipeline] = []
        self.asked: Dict[str, Set[Block]] = {}
        """What each source may still send: requested, and not answered, cancelled or given up."""
        self.gone: Set[str] = set()
        """The names of sources that left."""
        self.good = self.join_as(GOOD)
        for _ in range(2):
            self.another(set())

    # -- helpers -----------------------------------------------------------------------------------------------------

    def join_as(self, name: str, pieces: str = "") -> Pipeline:
        pipeline = self.swarm.peer(name, pieces or None)
        self.sources.append(pipeline)
        self.asked[name] = set()
        return pipeline

    def another(self, lacking: Set[int]) -> Pipeline:
        self.names += 1
        pieces = "".join("." if index in lacking else "x" for index in range(self.swarm.layout.piece_count))
        return self.join_as(f"P{self.names}", pieces)

    def source(self, number: int) -> Pipeline:
        return self.sources[number % len(self.sources)]

    def ask(self, pipeline: Pipeline) -> List[Block]:
        exhausted = self.downloads._pieces.exhausted
        blocks = self.swarm.ask(pipeline, self.now)
        self.note_cancels()
        mine = self.asked[name(pipeline)]
        assert len({*blocks}) == len(blocks)
        assert not mine & {*blocks}, "requested twice of one source"
        for block in blocks:
            others = [each for each in self.sources if each is not pipeline and self.number(block) in each.outstanding]
            assert not others or self.downloads._pieces.exhausted or exhausted, "requested twice before the endgame"
            assert len(others) < 3
        mine.update(blocks)
        return blocks

    def number(self, block: Block) -> int:
        """The global number of a block."""
        return block[0] * self.downloads._pieces.per_piece + block[1] // BLOCK

    def note_cancels(self) -> None:
        for each, block in self.record.cancels:
            self.asked[each].discard(block)
        self.record.cancels.clear()
        for pipeline in self.sources:
            # What a choke or a time-out ended is given up, but for the block that a snubbed source may be sending.
            expected = [*pipeline.outstanding]
            if pipeline.uncancelled is not None:
                expected.append(pipeline.uncancelled)
            self.asked[name(pipeline)] &= {self.downloads._pieces.request(number) for number in expected}

    def send(self, pipeline: Pipeline, block: Block, *, bad: bool = False) -> None:
        self.asked[name(pipeline)].discard(block)
        self.swarm.send(pipeline, block, bad=bad, now=self.now)
        self.note_cancels()

    def send_run(self, pipeline: Pipeline, first: Block, *, bad: bool = False) -> None:
        """Send the longest run of requested blocks of full length that begins with ``first``."""
        run = [first]
        while (first[0], first[1] + len(run) * BLOCK, BLOCK) in self.asked[name(pipeline)]:
            run.append((first[0], first[1] + len(run) * BLOCK, BLOCK))
        self.asked[name(pipeline)].difference_update(run)
        self.swarm.send_run(pipeline, run, bad=bad, now=self.now)
        self.note_cancels()

    def remove(self, pipeline: Pipeline) -> None:
        self.sources.remove(pipeline)
        self.gone.add(name(pipeline))
        self.downloads.left(pipeline)
        self.swarm.picker.left(pipeline.bits)
        del self.asked[name(pipeline)]

    def remove_blamed(self) -> None:
        for pipeline in [each for each in self.sources if name(each) in self.record.accused]:
            self.remove(pipeline)

    def judge(self, index: int, data: bytes) -> None:
        """The disk has hashed a piece that it has in segments."""
        right = 255 not in data
        prints = {index: fingerprint(memoryview(data))}
        if right:
            self.swarm.have.add([index])
        self.downloads.finished.saved([index] if right else [], wrong=[] if right else [index], fingerprints=prints)
        if right:
            self.swarm.picker.passed([index])

    def use_disk(self, *, failed: bool) -> None:
        """The disk does all that it was given."""
        segments, self.record.segments = self.record.segments, []
        for index, begin, data, written in segments:
            content = self.disk.setdefault(index, bytearray(self.swarm.layout.piece_size(index)))
            content[begin : begin + len(data)] = data
            written(failed)
        whole, self.record.whole = self.record.whole, []
        for index in whole:
            self.judge(index, bytes(self.disk.pop(index)))
        if failed:
            lost, self.record.pieces = [piece.index for piece in self.record.pieces], []
            self.downloads.finished.saved((), unwritten=lost[::2], unhashed=lost[1::2])
        else:
            self.swarm.save()
        self.note_cancels()
        self.remove_blamed()

    # -- what happens ------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.sources) < MAX_SOURCES)
    @rule(lacking=st.sets(st.integers(0, 6), max_size=3), choked=st.sampled_from([False, False, True]))
    def join(self, lacking: Set[int], choked: bool) -> None:
        self.another(lacking).choked = choked

    @precondition(lambda self: len(self.sources) > 1)
    @rule(number=numbers)
    def leave(self, number: int) -> None:
        self.remove(self.sources[1 + number % (len(self.sources) - 1)])

    @rule(moves=st.lists(st.tuples(st.sampled_from(MOVES), numbers, numbers), min_size=8, max_size=24))
    def trade(self, moves: List[Tuple[str, int, int]]) -> None:
        """Sources are asked, and send or reject what was requested, in any order."""
        for move, number, which in moves:
            self.now += which % 7 * 0.2
            pipeline = self.source(number)
            waiting = sorted(self.asked[name(pipeline)])
            if move == "request":
                self.ask(pipeline)
            elif move == "send anything":
                # A block that was cancelled, never requested, received already, or of another size.
                index = which % self.swarm.layout.piece_count
                block = which // 10 % self.swarm.layout.block_count(index)
                length = self.swarm.layout.block_size(index, block)
                self.send(pipeline, (index, block * BLOCK, length if which % 3 else 1))
            elif waiting:
                wanted = waiting[which % len(waiting)]
                if move == "reject" and pipeline is not self.good:
                    self.downloads.rejected(pipeline, wanted[0], wanted[1], self.now)
                    self.note_cancels()
                else:
                    send = self.send_run if which % 2 and wanted[2] == BLOCK else self.send
                    send(pipeline, wanted, bad=move == "send bad" and pipeline is not self.good)

    @rule(number=numbers, fast=st.booleans(), choked=st.sampled_from([False, False, True]))
    def choke(self, number: int, fast: bool, choked: bool) -> None:
        pipeline = self.source(number)
        if choked:
            pipeline.on_choke()
            if not fast:
                self.downloads.release(pipeline)
        else:
            pipeline.on_unchoke()
        self.note_cancels()

    @rule(number=numbers, index=numbers, allowed=st.booleans())
    def advise(self, number: int, index: int, allowed: bool) -> None:
        pipeline, index = self.source(number), index % self.swarm.layout.piece_count
        if allowed:
            pipeline.allow(index)
        else:
            pipeline.suggest(index)

    @rule(seconds=st.sampled_from([1, 5, 25]), rate=st.sampled_from([0, 0, 20_000]), unused=st.booleans())
    def wait(self, seconds: int, rate: int, unused: bool) -> None:
        self.now += seconds
        self.downloads.window.rate = rate
        self.downloads.adapt(unused=unused)
        for pipeline in self.sources:
            self.downloads.tick(pipeline, self.now)
        self.note_cancels()

    @rule(failed=st.sampled_from([False, False, True]))
    def disk_answers(self, failed: bool) -> None:
        self.use_disk(failed=failed)

    @rule(trouble=st.sampled_from(["", "", "", "cautious", "suspended"]))
    def disk_trouble(self, trouble: str) -> None:
        self.downloads.cautious, self.downloads.suspended = trouble == "cautious", trouble == "suspended"

    @rule(unwanted=st.sets(st.integers(0, 20), max_size=3))
    def set_priorities(self, unwanted: Set[int]) -> None:
        priorities = [int(index not in unwanted) for index in range(self.swarm.layout.piece_count)]
        self.downloads.set_priorities(priorities)
        self.note_cancels()

    @precondition(lambda self: not self.downloads.saving)
    @rule(readable=st.booleans())
    def stop_and_start(self, readable: bool) -> None:
        """What was received is written at a stop, and read at the next start."""
        for pipeline in self.sources:
            self.downloads.withdraw(pipeline)
        kept: List[Tuple[int, bytes, bytes]] = []
        for index, blocks, runs in self.downloads.unfinished():
            content = self.disk.setdefault(index, bytearray(self.swarm.layout.piece_size(index)))
            for begin, data in runs:
                content[begin : begin + len(data)] = data
            kept.append((index, blocks, bytes(content)))
        self.downloads.forget()
        for index, blocks, on_disk in kept:
            bits = Bitfield(self.swarm.layout.block_count(index), blocks)
            for segment, start, length in self.downloads.restore(index, bits):
                self.downloads.restored(index, segment, on_disk[start : start + length] if readable else None)
        self.note_cancels()

    # -- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def consistent(self) -> None:
        self.downloads.check()
        assert GOOD not in self.record.accused
        # One piece is opened however little memory there is.
        assert self.swarm.memory.reserved <= max(self.swarm.memory.limit, self.swarm.layout.piece_length)

    def teardown(self) -> None:
        """The good source alone finishes the torrent, and everything is returned."""
        if not hasattr(self, "swarm") or sys.exc_info()[0] is not None:
            return
        for pipeline in self.sources[1:]:
            self.remove(pipeline)
        self.downloads.suspended = self.downloads.cautious = False
        self.downloads.window.rate = 0
        self.good.choked = False
        for _ in range(ROUNDS):
            self.use_disk(failed=False)
            if not self.swarm.picker.missing and not self.downloads.saving:
                break
            self.now += 1.0
            self.downloads.tick(self.good, self.now)
            self.note_cancels()
            self.ask(self.good)
            for block in sorted(self.asked[GOOD]):
                self.send(self.good, block)
        assert not self.swarm.picker.missing
        self.consistent()
        self.remove(self.good)
        self.downloads.forget()
        assert self.swarm.memory.reserved == self.swarm.memory.saving == 0


def test_random_sequences() -> None:
    # Always the same sequences.  Not shrunk when one fails: that takes longer than the time limit of a test.
    bounds = settings(max_examples=250, stateful_step_count=60, derandomize=True, phases=[Phase.generate])
    run_state_machine_as_test(Machine, settings=bounds)
