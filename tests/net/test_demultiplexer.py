from __future__ import annotations

from typing import List, Tuple

from bittorrent_threads.net.demultiplexer import Demultiplexer
from bittorrent_threads.net.interfaces import Address


class Handler:
    def on_datagram(self, data: memoryview, address: Address) -> None:
        """Not called by a demultiplexer."""

    def on_unsent(self, address: Address, reason: str) -> None:
        """Not called either."""


def dht(data: memoryview) -> bool:
    return data[0] == ord("d")


def utp(data: memoryview) -> bool:
    return data[0] & 15 == 1 and data[0] >> 4 < 5


def tracker(data: memoryview) -> bool:
    return bytes(data[:3]) == b"\0\0\0"


def protocols() -> Tuple[Demultiplexer, List[Handler]]:
    demultiplexer = Demultiplexer()
    handlers = [Handler() for _ in range(3)]
    for handler, claim in zip(handlers, (dht, utp, tracker)):
        demultiplexer.add(handler, claim)
    return demultiplexer, handlers


def test_each_protocol_gets_its_datagrams() -> None:
    demultiplexer, handlers = protocols()
    datagrams = [b"d1:ad2:id20:", b"\x01\x00", b"\x41\x00", b"\x00\x00\x00\x01\x00\x00\x00\x07"]
    found = [demultiplexer.find(memoryview(data)) for data in datagrams]
    assert found == [handlers[0], handlers[1], handlers[1], handlers[2]]
    assert demultiplexer.unclaimed == 0


def test_what_no_protocol_claims_is_counted() -> None:
    demultiplexer, _ = protocols()
    assert [demultiplexer.find(memoryview(data)) for data in (b"\xff", b"\x51", b"\0\0")] == [None] * 3
    assert demultiplexer.unclaimed == 3


def test_the_first_to_claim_gets_it() -> None:
    demultiplexer, handlers = protocols()
    late = Handler()
    demultiplexer.add(late, lambda data: True)
    assert demultiplexer.find(memoryview(b"d")) is handlers[0]
    assert demultiplexer.find(memoryview(b"x")) is late


def test_a_protocol_that_was_removed_gets_nothing() -> None:
    demultiplexer, handlers = protocols()
    demultiplexer.remove(handlers[0])
    demultiplexer.remove(handlers[0])
    assert demultiplexer.find(memoryview(b"d")) is None
