"""Addresses and ids of DHT nodes for tests: each place in a network of its own, each id at a chosen distance."""

from __future__ import annotations

from bittorrent_threads.dht.node_id import id_for
from bittorrent_threads.dht.place import Place, place_of


class Bits:
    """A source of chance that always gives the same bits."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def getrandbits(self, k: int, /) -> int:
        return self.bits % (1 << k)


def place(host: str, port: int = 6881) -> Place:
    """The place of an address that must have one."""
    found = place_of((host, port))
    assert found is not None
    return found


def public(number: int, port: int = 6881) -> Place:
    """A place on the internet, for each number in another network."""
    return place(f"{11 + number // 65536}.{number // 256 % 256}.{number % 256}.7", port)


def local(number: int) -> Place:
    """A place of the local network, which may have any id; for each number another one."""
    host, port = divmod(number, 60_000)
    return place(f"10.{host // 62_500 % 250}.{host // 250 % 250}.{1 + host % 250}", port + 1)


def fitting(where: Place, bits: int = 0) -> int:
    """An id that an address may have (BEP 42)."""
    return id_for(where, Bits(bits))
