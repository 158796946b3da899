"""One ``Dht`` in a test's hands: what it sends is taken, and answered as the test wants."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Optional, Type, TypeVar

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.dht import Dht
from bittorrent_threads.dht.events import Event
from bittorrent_threads.dht.krpc import Query
from bittorrent_threads.dht.place import Place, place_of
from bittorrent_threads.swarm.external_address import ExternalAddress

from .dht_places import fitting

NOW = 1000.0
E = TypeVar("E")


class Received:
    """A query that came from the node."""

    def __init__(self, wire: Wire, query: Query, place: Place) -> None:
        self.wire = wire
        self.query = query
        self.place = place

    def reply(self, number: Optional[int] = None, external: bytes = b"\x09\x09\x09\x09\0\1", **values: Any) -> None:
        """Answer it, as the node ``number``; as one that may have its address if that is not given."""
        packed: Dict[bytes, Any] = {key.encode(): value for key, value in values.items()}
        if number is None:
            number = fitting(self.place, 0 if self.place.public else self.place.address[1])
        self.wire.give(krpc.reply(self.query.transaction, number, external, packed), self.place)

    def refuse(self) -> None:
        self.wire.give(krpc.refusal(self.query.transaction, bytes(6), 203, b"no"), self.place)


class Wire:
    """The node and the time."""

    def __init__(self, **options: Any) -> None:
        self.now = NOW
        self.own_host = ExternalAddress()
        self.dht = Dht(random.Random(1), self.own_host, now=self.now, **{"families": (4,), **options})
        self.events: List[Event] = []
        self.other: List[krpc.Message] = []
        """Answers of the node."""
        self.sizes: List[int] = []

    def give(self, datagram: bytes, sender: Place) -> None:
        self.dht.receive(datagram, sender.address, self.now)

    def ask(self, method: bytes, sender: Place, number: int = 5, *, read_only: bool = False, **arguments: Any) -> None:
        """Send a query to the node."""
        packed: Dict[bytes, Any] = {key.encode(): value for key, value in arguments.items()}
        self.give(krpc.query(method, b"tt", number, packed, read_only=read_only), sender)

    def sent(self) -> List[Received]:
        """The queries of the node since the last call."""
        found = []
        for datagram, address in self.dht.outgoing():
            self.sizes.append(len(datagram))
            message = krpc.parse(datagram)
            where = place_of(address)
            assert message is not None
            assert where is not None
            if isinstance(message, Query):
                found.append(Received(self, message, where))
            else:
                self.other.append(message)
        self.events += self.dht.events()
        return found

    def run(self, seconds: float) -> List[Received]:
        """Let time pass; return the queries that the node sent."""
        end = self.now + seconds
        found = self.sent()
        while self.dht.next_timeout <= end:
            self.now = max(self.now, self.dht.next_timeout)
            self.dht.advance(self.now)
            found += self.sent()
        self.now = end
        return found

    def told(self, kind: Type[E]) -> List[E]:
        """The events of one kind so far."""
        self.events += self.dht.events()
        return [event for event in self.events if isinstance(event, kind)]

    def meet(self, *places: Place) -> None:
        """Make nodes known that answer."""
        for where in places:
            self.dht.add_node(where.address, self.now)
            for received in self.run(1.0):
                received.reply()
        while self.answer_all():
            pass

    def answer_all(self, **values: Any) -> int:
        """Answer all queries; return how many there were."""
        received = self.sent()
        for each in received:
            each.reply(**values)
        return len(received)
