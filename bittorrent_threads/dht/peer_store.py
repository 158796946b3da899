"""``PeerStore``: the peers that others announced to us, by infohash (BEP 5).

The rule: what is full drops what is least useful.  Of the torrents that nobody announced for longest, the one with the
fewest peers makes room for a new one; the peer that announced longest ago makes room for a new peer.  A host has few
places, so it cannot fill the store alone.
"""

from __future__ import annotations

from itertools import islice
from typing import Dict, List, Protocol, Sequence

from .place import Key, Place

LIFE = 1800.0
"""Seconds that a peer is kept after its announce; clients announce again every 15 to 30 minutes."""
MAX_OF_HOST = 100
"""Peers of one host, of all torrents together."""
MAX_OF_HOST_TORRENT = 4
"""Peers of one host in one torrent: several clients behind a translator of addresses."""
COMPARED = 16
"""Torrents, of those that nobody announced for longest, of which the smallest is dropped."""


class Random(Protocol):
    """The part of ``random.Random`` that chooses peers."""

    def sample(self, population: Sequence[bytes], k: int) -> List[bytes]:
        """Return ``k`` different elements."""


class _Peer:
    __slots__ = ("owner", "until")

    def __init__(self, owner: Key, until: float) -> None:
        self.owner = owner
        self.until = until


_Swarm = Dict[bytes, _Peer]


class PeerStore:
    """The peers of one address family.

    Args:
        torrents: Infohashes at most.
        peers: Peers at most of each.
    """

    def __init__(self, torrents: int, peers: int) -> None:
        self._max_torrents = torrents
        self._max_peers = peers
        self._swarms: Dict[bytes, _Swarm] = {}
        """By infohash the compact addresses of peers; in both the oldest announce is first."""
        self._of_owner: Dict[Key, int] = {}
        self.peers = 0
        """Peers of all torrents."""

    @property
    def torrents(self) -> int:
        """Infohashes for which there are peers."""
        return len(self._swarms)

    def announce(self, infohash: bytes, place: Place, port: int, now: float) -> bool:
        """Store a peer, or keep it for longer.

        Args:
            infohash: Its torrent.
            place: The node that announced it; the peer has the same host.
            port: TCP port of the peer.
            now: Monotonic seconds.

        Returns:
            False if the host has too many peers.
        """
        address = place.packed + port.to_bytes(2, "big")
        swarm = self._swarms.get(infohash, {})
        known = address in swarm
        if not known and not self._room_for(place.owner, swarm):
            return False
        if known:
            self._remove(infohash, address)
        elif len(swarm) >= self._max_peers:
            self._remove(infohash, next(iter(swarm)))
        swarm = self._swarms.pop(infohash, {})
        if len(self._swarms) >= self._max_torrents:
            self._drop_smallest()
        swarm[address] = _Peer(place.owner, now + LIFE)
        self._swarms[infohash] = swarm
        self._of_owner[place.owner] = self._of_owner.get(place.owner, 0) + 1
        self.peers += 1
        return True

    def sample(self, infohash: bytes, count: int, random: Random, now: float) -> List[bytes]:
        """Return compact addresses of at most ``count`` peers, chosen by chance."""
        swarm = self._swarms.get(infohash)
        if swarm is None:
            return []
        self._expire(infohash, swarm, now)
        addresses = list(swarm)
        return addresses if len(addresses) <= count else random.sample(addresses, count)

    def expire(self, now: float) -> None:
        """Remove all peers whose time is over."""
        for infohash, swarm in list(self._swarms.items()):
            self._expire(infohash, swarm, now)

    def _room_for(self, owner: Key, swarm: _Swarm) -> bool:
        of_owner = self._of_owner.get(owner, 0)
        if of_owner < MAX_OF_HOST_TORRENT:
            return True
        in_torrent = sum(peer.owner == owner for peer in swarm.values())
        return of_owner < MAX_OF_HOST and in_torrent < MAX_OF_HOST_TORRENT

    def _expire(self, infohash: bytes, swarm: _Swarm, now: float) -> None:
        for address, peer in list(swarm.items()):
            if peer.until > now:
                break
            self._remove(infohash, address)

    def _drop_smallest(self) -> None:
        oldest = islice(self._swarms, COMPARED)
        smallest = min(oldest, key=lambda infohash: len(self._swarms[infohash]))
        for address in list(self._swarms[smallest]):
            self._remove(smallest, address)

    def _remove(self, infohash: bytes, address: bytes) -> None:
        swarm = self._swarms[infohash]
        owner = swarm.pop(address).owner
        if not swarm:
            del self._swarms[infohash]
        self._of_owner[owner] -= 1
        if not self._of_owner[owner]:
            del self._of_owner[owner]
        self.peers -= 1
