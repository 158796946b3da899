"""A network of DHT nodes in virtual time: datagrams take time, may be lost, and end at nodes that are dead or lie."""

from __future__ import annotations

import heapq
import math
import random
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.dht import Dht
from bittorrent_threads.dht.events import Event, NodesNeeded
from bittorrent_threads.dht.node_id import id_for, unpack
from bittorrent_threads.dht.place import place_of
from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.external_address import ExternalAddress

Deliver = Callable[["DhtNetwork", bytes, Address, Address], None]
"""What a node that is not ours does with a datagram: network, datagram, its sender and its receiver."""

BEGIN = 1000.0
"""Monotonic seconds at which a network begins: zero is no special time."""


class SimulatedNode:
    """One node of ours."""

    def __init__(self, network: DhtNetwork, address: Address, dht: Dht, routers: Sequence[Address]) -> None:
        self.address = address
        self.dht = dht
        self.network = network
        self.events: List[Event] = []
        self.wake_at = math.inf
        self.routers = routers

    @property
    def family(self) -> int:
        return 6 if ":" in self.address[0] else 4

    @property
    def number(self) -> int:
        return unpack(self.dht.node_id(self.family))

    def settle(self) -> None:
        """Send what it wants to send, and have it woken when it wants to be."""
        for datagram, receiver in self.dht.outgoing():
            self.network.send(datagram, self.address, receiver)
        for event in self.dht.events():
            self.events.append(event)
            if isinstance(event, NodesNeeded) and self.routers:
                self.dht.bootstrap(self.routers, self.network.now)
                self.settle()
        at = self.dht.next_timeout
        if at < self.wake_at:
            self.wake_at = at
            self.network.wake(self, at)


class DhtNetwork:
    """The network.

    Args:
        seed: Of all chance in it.
        delay: Least and most seconds that a datagram takes.
        loss: Share of datagrams that are lost.
    """

    def __init__(self, seed: int = 1, *, delay: Tuple[float, float] = (0.01, 0.1), loss: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.now = self.began = BEGIN
        self.delay = delay
        self.loss = loss
        self.nodes: Dict[Address, SimulatedNode] = {}
        self.others: Dict[Address, Deliver] = {}
        """What is at addresses where no node of ours is."""
        self.datagrams = 0
        self.bytes = 0
        self.largest = 0
        self._heap: List[Tuple[float, int, Optional[SimulatedNode], bytes, Address, Address]] = []
        self._count = 0

    def add(self, address: Address, *, routers: Sequence[Address] = ()) -> SimulatedNode:
        """Add a node of ours, with an id that its address may have.

        Args:
            address: Its address.
            routers: Through which it joins whenever it needs nodes.
        """
        own_host = ExternalAddress()
        for number in range(3):
            own_host.report(address[0], f"9.9.{number}.9")
        chance = random.Random(self.random.getrandbits(64))
        dht = Dht(chance, own_host, now=self.now, families=(6 if ":" in address[0] else 4,))
        node = self.nodes[address] = SimulatedNode(self, address, dht, routers)
        dht.advance(self.now)
        node.settle()
        return node

    def remove(self, address: Address) -> None:
        """A node is gone: it answers no more."""
        del self.nodes[address]

    def send(self, datagram: bytes, sender: Address, receiver: Address) -> None:
        """A datagram leaves."""
        self.datagrams += 1
        self.bytes += len(datagram)
        self.largest = max(self.largest, len(datagram))
        if not self.loss or self.random.random() >= self.loss:
            low, high = self.delay
            self._push(self.now + low + (high - low) * self.random.random(), None, datagram, sender, receiver)

    def wake(self, node: SimulatedNode, at: float) -> None:
        """Have a node's timer called."""
        self._push(at, node, b"", node.address, node.address)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, until a condition is true at most."""
        end = self.now + seconds
        while self._heap and self._heap[0][0] <= end and not until():
            self._step()
        if not until():
            self.now = end

    def _push(
        self, at: float, node: Optional[SimulatedNode], datagram: bytes, sender: Address, receiver: Address
    ) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, node, datagram, sender, receiver))

    def _step(self) -> None:
        at, _, node, datagram, sender, receiver = heapq.heappop(self._heap)
        self.now = max(self.now, at)
        if node is not None:
            if self.nodes.get(node.address) is node and node.wake_at <= self.now:
                node.wake_at = math.inf
                node.dht.advance(self.now)
                node.settle()
            return
        there = self.nodes.get(receiver)
        if there is not None:
            there.dht.receive(datagram, sender, self.now)
            there.settle()
        elif receiver in self.others:
            self.others[receiver](self, datagram, sender, receiver)


def addresses(count: int, seed: int = 1) -> List[Address]:
    """Addresses on the internet, each in a network of its own."""
    chance = random.Random(seed)
    found: Dict[bytes, Address] = {}
    while len(found) < count:
        packed = bytes([chance.randrange(11, 99), *(chance.randrange(256) for _ in range(3))])
        found.setdefault(packed[:3], (".".join(map(str, packed)), chance.randrange(1024, 65536)))
    return list(found.values())


def liar(tell: Callable[[DhtNetwork, int], Sequence[Tuple[int, Address]]]) -> Deliver:
    """A node that answers every lookup with nodes of its choice.

    Args:
        tell: Gets the network and the target; returns ids and addresses.
    """

    def deliver(network: DhtNetwork, datagram: bytes, sender: Address, receiver: Address) -> None:
        message = krpc.parse(datagram)
        place = place_of(receiver)
        if not isinstance(message, krpc.Query) or place is None:
            return
        own = id_for(place, random.Random(str(receiver)))
        values = {}
        if message.target is not None:
            nodes = [
                number.to_bytes(20, "big") + told.compact
                for number, address in tell(network, message.target)
                for told in [place_of(address)]
                if told is not None
            ]
            values = {b"nodes": b"".join(nodes), b"token": b"lie"}
        back = place_of(sender)
        assert back is not None
        network.send(krpc.reply(message.transaction, own, back.compact, values), receiver, sender)

    return deliver
