"""Claiming and making the files of a torrent: what is begun last counts."""

from __future__ import annotations

import errno
from typing import Any, List, Tuple

import pytest
from support.bench import COUNT, Bench, torrent_of

from bittorrent_threads import events
from bittorrent_threads.disk.results import Prepared
from bittorrent_threads.errors import StorageError

FILES = (("a", 2), ("b", COUNT - 2))
Jobs = List[Tuple[Any, ...]]


def jobs_of(bench: Bench) -> Jobs:
    """What is claimed (and for writing?) and made, as it is asked of the disk."""
    jobs: Jobs = []
    storage: Any = bench.payload.storage
    claim, prepare = storage.claim, storage.prepare

    def claiming(wanted: Any, own: Any, deliver: Any, *, writing: bool) -> None:
        jobs.append(("claim", *wanted, writing))
        claim(wanted, own, deliver, writing=writing)

    def making(wanted: Any, own: Any, deliver: Any, *, writing: bool) -> None:
        jobs.append(("make", *wanted, writing))
        prepare(wanted, own, deliver, writing=writing)

    storage.claim, storage.prepare = claiming, making
    return jobs


def bench_of(**options: Any) -> Bench:
    return Bench(torrent_of(files=FILES), state="stopped", **options)


def test_what_is_to_be_stored_first_is_claimed_before_and_what_is_known_is_made_at_once() -> None:
    bench = bench_of()
    jobs = jobs_of(bench)
    bench.act(bench.payload.set_priorities, [0, 1])
    bench.set_state("active")
    bench.run(1)
    assert jobs == [("claim", False, True, True), ("make", False, True, True)]
    bench.set_state("stopped")
    bench.run(1)
    del jobs[:]
    bench.set_state("active")
    bench.run(1)
    assert jobs == [("make", False, True, True)]


@pytest.mark.parametrize("later", [0, 1], ids=["at once", "while that is stored"])
def test_files_that_are_not_wanted_any_more_are_not_made(later: int) -> None:
    bench = bench_of()
    jobs = jobs_of(bench)
    storage: Any = bench.payload.storage
    remember = storage.remember

    def remembering(resume: Any, deliver: Any) -> None:
        if later and not jobs[1:]:
            bench.payload.set_priorities([1, 0])
        remember(resume, deliver)

    storage.remember = remembering
    bench.act(bench.torrent.set_state, "active")
    bench.until(lambda: bool(jobs))
    if not later:
        bench.act(bench.payload.set_priorities, [1, 0])
    bench.run(2)
    assert [job for job in jobs if job[0] == "make"] == [("make", True, False, True)]
    assert not bench.payload.preparation.under_way
    assert later or bytes(bench.payload.ownership) == b"\x80", "it owns no file that it was not to make"
    bench.seed().serve()
    assert bench.payload.pieces.complete


def test_stopped_while_the_files_are_claimed_nothing_is_made() -> None:
    bench = bench_of()
    jobs = jobs_of(bench)
    bench.act(bench.torrent.set_state, "active")
    bench.until(lambda: bool(jobs))
    bench.act(bench.torrent.set_state, "stopped")
    bench.run(2)
    assert [job[0] for job in jobs] == ["claim"]
    assert not bench.payload.preparation.under_way
    path = bench.payload.storage._path  # type: ignore[attr-defined]
    assert not bench.disk.claims.get(path)


def test_started_again_at_once_the_files_stay_claimed() -> None:
    bench = Bench(have=[1])
    path = bench.payload.storage._path  # type: ignore[attr-defined]
    for _ in range(3):
        bench.set_state("stopped")
        bench.set_state("active")
    bench.run(3)
    assert bench.torrent.lifecycle.live
    assert list(bench.disk.claims[path].values()) == [True]
    bench.set_state("stopped")
    bench.run(3)
    assert bench.disk.claims[path] == {}


def test_complete_it_claims_for_reading_and_makes_nothing() -> None:
    bench = bench_of()
    bench.set_state("active")
    bench.run(1)
    jobs = jobs_of(bench)
    bench.seed().serve()
    bench.run(1)
    assert bench.payload.have.full
    assert jobs == [("claim", True, True, False)]


def test_a_folder_that_cannot_be_used_is_tried_again() -> None:
    bench = bench_of()
    storage: Any = bench.payload.storage
    prepare, errors = storage.prepare, [StorageError("no", "/x", errno.EACCES)] * 2

    def failing(wanted: Any, own: Any, deliver: Any, *, writing: bool) -> None:
        if errors:
            bench.engine.network.call_later(0, lambda: deliver(Prepared(errors.pop())))
        else:
            prepare(wanted, own, deliver, writing=writing)

    storage.prepare = failing
    bench.set_state("active")
    bench.until(lambda: not errors)
    bench.run(60)
    assert [event.errno for event in bench.seen(events.StorageFailed)] == [errno.EACCES] * 2
    bench.seed().serve()
    assert bench.payload.have.full
