"""Each bad seeder does its one fault, and a download that has a good one too is right all the same."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

import bittorrent_threads as bt
from bittorrent_threads.testing import (
    ChokingSeeder,
    CorruptSeeder,
    OneByteSeeder,
    PlainSeeder,
    SampleTorrent,
    SilentSeeder,
    SlowSeeder,
    no_leaks,
    quiet_settings,
    seeder,
)

SAMPLE = SampleTorrent(100_000, piece_length=16384)


def client(folder: Path, *peers: PlainSeeder, **settings: object) -> bt.Client:
    addresses = [peer.address for peer in peers]
    return bt.Client(SAMPLE.metainfo(), folder, peers=addresses, settings=quiet_settings(**settings))


def test_corrupt_blocks_fail_their_hash(tmp_path: Path) -> None:
    with no_leaks(), CorruptSeeder(SAMPLE, host="127.0.0.2") as liar, client(tmp_path, liar) as down:
        down.wait(lambda status: status.banned == 1, timeout=30)
        assert down.left == SAMPLE.size


def test_only_some_pieces_may_be_corrupt() -> None:
    with CorruptSeeder(SAMPLE, pieces={3}) as liar:
        assert liar.block(2, 5, 10) == SAMPLE.stream()[2 * 16384 + 5 :][:10]
        assert all(a ^ b == 0xFF for a, b in zip(liar.block(3, 0, 5000), SAMPLE.stream()[3 * 16384 :]))


def test_a_choking_seeder_is_a_stall(tmp_path: Path) -> None:
    with no_leaks(), ChokingSeeder(SAMPLE) as choking, client(tmp_path, choking) as down:
        choking.wait_until(lambda: choking.interested == 1)
        down.wait(lambda status: "chok" in status.stall, timeout=30)
        with pytest.raises(bt.Stalled, match="chok"):
            down.wait(timeout=30, stall_timeout=0.5)
        assert choking.requests == 0


def test_a_silent_seeder_is_asked_and_gives_nothing(tmp_path: Path) -> None:
    with no_leaks(), SilentSeeder(SAMPLE) as silent, client(tmp_path, silent) as down:
        silent.wait_until(lambda: silent.requests >= SAMPLE.piece_count)
        assert down.downloaded == 0


def test_one_byte_of_a_block_is_no_block(tmp_path: Path) -> None:
    with no_leaks(), OneByteSeeder(SAMPLE) as stuck, client(tmp_path / "down", stuck) as down:
        stuck.wait_until(lambda: stuck.requests >= SAMPLE.piece_count)
        assert down.left == SAMPLE.size
        with seeder(SAMPLE) as honest:
            down.add_peer("127.0.0.1", honest.port)
            down.wait(timeout=60)
    assert SAMPLE.differences(tmp_path / "down") == []


def test_a_slow_seeder_keeps_to_its_rate(tmp_path: Path) -> None:
    seen: queue.Queue[bt.Status] = queue.Queue()
    with no_leaks(), SlowSeeder(SAMPLE, rate=50_000) as slow, client(tmp_path, slow) as down:
        slow.wait_until(lambda: slow.requests > 0)
        with pytest.raises(bt.WaitTimeout):
            down.wait(timeout=0.6)
        seen.put(down.status())
    assert 0 < seen.get().downloaded <= 40_000
