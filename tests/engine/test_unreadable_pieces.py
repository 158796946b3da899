"""Pieces that cannot be read: nothing of them is claimed, fetched or forgotten, and they come back by themselves."""

from __future__ import annotations

import errno
from typing import Any, Iterable, List, Tuple

import pytest
from support.bench import BLOCK, COUNT, SIZE, Bench, Guest, ignored, packed, torrent_of

from bittorrent_threads import events
from bittorrent_threads.disk.results import Checked, Loaded, Prepared, Synced
from bittorrent_threads.engine.checks import Check
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.hashes import Verdict
from bittorrent_threads.testing.peer_messages import HAVE, INTERESTED, PIECE, REQUEST, message

FILES = (("first", 200_000), ("second", SIZE - 200_000))
SECOND = range(6, COUNT)


class Away:
    """A file of the torrent that is gone until it comes back."""

    def __init__(self, bench: Bench, file: int = 1) -> None:
        self.on = True
        self.asked: List[Tuple[int, ...]] = []
        """The jobs of hash checks."""
        self._bench = bench
        self._pieces = set(bench.content.metainfo.layout.file_pieces(file))
        self._error = StorageError("was there and is gone", bench.payload.paths.path(file), errno.ENOENT)
        storage: Any = bench.payload.storage
        self._check, self._load, self._prepare = storage.check, storage.load, storage.prepare
        storage.check, storage.load, storage.prepare = self._checked, self._loaded, self._prepared

    def _checked(self, indexes: Any, deliver: Any) -> None:
        self.asked.append(tuple(indexes))
        gone = tuple([index for index in indexes if self.on and index in self._pieces])

        def answer(checked: Checked) -> None:
            passed = tuple([index for index in checked.passed if index not in gone])
            deliver(checked if not gone else Checked(passed, dict.fromkeys(gone, Verdict.UNREADABLE), self._error))

        self._check(indexes, answer)

    def _loaded(self, spans: Any, deliver: Any) -> None:
        gone = {index for index, _, _ in spans if self.on and index in self._pieces}

        def answer(loaded: List[Loaded]) -> None:
            deliver([each._replace(error=self._error) if each.index in gone else each for each in loaded])

        self._load(spans, answer)

    def _prepared(self, wanted: Any, own: Any, deliver: Any, *, writing: bool) -> None:
        done = Prepared(self._error if self.on and wanted[1] else None)
        self._prepare(wanted, own, lambda answer: deliver(done if done.error else answer), writing=writing)


def ask(guest: Guest, index: int) -> None:
    guest.say(message(INTERESTED), message(REQUEST, index, 0, BLOCK))


def lost(*, have: Iterable[int] = range(COUNT)) -> Tuple[Bench, Away]:
    """A torrent of which a file went away, and a peer has noticed."""
    bench = Bench(torrent_of(files=FILES), have=have)
    bench.run(bench.settings.sync_interval + 1)
    away = Away(bench)
    ask(bench.leech(), 8)
    return bench, away


def there(bench: Bench) -> List[int]:
    return list(bench.payload.have.indexes())


def test_they_are_not_claimed_and_the_others_are_served() -> None:
    bench, _ = lost()
    assert there(bench) == [*range(6)]
    assert bench.status.left == SIZE - 6 * 2 * BLOCK
    assert not bench.status.complete
    assert "second: was there and is gone" in bench.status.error
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)] == [0, 10]
    assert not bench.seen(events.PieceFailed), "no hash says that they are wrong"
    guest = bench.leech()
    ask(guest, 2)
    assert [each[:3] for each in guest.heard(PIECE)] == [(PIECE, 2, 0)]


def test_they_are_not_fetched_and_there_again_when_the_file_is() -> None:
    bench, away = lost()
    seed, leech = bench.seed(), bench.guest([0])
    leech.heard()
    bench.run(60)
    assert seed.requests() == []
    assert bench.payload.downloads.suspended
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)] == [0, 10, 20, 40]
    assert away.asked == [tuple(SECOND)], "what the file itself tells costs no hashing"
    away.on = False
    bench.run(30)
    assert bench.payload.have.full
    assert bench.status.error == ""
    assert bench.status.downloaded == 0
    assert leech.heard(HAVE) == [(HAVE, index) for index in SECOND]
    assert len(bench.seen(events.StorageRecovered)) == 1
    assert away.asked[1:] == [tuple(SECOND)]
    assert [event.index for event in bench.seen(events.PiecePassed)][-6:] == [*SECOND]


def test_what_is_wrong_then_is_fetched() -> None:
    bench, away = lost()
    away.on = False
    bench.files.pieces.discard(9)
    bench.run(30)
    assert [event.index for event in bench.seen(events.PieceFailed)] == [9]
    seed = bench.seed()
    assert {index for index, _, _ in seed.serve()} == {9}
    assert bench.payload.have.full


