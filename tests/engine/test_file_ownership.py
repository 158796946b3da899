"""Which files may be written: those that are the torrent's own."""

from __future__ import annotations

import errno
from typing import Any, Dict, Iterable, List, Tuple

import pytest
from support.bench import COUNT, PIECE_LENGTH, SIZE, Bench, torrent_of

from bittorrent_threads import events
from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.results import CheckedFiles
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.settings import Settings

FILES = (("a", 4 * PIECE_LENGTH + 5), ("b", 100), ("c", SIZE - 4 * PIECE_LENGTH - 105))
"""Piece 4 has bytes of all three, and b nothing else."""
A, B, C = range(3)
LENGTHS = [length for _, length in FILES]


def bench_of(*sizes: int, have: Iterable[int] = (), **settings: Any) -> Bench:
    """A torrent of which these pieces passed, and the files have these sizes."""
    bench = Bench(torrent_of(files=FILES), state="stopped", settings=Settings(**settings))
    bench.payload.ownership.see(CheckedFiles((), None, tuple(FileStat(size, 1, 7) if size else None for size in sizes)))
    bench.act(bench.payload.pieces.trust, list(have))
    return bench


def own(bench: Bench) -> List[bool]:
    return bench.payload.ownership.files


def remembered(*files: int, inode: int = 7) -> Resume:
    owned = Bitfield(len(FILES))
    for file in files:
        owned.set(file)
    stats = (None, FileStat(100, 1, inode), FileStat(100, 1, inode))
    return Resume(b"i" * 20, bytes(2), stats, own=bytes(owned))


def test_a_file_is_own_if_a_piece_of_it_is_right() -> None:
    assert own(bench_of(1, 1, 1)) == [False, False, False]
    assert own(bench_of(1, 1, 1, have=[0])) == [True, False, False]
    assert own(bench_of(1, 1, 1, have=[4])) == [True, True, True]


def test_a_file_that_shares_all_its_pieces_is_own_by_its_length() -> None:
    assert own(bench_of(1, LENGTHS[B], 1)) == [False, False, False], "if anything else is there and right"
    assert own(bench_of(1, LENGTHS[B], 1, have=[0])) == [True, True, False]
    assert own(bench_of(1, LENGTHS[B] + 1, 1, have=[0])) == [True, False, False]


def test_what_the_user_allows_is_own() -> None:
    assert own(bench_of(1, 1, 1, overwrite=True)) == [True, True, True]


def test_what_was_own_is_unless_another_file_took_its_place() -> None:
    bench = bench_of()
    bench.payload.ownership.recall(remembered(A, B))
    assert own(bench) == [True, True, False]
    stats = tuple(FileStat(1, 2, inode) for inode in (9, 8, 7))
    bench.payload.ownership.see(CheckedFiles((), None, stats))
    assert own(bench) == [True, False, False], "of a nothing was known when that was stored"
    bench.payload.ownership.recall(remembered(B, C))
    bench.payload.ownership.see(CheckedFiles((), None, (None, FileStat(1, 2, 7), None)))
    bench.payload.ownership.see(CheckedFiles((), None, stats))
    assert own(bench) == [True, True, True], "later a move gives files new inodes"


def test_an_earlier_version_wrote_to_every_file_that_was_there() -> None:
    bench = bench_of()
    bench.payload.ownership.recall(remembered()._replace(own=None))
    assert own(bench) == [False, True, True]


def test_it_is_stored_before_the_first_file_is_made() -> None:
    bench = Bench(torrent_of(files=FILES), state="stopped")
    jobs: List[str] = []
    for name in ("prepare", "save", "remember"):
        _note(bench, name, jobs)
    bench.set_state("active")
    assert jobs == ["remember", "prepare"]
    resume = bench.files.resume
    assert resume is not None
    assert resume.own == b"\xe0"
    assert not any(resume.have)
    assert resume.files == (None,) * 3
    bench.set_state("stopped")
    bench.set_state("active")
    assert jobs.count("prepare") == 2
    assert jobs[-1] == "prepare", "and once"


def test_that_it_cannot_be_stored_holds_nothing_up() -> None:
    bench = Bench(torrent_of(files=FILES), state="stopped")
    remember = bench.payload.storage.remember

    def failing(resume: Any, deliver: Any) -> None:
        def answered(answer: Any) -> None:
            bench.disk.write_errno = 0
            deliver(answer)

        bench.disk.write_errno = errno.EROFS
        remember(resume, answered)

    bench.payload.storage.remember = failing  # type: ignore[method-assign]
    bench.set_state("active")
    bench.seed().serve()
    assert bench.payload.have.full


