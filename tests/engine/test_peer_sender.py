"""The identity of a peer."""

from __future__ import annotations

from typing import List, Tuple

from bittorrent_threads.engine.peer_sender import PeerSender
from bittorrent_threads.net.interfaces import Address

ADDRESS = ("10.0.0.1", 6881)


class Bans:
    def __init__(self) -> None:
        self.made: List[Tuple[Address, str]] = []

    def ban(self, address: Address, reason: str) -> None:
        self.made.append((address, reason))


def test_two_connections_to_one_peer_are_the_same_sender() -> None:
    bans = Bans()
    first, again = (PeerSender(ADDRESS, b"A" * 20, bans.ban) for _ in range(2))
    assert first == again
    assert len({first, again}) == 1
    assert first != PeerSender(ADDRESS, b"B" * 20, bans.ban)
    assert first != PeerSender(("10.0.0.1", 6882), b"A" * 20, bans.ban)


def test_blame_bans_it() -> None:
    bans = Bans()
    PeerSender(ADDRESS, b"A" * 20, bans.ban).blame(3)
    assert bans.made == [(ADDRESS, "sent bad data in piece 3")]
