"""The peers that others announce: bounded, and no host can fill the store."""

from __future__ import annotations

import random
import tracemalloc
from typing import List

from support.dht_places import place, public

from bittorrent_threads.dht.peer_store import COMPARED, LIFE, MAX_OF_HOST, MAX_OF_HOST_TORRENT, PeerStore

NOW = 1000.0
HASH = b"i" * 20


def infohash(number: int) -> bytes:
    return number.to_bytes(20, "big")


def sample(store: PeerStore, torrent: bytes = HASH, count: int = 1000, now: float = NOW) -> List[bytes]:
    return store.sample(torrent, count, random.Random(1), now)


def test_a_peer_is_stored_with_the_host_of_its_announce() -> None:
    store = PeerStore(10, 10)
    assert store.announce(HASH, place("1.2.3.4", 9), 258, NOW)
    assert sample(store) == [b"\1\2\3\4\1\2"]
    assert sample(store, infohash(1)) == []
    assert (store.torrents, store.peers) == (1, 1)


def test_an_announce_again_keeps_it_longer() -> None:
    store = PeerStore(10, 10)
    for _ in range(20):
        assert store.announce(HASH, public(1), 7, NOW)
    assert store.announce(HASH, public(1), 7, NOW + 1000)
    assert len(sample(store, now=NOW + LIFE)) == store.peers == 1
    assert sample(store, now=NOW + 1000 + LIFE) == []
    assert (store.torrents, store.peers) == (0, 0)


def test_peers_whose_time_is_over_are_removed() -> None:
    store = PeerStore(10, 10)
    store.announce(HASH, public(1), 7, NOW)
    store.announce(HASH, public(2), 7, NOW + 100)
    store.announce(infohash(1), public(1), 7, NOW)
    store.expire(NOW + LIFE)
    assert (store.torrents, store.peers) == (1, 1)


def test_the_oldest_announce_makes_room_in_a_torrent() -> None:
    store = PeerStore(10, 5)
    for number in range(8):
        store.announce(HASH, public(number), 7, NOW + number)
    assert sample(store) == [public(number, 7).compact for number in range(3, 8)]


def test_a_sample_is_by_chance() -> None:
    store = PeerStore(10, 500)
    for number in range(400):
        store.announce(HASH, public(number), 7, NOW)
    samples = [frozenset(store.sample(HASH, 50, random.Random(seed), NOW)) for seed in range(20)]
    assert {len(each) for each in samples} == {50}
    assert len(frozenset.union(*samples)) > 300


def test_the_smallest_of_the_oldest_torrents_makes_room() -> None:
    store = PeerStore(COMPARED, 10)
    for number in range(COMPARED):
        for peer in range(1 if number == 7 else 3):
            store.announce(infohash(number), public(peer), 7, NOW)
    store.announce(infohash(100), public(50), 7, NOW)
    assert sample(store, infohash(7)) == []
    assert store.torrents == COMPARED
    assert len(sample(store, infohash(0))) == 3


def test_a_host_has_few_places() -> None:
    store = PeerStore(2000, 500)
    for number in range(100):
        store.announce(infohash(number), public(number + 1), 7, NOW)
    for number in range(5000):
        store.announce(infohash(1000 + number), public(0), 7, NOW)
    assert store.torrents == 100 + MAX_OF_HOST
    assert sum(bool(sample(store, infohash(number))) for number in range(100)) == 100, "nothing was pushed out"


def test_a_host_has_few_places_in_a_torrent() -> None:
    store = PeerStore(2000, 500)
    taken = [store.announce(HASH, public(0), 1000 + port, NOW) for port in range(500)]
    assert sum(taken) == len(sample(store)) == MAX_OF_HOST_TORRENT
    assert store.announce(HASH, public(0), 1000, NOW + 1), "a known one may announce again"
    store.expire(NOW + LIFE)
    assert store.announce(HASH, public(0), 5000, NOW + LIFE), "a place is free again"


def test_a_flood_of_hosts_and_torrents_has_a_bound() -> None:
    store = PeerStore(200, 50)
    chance = random.Random(1)

    def flood(count: int) -> None:
        for _ in range(count):
            store.announce(infohash(chance.randrange(400)), public(chance.randrange(60_000)), 7, NOW)

    flood(20_000)
    assert (store.torrents, store.peers <= 200 * 50) == (200, True)
    tracemalloc.start()
    flood(20_000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 3_000_000
    assert store.torrents == 200
    assert sum(len(sample(store, infohash(number))) for number in range(400)) == store.peers