def _note(bench: Bench, name: str, jobs: List[str]) -> None:
    job = getattr(bench.payload.storage, name)

    def noted(*arguments: Any, **options: Any) -> None:
        jobs.append(name)
        job(*arguments, **options)

    setattr(bench.payload.storage, name, noted)


@pytest.mark.parametrize("priorities", [(1, 1, 1), (1, 0, 0)])
def test_another_file_of_that_name_stops_the_download_until_it_is_gone(priorities: Any) -> None:
    bench = Bench(torrent_of(files=FILES), state="stopped")
    bench.files.damage([0])
    jobs: List[str] = []
    for name in ("prepare", "save", "write", "remember"):
        _note(bench, name, jobs)
    bench.act(bench.payload.set_priorities, priorities)
    bench.set_state("active")
    seed = bench.seed()
    bench.run(25)
    assert seed.requests() == []
    assert jobs == []
    failed = bench.seen(events.StorageFailed)
    assert [(each.errno, each.retry_in) for each in failed] == [(errno.EEXIST, 10), (errno.EEXIST, 20)]
    assert bench.payload.storage_retry.error is not None
    assert bench.status.stall.startswith("the disk failed")
    bench.files.damaged.clear()
    bench.run(20)
    seed.serve()
    assert bench.payload.picker.missing is False
    assert jobs[:2] == ["remember", "prepare"]
    assert bench.seen(events.StorageRecovered)


def test_a_file_that_is_not_wanted_stops_nothing() -> None:
    bench = Bench(torrent_of(files=FILES), state="stopped")
    bench.files.damage([0])
    bench.act(bench.payload.set_priorities, [0, 0, 1])
    bench.set_state("active")
    bench.seed().serve()
    assert not bench.seen(events.StorageFailed)
    assert bench.payload.have.count == COUNT - 4


# -- files of other torrents ---------------------------------------------------------------------------------------


def rival(bench: Bench, *, writing: bool) -> Dict[bytes, bool]:
    """Another torrent uses the files; returns the claims, to be cleared when it ends."""
    claims = bench.disk.claims.setdefault(bench.payload.storage._path, {})  # type: ignore[attr-defined]
    claims[b"another" * 2] = writing
    return claims


@pytest.mark.parametrize("writing", [True, False])
@pytest.mark.parametrize("left", [(), (1, 2, 3)], ids=["nothing left", "something left"])
def test_nothing_is_asked_for_while_another_torrent_has_the_files(writing: bool, left: Tuple[int, ...]) -> None:
    bench = Bench(state="stopped")
    claims = rival(bench, writing=writing)
    checked = bench.jobs("check")
    bench.set_state("active")
    seed = bench.seed()
    bench.run(25)
    assert seed.requests() == []
    assert bench.files.resume is None
    assert {(each.errno, each.reason[:9]) for each in bench.seen(events.StorageFailed)} == {(errno.EBUSY, "is in use")}
    bench.files.pieces.update(left)
    claims.clear()
    bench.run(30)
    assert [index for job in checked for index in job] == [*range(COUNT)], "what the other wrote was looked at"
    assert bench.payload.have.count == len(left)
    seed.serve()
    assert bench.payload.have.full


def test_a_seed_hinders_who_would_write_and_nobody_who_reads() -> None:
    bench = Bench(have=range(COUNT))
    path = bench.payload.storage._path  # type: ignore[attr-defined]
    assert list(bench.disk.claims[path].values()) == [False]
    bench.files.pieces.discard(3)
    bench.act(bench.payload.pieces.lose, [3])
    bench.act(bench.payload.pieces.changed)
    bench.run(1)
    assert list(bench.disk.claims[path].values()) == [True], "there is something to write again"
    bench.seed().serve()
    bench.run(1)
    assert bench.payload.have.full
    assert list(bench.disk.claims[path].values()) == [False]
    bench.set_state("stopped")
    bench.run(1)
    assert bench.disk.claims[path] == {}


@pytest.mark.parametrize("writing", [True, False])
def test_a_seed_that_lost_a_piece_waits_for_who_came_meanwhile(writing: bool) -> None:
    bench = Bench(have=range(COUNT))
    claims = rival(bench, writing=writing)
    bench.files.pieces.discard(3)
    bench.act(bench.payload.pieces.lose, [3])
    bench.act(bench.payload.pieces.changed)
    seed = bench.seed()
    bench.run(5)
    assert seed.requests() == []
    assert not bench.status.seed
    assert bench.seen(events.StorageFailed)[0].errno == errno.EBUSY
    del claims[b"another" * 2]
    bench.run(40)
    bench.seed().serve()  # the peers were told of a piece that was lost, and come again
    assert bench.payload.have.full
