"""The plain seeder: it gives everything, counts, and says what it waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

import bittorrent_threads as bt
from bittorrent_threads.testing import LyingPeer, PlainSeeder, SampleTorrent, message, no_leaks, quiet_settings
from bittorrent_threads.testing.lying_peer import SocketWire
from bittorrent_threads.testing.peer_messages import BITFIELD, INTERESTED, UNCHOKE

SAMPLE = SampleTorrent({"a.bin": 100_000, "b": 5}, piece_length=16384)


def test_a_download_from_it(tmp_path: Path) -> None:
    with no_leaks(), PlainSeeder(SAMPLE) as seeder:
        bt.download(SAMPLE.metainfo(), tmp_path, peers=[seeder.address], settings=quiet_settings(), timeout=30)
        assert SAMPLE.differences(tmp_path) == []
        assert seeder.requests >= SAMPLE.piece_count
        seeder.wait_until(lambda: seeder.closed == 1)
    assert seeder.leaving.is_set()


def test_a_peer_without_the_fast_extension_gets_a_bitfield() -> None:
    with PlainSeeder(SAMPLE) as seeder:
        peer = LyingPeer(SocketWire.dial(seeder.address))
        peer.greet(SAMPLE.infohash, fast=False)
        assert peer.hear() == (BITFIELD, b"\xfe")
        peer.say(message(INTERESTED))
        assert peer.hear() == (UNCHOKE, b"")
        assert peer.fetch(0, 10, 100) == SAMPLE.stream()[10:110]
        peer.wire.close()


def test_a_wait_in_vain_says_what_happened() -> None:
    with PlainSeeder(SAMPLE) as seeder, pytest.raises(TimeoutError, match="interested 0, requests 0, closed 0"):
        seeder.wait_until(lambda: seeder.requests == 1, timeout=0.01)


def test_a_message_of_a_gigabyte_ends_the_connection() -> None:
    with PlainSeeder(SAMPLE) as seeder:
        peer = LyingPeer(SocketWire.dial(seeder.address))
        peer.greet(SAMPLE.infohash)
        peer.say((1 << 30).to_bytes(4, "big"))
        seeder.wait_until(lambda: seeder.closed == 1)
        peer.wire.close()
