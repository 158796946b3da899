"""Finished pieces, and what the answer of the disk says of their senders; a piece is a string of senders.

An upper-case sender sent a bad block, ``-`` stands for a block that was on disk.
"""

from __future__ import annotations

import random
from typing import List

from support.block_sources import Record, RecordingSource

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.fingerprint import fingerprint
from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.buffered_piece import BufferedPiece
from bittorrent_threads.swarm.finished_pieces import FinishedPieces
from bittorrent_threads.swarm.open_piece import RESTORED
from bittorrent_threads.swarm.parole import Parole
from bittorrent_threads.swarm.picker import Picker

COUNT = 4


class Owner:
    """What sent a block: its name is its identity."""

    def __init__(self, name: str, record: Record) -> None:
        self.sender = RecordingSource(name, record)


class Bench:
    def __init__(self) -> None:
        self.picker = Picker(Bitfield(COUNT), random=random.Random(1))
        self.parole = Parole(20.0)
        self.memory = BufferPool(1 << 20)
        self.record = Record()
        self.finished = FinishedPieces(self.picker, self.parole, self.memory)

    def add(self, index: int, senders: str) -> BufferedPiece:
        assert self.picker.take(index)
        size = len(senders) * BLOCK
        piece = BufferedPiece(index, size, size, len(senders), [*range(len(senders))])
        piece.owners = [RESTORED if sender == "-" else Owner(sender.lower(), self.record) for sender in senders]
        data = [(b"x" if sender.isupper() else b"o") * BLOCK for sender in senders]
        piece.buffer = self.memory.take(size)
        piece.buffer[:] = b"".join(data)
        self.memory.reserve(size)
        self.finished.add(piece)
        self.finished.check(())
        return piece

    def judge(self, index: int, senders: str) -> List[str]:
        """Report the disk's result for a piece; return the accused senders."""
        print_ = {index: fingerprint(self.add(index, senders).whole)}
        self.record.accused.clear()
        if senders.lower() != senders:
            ((failed, sent),) = self.finished.saved((), wrong=[index], fingerprints=print_)
            assert failed == index
            assert sent == [RecordingSource(sender.lower(), self.record) for sender in senders if sender != "-"]
        else:
            assert self.finished.saved([index], fingerprints=print_) == []
            self.picker.passed([index])
        assert self.memory.reserved == self.memory.saving == 0
        return self.record.accused[:]


def test_the_sender_of_everything_is_guilty_and_others_are_asked_at_once() -> None:
    bench = Bench()
    assert bench.judge(2, "AAA") == ["a"]
    assert not bench.parole
    assert not bench.finished.suspects


def test_of_several_the_right_copy_tells() -> None:
    bench = Bench()
    assert bench.judge(2, "aBc") == []
    assert list(bench.parole) == [2]
    assert list(bench.finished.suspects) == [2]
    assert bench.judge(1, "bbb") == []
    assert bench.judge(2, "cac") == ["b"]
    assert not bench.parole
    assert not bench.finished.suspects


def test_a_sole_sender_that_fails_does_not_end_the_parole() -> None:
    bench = Bench()
    bench.judge(2, "aBc")
    assert bench.judge(2, "DDD") == ["d"]
    assert list(bench.parole) == [2]
    assert bench.judge(2, "aaa") == ["b"]


def test_what_was_on_disk_accuses_nobody() -> None:
    bench = Bench()
    assert bench.judge(2, "-AA") == []
    assert list(bench.parole) == [2]
    assert bench.judge(2, "bbb") == ["a"]


def test_a_right_piece_that_could_not_be_written_tells_as_well_and_one_that_was_not_hashed_does_not() -> None:
    bench = Bench()
    bench.judge(2, "aBc")
    piece = bench.add(2, "ccc")
    bench.finished.saved((), unhashed=[2])
    assert list(bench.parole) == [2]
    assert bench.record.accused == []
    piece = bench.add(2, "ccc")
    bench.finished.saved((), unwritten=[2], fingerprints={2: fingerprint(b"o" * piece.size)})
    assert bench.record.accused == ["b"]
    assert not bench.parole
    assert bench.picker.take(2), "it is to be fetched again"


def test_a_fingerprint_is_wanted_of_what_failed_with_several_senders_and_when_that_is_right() -> None:
    bench = Bench()
    bench.add(1, "aaa")
    bench.add(2, "aBc")
    bench.add(3, "-aa")
    assert [bench.finished.compares(index, right=False) for index in (1, 2, 3)] == [False, True, True]
    assert not any(bench.finished.compares(index, right=True) for index in (1, 2, 3))
    bench.finished.saved((), wrong=[2], fingerprints={2: fingerprint(b"x" * 3 * BLOCK)})
    bench.add(2, "aaa")
    assert bench.finished.compares(2, right=True)


def test_what_is_dropped_or_forgotten_is_let_go() -> None:
    bench = Bench()
    bench.judge(2, "aBc")
    bench.finished.forget(2)
    assert not bench.parole
    assert not bench.finished.suspects
    bench.add(2, "aaa")
    assert len(bench.finished) == 1
    assert list(bench.finished) == [2]
    assert bench.memory.saving == 3 * BLOCK
    bench.finished.drop(2)
    bench.finished.drop(2)
    assert not bench.finished
    assert bench.memory.saving == 0