def test_those_of_a_file_that_is_not_wanted_are_looked_at_too() -> None:
    bench, away = lost()
    bench.act(bench.payload.set_priorities, [1, 0])
    bench.run(60)
    assert [failed.retry_in for failed in bench.seen(events.StorageFailed)] == [0, 10, 20, 40]
    assert not bench.seen(events.StorageRecovered)
    assert len(away.asked) == 3
    away.on = False
    bench.run(30)
    assert bench.payload.have.full
    assert bench.seen(events.StorageRecovered)


def test_a_write_that_succeeds_tells_nothing_of_them() -> None:
    bench, away = lost()
    bench.act(bench.payload.storage_retry.end)
    assert not bench.seen(events.StorageRecovered)
    assert bench.payload.storage_retry.on
    away.on = False
    bench.run(30)
    assert bench.payload.have.full


def test_one_that_comes_all_the_same_is_known() -> None:
    bench = Bench(have=range(1, COUNT))
    seed = bench.seed()
    bench.disk.read_errno = errno.EIO
    bench.disk.seek_time = 1.0
    bench.act(bench.payload.checks.add, Check([0], lambda check: None))
    seed.give(*seed.requests())
    bench.until(lambda: bool(bench.payload.unreadable))
    assert bench.payload.storage_retry.on
    assert not bench.payload.have[0]
    bench.run(1)
    assert bench.payload.have.full
    assert not bench.payload.storage_retry.on
    assert bench.seen(events.StorageRecovered)


@pytest.mark.parametrize("noticed", [True, False])
def test_what_was_remembered_stays(noticed: bool) -> None:
    bench, away = lost()
    resume = bench.files.resume
    assert resume is not None
    assert resume.have == packed(range(COUNT))
    if not noticed:
        away.on = False
        bench.run(60)
        error = StorageError("was removed", "second", errno.ENOENT)
        bench.payload.storage.sync = lambda deliver, **options: bench.disk.work(  # type: ignore[method-assign]
            0, lambda: deliver(Synced(resume.files, None, tuple(SECOND), error))
        )
        away.on = True
    bench.act(bench.payload.resume_store.changed)
    bench.run(bench.settings.sync_interval + 5)
    assert bench.files.resume == resume
    assert there(bench) == [*range(6)]
    bench.set_state("stopped")
    assert bench.files.resume == resume == bench.torrent.kept


def test_a_start_looks_at_once() -> None:
    bench, away = lost()
    bench.set_state("stopped")
    away.on = False
    bench.run(1000)
    assert there(bench) == [*range(6)]
    bench.set_state("active")
    bench.run(1)
    assert bench.payload.have.full
    assert bench.seen(events.StorageRecovered)


def test_a_hash_check_of_all_says_what_there_is() -> None:
    bench, away = lost()
    away.on = False
    bench.files.pieces.difference_update(SECOND)
    bench.act(bench.payload.hashcheck, range(COUNT), ignored)
    bench.run(1)
    assert not bench.payload.unreadable
    assert not bench.payload.storage_retry.on
    assert bench.seen(events.StorageRecovered)
    assert [event.index for event in bench.seen(events.PieceFailed)] == [*SECOND]
    bench.seed().serve()
    assert bench.payload.have.full


def test_at_the_start_they_keep_no_others_from_being_used() -> None:
    bench = Bench(torrent_of(files=FILES), have=range(COUNT), state="stopped")
    away = Away(bench)
    bench.set_state("active")
    bench.run(1)
    assert bench.torrent.lifecycle.live
    assert there(bench) == [*range(6)]
    assert bench.payload.unreadable
    seed = bench.seed()
    bench.run(60)
    assert seed.requests() == []
    assert away.asked == [tuple(range(COUNT))]
    away.on = False
    bench.run(30)
    assert bench.payload.have.full


def test_each_is_hashed_once_at_a_time() -> None:
    bench, away = lost()
    away.on = False
    away.asked.clear()
    bench.disk.read_rate = 10_000.0
    bench.run(12)
    bench.act(bench.payload.set_priorities, [1, 2])
    bench.run(100)
    assert away.asked == [tuple(SECOND)]
    assert bench.payload.have.full


def test_what_is_wrong_beside_what_cannot_be_read_is_told() -> None:
    bench = Bench(have=range(COUNT))
    error = StorageError("Input/output error", bench.payload.paths.path(0), errno.EIO)
    bench.act(bench.payload.pieces.checked, Checked((0,), {1: Verdict.WRONG, 2: Verdict.UNREADABLE}, error))
    assert [event.index for event in bench.seen(events.PieceFailed)] == [1]
    assert not bench.payload.have[1]
    assert not bench.payload.have[2]
    assert bench.payload.unreadable
    bench.act(bench.payload.pieces.checked, Checked((2,), {}, None))
    assert not bench.payload.unreadable
    assert {*bench.payload.have.indexes()} == {*range(COUNT)} - {1}
