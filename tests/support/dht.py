"""Nodes of the DHT in virtual time, and a socket that only listens."""

from __future__ import annotations

import random
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from support.bench import Bench, torrent_of

from bittorrent_threads.dht.dht import Dht, claims
from bittorrent_threads.engine.dht_node import DhtNode
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.settings import Settings
from bittorrent_threads.status import DhtStatus
from bittorrent_threads.swarm.external_address import ExternalAddress
from bittorrent_threads.testing.simulation.network import Internet, SimNetwork
from bittorrent_threads.testing.simulation.torrent import SimTorrent

PORT = 6881
INFOHASH = b"0123456789abcdefghij"


def dht_settings(*routers: Address, **settings: Any) -> Settings:
    """Settings with the DHT, whose only routers are these."""
    return Settings(dht=True, dht_routers=tuple(routers), **settings)


class Listener:
    """Counts the datagrams that come to a host of the simulation, and answers none."""

    def __init__(self, network: SimNetwork, port: int = PORT) -> None:
        self.address: Address = (network.name, port)
        self.datagrams: List[Tuple[bytes, Address]] = []
        network.datagram(6 if ":" in network.name else 4, network.name, port).add(self, lambda data: True)

    @property
    def queries(self) -> List[str]:
        """The names of the queries that came."""
        return [bencode.decode(data)[b"q"].decode() for data, _ in self.datagrams]

    def on_datagram(self, data: memoryview, address: Address) -> None:
        self.datagrams.append((bytes(data), address))

    def on_unsent(self, address: Address, reason: str) -> None:
        raise AssertionError("it sends nothing")


class SimDhtNode:
    """The machine of a node on a host of the simulation, without an engine around it."""

    def __init__(self, network: SimNetwork, *, routers: Sequence[Address] = (), seed: int = 0) -> None:
        self.network = network
        self.address: Address = (network.name, PORT)
        self.heard: Dict[str, Set[bytes]] = {"get_peers": set(), "announce_peer": set()}
        """The infohashes that others asked for, and that they announced, by the name of the query."""
        self.addresses: List[Address] = []
        """The senders of all datagrams from the host of the engine."""
        self._socket = network.datagram(4, network.name, PORT)
        self._socket.add(self, claims)
        self._timer: Optional[Any] = None
        self.dht = Dht(random.Random(seed), ExternalAddress(), now=network.now(), families=(4,))
        self.dht.bootstrap(routers, network.now())
        self._settle()

    def announce(self, infohash: bytes, port: int) -> None:
        """Announce a peer."""
        self.network.run_pass(lambda: self._announce(infohash, port))

    def _announce(self, infohash: bytes, port: int) -> None:
        self.dht.get_peers(infohash, self.network.now(), announce_port=port)
        self._settle()

    def on_datagram(self, data: memoryview, address: Address) -> None:
        if not address[0].startswith("10.3."):
            self.addresses.append(address)
        said = bencode.decode(bytes(data))
        name = said.get(b"q", b"").decode()
        if name in self.heard:
            self.heard[name].add(said[b"a"][b"info_hash"])
        self.dht.receive(data, address, self.network.now())
        self._settle()

    def on_unsent(self, address: Address, reason: str) -> None:
        """The machine notices that no answer comes."""

    def _settle(self) -> None:
        for data, address in self.dht.outgoing():
            self._socket.send(data, address)
        self.dht.events()
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, self.dht.next_timeout - self.network.now())
        self._timer = self.network.call_later(delay, self._advance)

    def _advance(self) -> None:
        self._timer = None
        self.dht.advance(self.network.now())
        self._settle()


def dht_network(internet: Internet, count: int, *, subnet: str = "10.3") -> List[SimDhtNode]:
    """Nodes that join through the first of them, a minute later."""
    first = SimDhtNode(internet.add(f"{subnet}.0.1"), seed=1)
    nodes = [first]
    for number in range(2, count + 1):
        host = internet.add(f"{subnet}.{number // 250}.{number % 250 + 1}")
        nodes.append(SimDhtNode(host, routers=[first.address], seed=number))
    internet.world.run(internet.world.now + 60)
    return nodes


class Finder:
    """Collects what is found."""

    def __init__(self) -> None:
        self.peers: List[Address] = []
        self.replies: List[int] = []

    def on_peers(self, addresses: Sequence[Address]) -> None:
        assert not self.replies
        self.peers += addresses

    def on_search_ended(self, replies: int) -> None:
        self.replies.append(replies)


class DhtBench(Bench):
    """A bench beside a network of nodes, through whose first one the engine joins."""

    def __init__(
        self,
        nodes: int = 8,
        *,
        torrent: Optional[SimTorrent] = None,
        state: str = "stopped",
        have: Iterable[int] = (),
        **settings: Any,
    ) -> None:
        router = ("10.3.0.1", PORT)
        super().__init__(torrent or torrent_of(), have=have, state="stopped", settings=dht_settings(router, **settings))
        self.others = dht_network(self.internet, nodes) if nodes else []
        if state != "stopped":
            self.set_state(state)

    @property
    def node(self) -> DhtNode:
        return self.engine.dht

    def find(self) -> Finder:
        finder = Finder()
        self.act(lambda: self.node.search(INFOHASH, finder))
        return finder

    @property
    def figures(self) -> DhtStatus:
        self.run(2.0)
        return self.node.status

    def heard(self, query: str) -> Set[bytes]:
        """Return the infohashes in queries of this name that any of the other nodes received."""
        return {infohash for other in self.others for infohash in other.heard[query]}
