"""At a low limit on what is sent: the turn of one peer for one block."""

from __future__ import annotations

from typing import List, Tuple

from support.bench import BLOCK, NARROW, Guest, blocks_of, narrow_bench

from bittorrent_threads.testing.peer_messages import HAVE, PIECE, REJECT, REQUEST, message


def ask(*blocks: Tuple[int, int, int]) -> bytes:
    return b"".join([message(REQUEST, *block) for block in blocks])


def given(guest: Guest) -> List[Tuple[int, int]]:
    """Index and begin of the blocks that came since the last look."""
    return [(index, begin) for _, index, begin, _ in guest.heard(PIECE)]


def test_at_a_low_limit_it_is_the_turn_of_one_peer_for_one_block() -> None:
    bench = narrow_bench()
    one, other = bench.leech(), bench.leech()
    one.say(ask(*blocks_of(0, 1)))
    other.say(ask(*blocks_of(2, 3)))
    for guest in (one, other):
        guest.heard()
    order = []
    for _ in range(60):
        bench.run(1)
        backlog = sum(peer.stream.backlog for peer in bench.payload.exchange)
        assert backlog <= BLOCK + NARROW + 100
        order += [name for name, guest in (("one", one), ("other", other)) for _ in given(guest)]
    assert order == ["one", "other"] * 3 or order == ["one", "other"] * 3 + ["one"]


def test_what_a_peer_takes_back_or_is_choked_for_is_not_sent_at_a_low_limit() -> None:
    bench = narrow_bench()
    guest = bench.leech()
    guest.say(ask(*blocks_of(0, 1, 2)))
    bench.run(2)
    (peer,) = bench.payload.exchange
    bench.act(peer.choke)
    bench.run(30)
    heard = guest.heard(PIECE, REJECT)
    assert [kind for kind, *_ in heard].count(PIECE) == 1
    assert len(heard) == 6


def test_what_few_have_is_sent_first_at_a_low_limit() -> None:
    bench = narrow_bench()
    one, other = bench.leech(), bench.leech([1])
    one.say(ask(*blocks_of(0, 1)))
    bench.run(1)
    other.say(ask(*blocks_of(0, 2)))
    bench.run(9)
    assert given(one) == [(0, 0)]
    assert given(other) == []
    bench.run(9)
    assert given(other) == [(2, 0)], "of piece 0 the first is being sent the rest"
    other.say(message(HAVE, 0))
    bench.run(9)
    assert given(one) in ([(0, BLOCK)], [(1, 0)])
