"""The limits of a torrent, and what is sent at a low one."""

from __future__ import annotations

import pytest
from support.bench import BLOCK, COUNT, NARROW, Bench, blocks_of, narrow_bench, torrent_of

from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import ALLOWED_FAST, CHOKE, INTERESTED, UNCHOKE, message

SLOTS = Settings().upload_slots


@pytest.mark.parametrize(("session", "torrent", "rate"), [(0, 0, 0), (5000, 0, 5000), (0, 700, 700), (5000, 700, 700)])
def test_the_lowest_limit_counts(session: int, torrent: int, rate: int) -> None:
    bench = Bench()
    network, limits = bench.network, bench.torrent.limits
    network.download.rate = network.upload.rate = session
    bench.torrent.limits.read_throttle.rate = bench.torrent.limits.write_throttle.rate = torrent
    limits.refresh()
    assert (limits.download, limits.upload) == (rate, rate)


def test_torrents_that_move_share_the_limit_of_the_session() -> None:
    bench = Bench()
    other = torrent_of(seed=2)
    bench.disk.hold(other)
    second = bench.add(other)
    bench.act(second.set_state, "active")
    bench.network.download.rate = bench.network.upload.rate = 6000
    bench.seed()
    bench.run(2)
    assert bench.torrent.limits.download == 6000, "the other has no peers"
    guest = bench.guest(range(COUNT), torrent=other)
    guest.say(message(INTERESTED))
    bench.run(2)
    assert bench.torrent.limits.download == second.limits.download == 3000
    assert second.limits.upload == 6000, "one wants something of ours"


@pytest.mark.parametrize(
    ("rate", "slots"), [(0, SLOTS), (100, 2), (1800, 2), (3 * BLOCK // 5 + 1, 3), (1_000_000, SLOTS)]
)
def test_a_slot_is_worth_a_block_in_seconds(rate: int, slots: int) -> None:
    bench = Bench(have=range(COUNT))
    bench.torrent.limits.write_throttle.rate = rate
    guests = [bench.leech() for _ in range(SLOTS + 2)]
    assert sum((UNCHOKE,) in guest.heard(CHOKE, UNCHOKE) for guest in guests) == slots
    assert bench.torrent.limits.narrow == (slots < SLOTS)


def test_a_limit_is_unused_while_less_comes() -> None:
    bench = Bench()
    assert not bench.torrent.limits.unused, "there is none"
    bench.network.download.rate = 20_000
    seed = bench.seed()
    bench.run(2)
    assert bench.torrent.limits.unused
    seed.give(*blocks_of(0, 1, 2))
    assert not bench.torrent.limits.unused
    bench.torrent.limits.read_throttle.rate = 1_000_000
    bench.run(20)
    assert bench.torrent.limits.unused


def test_nothing_is_granted_to_choked_peers_at_a_low_limit() -> None:
    bench = narrow_bench()
    guest = bench.guest([])
    assert guest.heard(ALLOWED_FAST) == []
    bench.network.upload.rate = 0
    bench.run(1)
    assert bench.guest([]).heard(ALLOWED_FAST)


def test_a_message_of_ours_may_wait_for_the_blocks_before_it() -> None:
    bench = narrow_bench()
    bench.torrent.limits.refresh()
    assert bench.torrent.limits.departure == pytest.approx((BLOCK + NARROW) / NARROW)
    bench.network.upload.rate = 0
    bench.torrent.limits.refresh()
    assert bench.torrent.limits.departure == 0.0
