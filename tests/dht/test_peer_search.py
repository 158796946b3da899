"""What a search has found: each peer once, and not without an end."""

from __future__ import annotations

from support.dht_places import public

from bittorrent_threads.dht.peer_search import MAX_PEERS, PeerSearch


def test_each_peer_is_new_once() -> None:
    search = PeerSearch(b"i" * 20, 7)
    one, two = public(1).address, public(2).address
    assert search.add([one, two, one]) == (one, two)
    assert search.add([two]) == ()
    assert (search.peers, search.port, search.implied_port, search.ended) == (2, 7, False, False)


def test_liars_cannot_fill_the_memory() -> None:
    search = PeerSearch(b"i" * 20)
    found = sum(len(search.add([public(number).address])) for number in range(2 * MAX_PEERS))
    assert found == search.peers == MAX_PEERS
