"""The allowed fast set, with the results that BEP 6 prints."""

from __future__ import annotations

import pytest

from bittorrent_threads.protocol.fast import allowed_fast_set

INFOHASH = b"\xaa" * 20


def test_the_examples_of_the_bep() -> None:
    seven = (1059, 431, 808, 1217, 287, 376, 1188)
    assert allowed_fast_set(INFOHASH, "80.4.4.200", 1313, k=7) == seven
    assert allowed_fast_set(INFOHASH, "80.4.4.200", 1313, k=9) == (*seven, 353, 508)


def test_a_network_of_256_addresses_has_one_set() -> None:
    assert allowed_fast_set(INFOHASH, "80.4.4.1", 1313) == allowed_fast_set(INFOHASH, "80.4.4.255", 1313)
    assert allowed_fast_set(INFOHASH, "80.4.5.1", 1313) != allowed_fast_set(INFOHASH, "80.4.4.1", 1313)


@pytest.mark.parametrize("piece_count", [1, 2, 9, 10, 11])
def test_small_torrents_have_no_more_than_their_pieces(piece_count: int) -> None:
    chosen = allowed_fast_set(INFOHASH, "10.0.0.1", piece_count)
    assert len(set(chosen)) == len(chosen) == min(10, piece_count)
    assert set(chosen) <= set(range(piece_count))


@pytest.mark.parametrize("host", ["2001:db8::1", "::ffff:80.4.4.200", "example.org", ""])
def test_there_is_no_rule_for_anything_but_ipv4(host: str) -> None:
    assert allowed_fast_set(INFOHASH, host, 1313) == ()
