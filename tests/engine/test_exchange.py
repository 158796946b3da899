"""Peers that exchange pieces: who is told of what, and what happens at the end of a pass."""

from __future__ import annotations

from typing import Any, List, Sequence

from support.bench import COUNT, Bench, blocks_of

from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import HAVE, NOT_INTERESTED, REQUEST


def test_everybody_hears_of_a_new_piece() -> None:
    bench = Bench()
    others = [bench.guest([]), bench.guest([5], fast=False)]
    seed = bench.seed()
    for guest in others:
        guest.heard()
    asked = seed.requests()
    seed.give(*[block for block in asked if block[0] == 5])
    assert others[0].heard() == [(HAVE, 5)]
    assert (HAVE, 5) not in seed.heard(), "it is told with the next message, or within a second"
    bench.run(1.2)
    assert (HAVE, 5) in seed.heard()
    assert others[1].heard() == [(HAVE, 5), (NOT_INTERESTED,)]


def test_a_batch_of_blocks_is_answered_by_one_batch_of_requests() -> None:
    bench = Bench(settings=Settings(min_requests=8))
    seed = bench.seed()
    sends: List[Any] = []
    (peer,) = bench.payload.exchange
    send = peer.stream.send

    def record(buffers: Sequence[Any]) -> None:
        sends.append(b"".join(buffers))
        send(buffers)

    peer.stream.send = record  # type: ignore[method-assign]
    seed.give(*seed.requests())
    batches = [len(data) // 17 for data in sends if data[4] == REQUEST]
    assert sum(batches) >= 8
    assert len(batches) <= 4


def test_what_a_peer_that_leaves_was_asked_for_others_are_asked_for() -> None:
    bench = Bench()
    one = bench.seed()
    other = bench.seed()
    assert sorted(one.requests()) == blocks_of(*range(COUNT))
    assert other.requests() == []
    one.hang_up()
    assert sorted(other.requests()) == blocks_of(*range(COUNT))
    assert bench.reasons == ["closed by the other end"]
