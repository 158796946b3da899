"""The attacks that peer exchange invites: floods, poisoned addresses, other networks than the peer's own."""

from __future__ import annotations

from typing import List

import pytest

from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.protocol.pex import MAX_CONTACTS, SEED, PexMessage
from bittorrent_threads.swarm.pex_limit import LEAST_INTERVAL, MAX_EARLY, MAX_FIRST, PexLimit

PUBLIC, LOCAL, OURSELVES = "93.184.216.34", "192.168.1.7", "127.0.0.1"


def message(*addresses: Address, flags: int = 0) -> bytes:
    return PexMessage(dict.fromkeys(addresses, flags)).encode()


def crowd(count: int) -> bytes:
    return message(*[(f"9.{at // 256}.{at % 256}.1", 6881) for at in range(count)])


def test_a_flood_is_ignored_and_then_ends_the_connection() -> None:
    limit = PexLimit(PUBLIC)
    assert limit.take(crowd(1), 0.0) == ([("9.0.0.1", 6881)], "")
    for _ in range(MAX_EARLY - 1):
        assert limit.take(b"not even decoded", LEAST_INTERVAL - 1) == ([], "")
    assert limit.take(crowd(1), LEAST_INTERVAL - 1) == ([], "sent 5 peer exchange messages too early")


def test_a_message_in_time_forgives_the_early_ones() -> None:
    limit = PexLimit(PUBLIC)
    now = 0.0
    for _ in range(20):
        assert limit.take(crowd(1), now)[0]
        for _ in range(MAX_EARLY - 1):
            assert limit.take(crowd(1), now + 1) == ([], "")
        now += LEAST_INTERVAL


def test_the_first_message_may_tell_of_more() -> None:
    limit = PexLimit(PUBLIC)
    assert len(limit.take(crowd(1000), 0.0)[0]) == MAX_FIRST
    assert len(limit.take(crowd(1000), 60.0)[0]) == MAX_CONTACTS


def test_garbage_has_a_reason() -> None:
    found, objection = PexLimit(PUBLIC).take(b"x", 0.0)
    assert found == []
    assert objection.startswith("peer exchange: ")


@pytest.mark.parametrize(
    ("teller", "taken"),
    [
        (PUBLIC, [("9.0.0.1", 80)]),
        ("2606:4700::1", [("9.0.0.1", 80)]),
        (LOCAL, [("9.0.0.1", 80), ("10.1.1.1", 80)]),
        ("fe80::1", [("9.0.0.1", 80), ("10.1.1.1", 80)]),
        (OURSELVES, [("9.0.0.1", 80), ("10.1.1.1", 80), ("127.0.0.1", 80)]),
    ],
)
def test_addresses_of_a_network_are_taken_from_that_network_only(teller: str, taken: List[Address]) -> None:
    told = message(("9.0.0.1", 80), ("10.1.1.1", 80), ("127.0.0.1", 80))
    assert PexLimit(teller).take(told, 0.0) == (taken, "")


def test_a_public_host_is_listed_once_and_a_local_one_may_have_several_peers() -> None:
    victim = [("9.0.0.1", port) for port in range(1, 40)] + [(f"2606:4700::{port}", port) for port in range(1, 10)]
    found, _ = PexLimit(PUBLIC).take(message(*victim), 0.0)
    assert found == [("9.0.0.1", 1), ("2606:4700::1", 1)]
    several = [("10.0.0.1", port) for port in range(1, 5)]
    assert PexLimit(LOCAL).take(message(*several), 0.0)[0] == several


def test_a_seed_has_no_use_for_seeds() -> None:
    told = message(("9.0.0.1", 80), flags=SEED)
    assert PexLimit(PUBLIC).take(told, 0.0, seeds=False) == ([], "")
    assert PexLimit(PUBLIC).take(told, 0.0)[0] == [("9.0.0.1", 80)]
