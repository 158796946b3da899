"""The line about a DHT node that only keeps its table: the processor time of an hour, in virtual time.

All nodes of a full table answer at once, and one of them asks for peers each second, as in the mainline DHT.  Only the
calls of our node are in the time.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Dict, Tuple

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.dht import Dht
from bittorrent_threads.dht.krpc import Query
from bittorrent_threads.dht.node_id import id_for, pack
from bittorrent_threads.dht.place import Place, place_of
from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.external_address import ExternalAddress

from .bench import Bench
from .report import Line, Target

HOUR = 3600.0
NETWORK = 4000
"""Nodes of which the table takes as many as it can."""
SHARE = "% of a core"
NODES = "nodes in the table"


class Hour:
    """An hour of one node."""

    def __init__(self) -> None:
        self.chance = random.Random(1)
        self.now = 1000.0
        self.cost = 0.0
        """Seconds of processor time."""
        self.known: Dict[Address, Tuple[int, Place]] = {}
        for number in range(NETWORK):
            place = place_of((f"{11 + number // 65536}.{number // 256 % 256}.{number % 256}.7", 6881))
            assert place is not None
            self.known[place.address] = (id_for(place, self.chance), place)
        self.dht = Dht(self.chance, ExternalAddress(), now=self.now, families=(4,))

    def timed(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call our node, and answer all that it asks."""
        began = time.thread_time()
        call(*arguments, self.now)
        self.dht.events()
        self.dht.next_timeout  # noqa: B018 - the loop asks for it after each call
        sent = self.dht.outgoing()
        self.cost += time.thread_time() - began
        for datagram, address in sent:
            query = krpc.parse(datagram)
            if isinstance(query, Query):
                self.timed(self.dht.receive, self.answer(query, address), address)

    def answer(self, query: Query, address: Address) -> bytes:
        """Return what the node at an address answers."""
        number, place = self.known[address]
        told = self.chance.sample(list(self.known.values()), 8)
        nodes = [pack(other) + where.compact for other, where in told]
        return krpc.reply(query.transaction, number, place.compact, krpc.nodes_value(4, nodes))

    def pass_time(self, seconds: float, *, asked: bool) -> None:
        """Let time pass; ``asked``: a node asks us each second."""
        end, ask_at = self.now + seconds, self.now if asked else self.now + seconds
        while self.now < end:
            self.now = max(self.now, min(self.dht.next_timeout, ask_at, end))
            if self.now >= ask_at:
                ask_at = self.now + 1
                address = self.chance.choice(list(self.known))
                wanted = {b"info_hash": pack(self.chance.getrandbits(160))}
                query = krpc.query(krpc.GET_PEERS, b"tt", self.known[address][0], wanted, read_only=False)
                self.timed(self.dht.receive, query, address)
            self.timed(self.dht.advance)


def measure() -> Dict[str, float]:
    """One round: the node joins and fills its table, then an hour is measured."""
    hour = Hour()
    hour.dht.bootstrap(list(hour.known)[:8], hour.now)
    hour.pass_time(HOUR, asked=False)
    hour.cost = 0.0
    hour.pass_time(HOUR, asked=True)
    return {SHARE: 100 * hour.cost / HOUR, NODES: float(hour.dht.node_count(4))}


def dht_idle(bench: Bench) -> Line:
    """A DHT node with a full table, in virtual time."""
    line = Line("dht-idle", "a DHT node that only keeps its table and answers a query a second")
    rounds = bench.in_turns({"ours": measure})
    line.figures = rounds.medians()
    line.targets = [Target(SHARE, line.figures["ours"][SHARE], "at most", 0.5)]
    return line
