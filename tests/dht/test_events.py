"""Events are values."""

from __future__ import annotations

import dataclasses

import pytest

from bittorrent_threads.dht import events
from bittorrent_threads.dht.peer_search import PeerSearch


def test_they_cannot_be_changed() -> None:
    search = PeerSearch(b"i" * 20)
    found = events.PeersFound(search, (("1.2.3.4", 5),))
    assert found == events.PeersFound(search, (("1.2.3.4", 5),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.addresses = ()  # type: ignore[misc]
