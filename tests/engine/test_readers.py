"""Reads of files while they are downloaded, with scripted peers in virtual time."""

from __future__ import annotations

import errno
from typing import Any, Callable, List, Optional

import pytest
from support.bench import COUNT, MOMENT, PIECE_LENGTH, SIZE, Bench, blocks_of, torrent_of

from bittorrent_threads import events
from bittorrent_threads.disk.destination import Destination
from bittorrent_threads.disk.results import Loaded
from bittorrent_threads.engine import readers
from bittorrent_threads.engine.readers import Reader
from bittorrent_threads.errors import Stalled, StorageError
from bittorrent_threads.net.reply import Reply
from bittorrent_threads.testing.peer_messages import CANCEL, REQUEST

HALF = SIZE // 2


class MemoryReply(Reply):
    """An answer, and the memory for its bytes."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.memory = bytearray(length)
        self.into = Destination(memoryview(self.memory))

    @property
    def data(self) -> bytes:
        """What was read."""
        return bytes(self.memory[: self.wait(0)])


class Reading:
    """A reader of a bench, as a thread of a user has one."""

    def __init__(self, bench: Bench, file: int = 0, *, readahead: Optional[int] = None) -> None:
        self.bench = bench
        self.begin = bench.payload.metainfo.layout.file_offset(file)
        self.reader = Reader(file, bench.payload.metainfo.files[file].length, readahead)
        self.readers = bench.payload.readers
        bench.act(self.readers.open, self.reader)

    def read(self, offset: int, length: int = 100, *, seconds: float = MOMENT) -> MemoryReply:
        reply = MemoryReply(length)
        self.bench.act(
            lambda: self.readers.read(self.reader, offset, length, wanted=length, answer=reply, into=reply.into)
        )
        if seconds:
            self.bench.run(seconds)
        return reply

    def right(self, reply: MemoryReply, offset: int, length: int = 100) -> bool:
        """Whether a read was answered with the content of the file there."""
        return reply.data == self.bench.content.content.read(self.begin + offset, length)

    def close(self) -> None:
        self.bench.act(self.readers.close, self.reader)
        self.bench.run(MOMENT)


def bench_of(priorities: List[int], **options: Any) -> Bench:
    torrent = torrent_of(files=(("a", HALF), ("b", SIZE - HALF))) if len(priorities) > 1 else torrent_of()
    bench = Bench(torrent, **options)
    bench.act(bench.payload.set_priorities, priorities)
    bench.run(MOMENT)
    return bench


def test_what_is_verified_is_read_at_once_and_over_pieces() -> None:
    bench = Bench(have=[3, 4])
    reading = Reading(bench)
    offset = 4 * PIECE_LENGTH - 50
    assert reading.right(reading.read(offset), offset)
    assert reading.right(reading.read(5 * PIECE_LENGTH - 30), 5 * PIECE_LENGTH - 30, 30), (
        "up to the first that is missing"
    )


def test_a_read_waits_for_its_piece_which_is_requested_first() -> None:
    bench = bench_of([0])
    seed = bench.seed()
    reading = Reading(bench, readahead=0)
    assert seed.heard(REQUEST) == []
    offset = 7 * PIECE_LENGTH + 10
    reply = reading.read(offset)
    assert not reply.done
    assert reading.reader.left == 2
    assert reading.reader.available == 1
    assert seed.requests() == blocks_of(7)
    seed.give(*blocks_of(7)[:1])
    assert reading.reader.left == 1
    seed.give(*blocks_of(7)[1:])
    assert reading.right(reply, offset)
    assert bench.status.pieces_have == 1


def test_a_file_is_wanted_while_it_is_read_and_its_priority_stays() -> None:
    bench = bench_of([0, 0])
    assert bench.status.complete
    first, second = Reading(bench, 1), Reading(bench, 1)
    assert bench.status.priorities == (0, 0)
    assert not bench.status.complete
    assert bench.payload.files.wanted == [False, True]
    first.close()
    assert not bench.status.complete
    second.close()
    second.close()
    assert bench.status.complete
    assert bench.payload.files.wanted == [False, False]
    assert len(bench.payload.readers) == 0


def test_requests_for_a_reader_are_cancelled_when_it_is_closed() -> None:
    bench = bench_of([0])
    seed = bench.seed()
    reading = Reading(bench, readahead=0)
    reply = reading.read(0)
    assert seed.requests() == blocks_of(0)
    reading.close()
    assert [each[0] for each in seed.heard(CANCEL)] == [CANCEL] * 2
    with pytest.raises(ValueError, match="closed file"):
        reply.wait(0)
    late = reading.read(0)
    with pytest.raises(ValueError, match="closed file"):
        late.wait(0)


def test_while_a_reader_waits_everything_else_gives_way_and_comes_after_it() -> None:
    bench = Bench()
    seed = bench.seed()
    assert len(seed.requests()) == 2 * COUNT
    reading = Reading(bench, readahead=0)
    reply = reading.read(2 * PIECE_LENGTH)
    cancelled = [each[1:] for each in seed.heard(CANCEL)]
    assert sorted(cancelled) == [block for block in blocks_of(*range(COUNT)) if block[0] != 2]
    seed.give(*blocks_of(2))
    assert reading.right(reply, 2 * PIECE_LENGTH)
    assert len(seed.serve()) == 2 * COUNT - 2
    assert bench.status.seed


def test_the_wait_of_a_reader_in_sequence_cancels_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "STEADY", 2 * PIECE_LENGTH)
    bench = Bench(have=[0, 1, 2])
    seed = bench.seed()
    assert len(seed.requests()) == 2 * (COUNT - 3)
    reading = Reading(bench, readahead=2 * PIECE_LENGTH)
    for index in range(3):
        reading.read(index * PIECE_LENGTH)
    seed.heard()  # a few were cancelled when the file was opened
    reply = reading.read(3 * PIECE_LENGTH)
    assert not reply.done
    assert seed.heard(CANCEL) == []


def test_reads_in_sequence_cancel_nothing() -> None:
    bench = bench_of([0])
    seed = bench.seed()
    reading = Reading(bench, readahead=3 * PIECE_LENGTH)
    reading.read(0)
    for index in range(4):
        seed.serve()
        assert reading.right(reading.read(index * PIECE_LENGTH), index * PIECE_LENGTH)
    assert seed.heard(CANCEL) == []


def test_a_late_block_is_requested_of_another_peer_without_waiting_for_the_next_second() -> None:
    bench = bench_of([0])
    slow = bench.seed()
    reading = Reading(bench, readahead=0)
    reply = reading.read(0)
    assert slow.requests() == blocks_of(0)
    other = bench.seed()
    bench.run(2.2)
    assert sorted(other.requests()) == blocks_of(0)
    other.give(*blocks_of(0))
    assert reading.right(reply, 0)


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_a_read_of_what_is_missing_fails_at_once_when_the_torrent_is_not_active(state: str) -> None:
    bench = Bench(have=[1])
    reading = Reading(bench)
    reply = reading.read(0)
    assert not reply.done
    bench.set_state(state)
    for each in (reply, reading.read(0)):
        with pytest.raises(Stalled, match=f"is missing, and the torrent is {state}"):
            each.wait(0)
    assert reading.right(reading.read(PIECE_LENGTH), PIECE_LENGTH), "what is there is read"
    bench.set_state("active")
    again = reading.read(0)
    bench.run(1)
    bench.seed().serve()
    assert reading.right(again, 0)


def test_the_files_of_a_stopped_torrent_are_closed_after_a_read() -> None:
    bench = Bench(have=[1])
    bench.set_state("stopped")
    closed = bench.recorded("close")
    reading = Reading(bench)
    assert reading.right(reading.read(PIECE_LENGTH), PIECE_LENGTH)
    assert closed == ["close"]


def test_a_torrent_that_is_closed_fails_its_reads() -> None:
    bench = Bench(have=[1])
    reading = Reading(bench)
    reply = reading.read(0)
    bench.act(bench.torrent.close)
    with pytest.raises(Stalled):
        reply.wait(0)
    late = reading.read(0, seconds=0)
    with pytest.raises(Stalled, match="closed"):
        late.wait(0)


def refuse(bench: Bench, *, once: bool = False) -> None:
    """Let the files be changed by another program, whenever they are read or only the next time."""
    storage = vars(bench.payload.storage)

    def load(spans: List[Any], deliver: Callable[[List[Loaded]], None], into: Any = None, at_once: Any = None) -> None:
        gone = StorageError("was changed", "a", errno.ESTALE)
        bench.network.call_later(0, lambda: deliver([Loaded(index, begin, b"", gone) for index, begin, _ in spans]))
        if once:
            del storage["load"]
            bench.files.pieces.discard(1)

    storage["load"] = load


def test_a_piece_that_is_lost_comes_from_peers() -> None:
    bench = Bench(have=[1])
    reading = Reading(bench)
    refuse(bench, once=True)
    reply = reading.read(PIECE_LENGTH)
    assert not reply.done
    bench.seed().serve()
    assert reading.right(reply, PIECE_LENGTH)
    assert bench.seen(events.StorageFailed)


def test_a_disk_that_fails_fails_the_read() -> None:
    bench = Bench(have=[1])
    reading = Reading(bench)
    bench.disk.read_errno = errno.EIO
    reply = reading.read(PIECE_LENGTH)
    with pytest.raises(StorageError) as caught:
        reply.wait(0)
    assert caught.value.errno == errno.EIO


def test_a_file_that_is_always_gone_fails_the_read_in_the_end() -> None:
    bench = Bench(have=[1])
    reading = Reading(bench)
    refuse(bench)
    reply = reading.read(PIECE_LENGTH, seconds=5)
    with pytest.raises(StorageError, match="was changed"):
        reply.wait(0)


def test_memory_that_was_taken_back_is_not_filled_when_the_data_comes() -> None:
    bench = Bench(have=[1])
    reading = Reading(bench)
    reply = MemoryReply(100)
    reply.into.take_back()
    reply.memory += b"!"
    bench.act(
        lambda: reading.readers.read(reading.reader, PIECE_LENGTH, 100, wanted=100, answer=reply, into=reply.into)
    )
    bench.run(MOMENT)
    assert not reply.done
    assert reply.memory == bytes(100) + b"!"


def test_a_read_that_is_given_up_is_forgotten() -> None:
    bench = Bench()
    reading = Reading(bench)
    reply = reading.read(0)
    assert bench.payload.downloads.windows.waiting
    bench.act(reading.readers.forget, reading.reader, Reply())
    assert bench.payload.downloads.windows.waiting
    bench.act(reading.readers.forget, reading.reader, reply)
    assert not bench.payload.downloads.windows.waiting
    reading.close()
    bench.act(reading.readers.forget, reading.reader, reply)
    bench.seed().serve()
    assert not reply.done


def test_no_timer_is_left_when_no_reader_waits() -> None:
    bench = bench_of([0])
    seed = bench.seed()
    reading = Reading(bench, readahead=0)
    reading.read(0)
    seed.serve()
    bench.run(MOMENT)
    assert bench.payload.readers._timer is None


def test_a_reader_whose_object_is_gone_is_closed() -> None:
    bench = bench_of([0])
    owner: List[object] = [bench]
    reader = Reader(0, SIZE, owner=lambda: owner[0])
    bench.act(bench.payload.readers.open, reader)
    bench.run(3)
    assert len(bench.payload.readers) == 1
    owner[0] = None
    bench.run(1.5)
    assert len(bench.payload.readers) == 0
    assert bench.status.complete
    assert bench.payload.readers._collector is None
