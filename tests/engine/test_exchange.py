"""Peers that exchange pieces: who is told of what, and what happens at the end of a pass."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

from support.bench import COUNT, MOMENT, Bench, Guest, blocks_of
from support.lying_peer import HAVE, INTERESTED, NOT_INTERESTED, REQUEST, message

from bittorrent_threads.settings import Settings

LOW, HIGH = b"\0" * 20, b"\xff" * 20
"""Peer ids below and above any that an engine makes."""


def dialled_and_dialling(bench: Bench, peerid: bytes, *, dial_first: bool) -> Tuple[Guest, Guest]:
    """One peer met twice: where the engine dialled it, and where it dialled the engine."""
    address, guests = bench.open_house()
    if dial_first:
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        guests[0].greet(peerid=peerid)
    incoming = bench.guest(peerid=peerid, host=bench.internet.hosts[address[0]], extended=True)
    if not dial_first:
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        guests[0].greet(peerid=peerid)
    return guests[0], incoming


def crowded(bench: Bench, count: int, host: str = "8.8.8.8") -> List[Guest]:
    """So many peers of one host, which are interested and ask for nothing."""
    source = bench.host(host)
    guests = [bench.guest([], host=source) for _ in range(count)]
    for guest in guests:
        guest.say(message(INTERESTED), seconds=0.01)
    return guests


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
