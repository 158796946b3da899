"""Bans: one peer, or a whole public host."""

from __future__ import annotations

import pytest

from bittorrent_threads.swarm.bans import Bans

SHARED = ["127.0.0.1", "127.5.6.7", "10.1.2.3", "192.168.0.9", "172.16.1.1", "100.64.0.1", "169.254.1.1", "::1"]
PUBLIC = ["8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize("host", SHARED)
def test_a_shared_host_is_never_banned(host: str) -> None:
    bans = Bans(100)
    for port in range(1, 20):
        assert not bans.add(host, [(host, port)])
    assert bans.covers((host, 19))
    assert not bans.covers((host, 20))
    assert bans.count == 19


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_host_is_banned_with_its_second_peer(host: str) -> None:
    bans = Bans(100)
    assert not bans.add(host, [(host, 1), (host, 2)])
    assert bans.covers((host, 1))
    assert bans.covers((host, 2))
    assert not bans.covers((host, 3))
    assert bans.add(host, [(host, 3)])
    assert bans.covers((host, 4))


def test_a_network_of_public_ipv6_hosts_is_one_owner() -> None:
    bans = Bans(100)
    assert not bans.add("2606:4700::1", [("2606:4700::1", 1)])
    assert not bans.covers(("2606:4700::2", 1))
    assert bans.add("2606:4700::2", [("2606:4700::2", 1)])
    assert bans.covers(("2606:4700::ffff", 9))
    assert not bans.covers(("2606:4700:0:1::1", 9))


def test_the_oldest_bans_make_room() -> None:
    bans = Bans(3)
    for number in range(1, 6):
        bans.add(f"8.8.8.{number}", [(f"8.8.8.{number}", 1)])
    assert [bans.covers((f"8.8.8.{number}", 1)) for number in range(1, 6)] == [False, False, True, True, True]
    assert not bans.add("8.8.8.1", [("8.8.8.1", 2)])
    assert bans.add("8.8.8.5", [("8.8.8.5", 2)])
