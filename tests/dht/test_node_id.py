"""Ids and their distance, and BEP 42 with its own test vectors."""

from __future__ import annotations

import random
from typing import Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.dht.node_id import BITS, common_bits, fits, id_for, pack, unpack
from bittorrent_threads.dht.place import Place, place_of

VECTORS = (
    ("124.31.75.21", 1, "5fbfbf"),
    ("21.75.31.124", 86, "5a3ce9"),
    ("65.23.51.170", 22, "a5d432"),
    ("84.124.73.14", 65, "1b0321"),
    ("43.213.53.83", 90, "e56f6c"),
)
"""The test vectors of BEP 42: address, last byte, and first three bytes, of which 21 bits count."""


def place(host: str) -> Place:
    found = place_of((host, 6881))
    assert found is not None
    return found


@pytest.mark.parametrize("vector", VECTORS)
def test_the_vectors_of_the_bep(vector: Tuple[str, int, str]) -> None:
    host, last, prefix = vector
    number = unpack(bytes.fromhex(prefix) + bytes(16) + bytes([last]))
    assert fits(number, place(host))
    assert fits(number | 1 << 80, place(host)), "the bits in the middle are free"
    assert not fits(number ^ 1 << BITS - 21, place(host)), "the 21st bit is not"
    assert fits(number ^ 1 << BITS - 22, place(host)), "the 22nd is"
    assert not fits(number ^ 1, place(host)), "another salt has another prefix"


@pytest.mark.parametrize(
    "identity",
    ["5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"],
)
def test_the_example_ids_of_the_bep(identity: str) -> None:
    hosts = [host for host, _, prefix in VECTORS if identity.startswith(prefix)]
    assert [fits(unpack(bytes.fromhex(identity)), place(host)) for host in hosts] == [True]


@pytest.mark.parametrize("host", ["1.2.3.4", "124.31.75.21", "2001:4860:4860::8888", "2a00:1450::1"])
def test_an_id_of_an_address_fits_it_and_no_other(host: str) -> None:
    chance = random.Random(1)
    numbers = [id_for(place(host), chance) for _ in range(50)]
    assert all(fits(number, place(host)) for number in numbers)
    assert {number & 7 for number in numbers} == {*range(8)}
    assert len({number >> BITS - 21 for number in numbers}) == 8, "eight places for an address"
    assert sum(fits(number, place("8.8.8.8")) for number in numbers) == 0


def test_the_masks_leave_bits_of_the_address_out() -> None:
    number = id_for(place("124.31.75.21"), random.Random(1))
    assert fits(number, place("60.31.75.21")), "the first six bits do not count"
    assert not fits(number, place("124.31.75.22"))
    sixth = id_for(place("2001:4860:4860::8888"), random.Random(1))
    assert fits(sixth, place("2001:4860:4860::1")), "the lower half does not count"


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.3.3", "127.0.0.1", "::1", "fd00::1"]
)
def test_local_addresses_are_exempt(host: str) -> None:
    assert fits(0, place(host))
    assert fits(2**160 - 1, place(host))


@given(st.integers(0, 2**160 - 1), st.integers(0, 2**160 - 1))
def test_common_bits(one: int, other: int) -> None:
    count = common_bits(one, other)
    assert f"{one:0160b}"[:count] == f"{other:0160b}"[:count]
    assert count == BITS or f"{one:0160b}"[count] != f"{other:0160b}"[count]
    assert unpack(pack(one)) == one
