"""Compact addresses, both families."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.protocol import addresses


def test_ipv4_there_and_back() -> None:
    packed = bytes.fromhex("7f0000011ae1 c0a80001ffff")
    assert addresses.unpack_ipv4(packed) == [("127.0.0.1", 6881), ("192.168.0.1", 65535)]
    assert addresses.pack(addresses.unpack_ipv4(packed)) == (packed, b"")


def test_ipv6_there_and_back() -> None:
    packed = bytes.fromhex("20010db8000000000000000000000001 1ae1")
    assert addresses.unpack_ipv6(packed) == [("2001:db8::1", 6881)]
    assert addresses.pack([("2001:db8::1", 6881), ("1.2.3.4", 5)]) == (bytes.fromhex("010203040005"), packed)


def test_entries_without_a_port_are_dropped() -> None:
    assert addresses.unpack_ipv4(bytes.fromhex("010203040000 010203040001")) == [("1.2.3.4", 1)]
    assert addresses.unpack_ipv6(bytes(18)) == []


def test_an_ipv4_address_has_one_form() -> None:
    mapped = bytes(10) + b"\xff\xff\x01\x02\x03\x04"
    assert addresses.unpack_host(mapped) == addresses.numeric_host("::ffff:1.2.3.4") == "1.2.3.4"
    assert addresses.unpack_ipv6(mapped + b"\0\1") == [("1.2.3.4", 1)]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("example.org", ""),
        ("", ""),
        ("1.2.3", ""),
        ("fe80::1%eth0", ""),
        ("1.2.3.4\r\n", ""),
    ],
)
def test_numeric_host(text: str, host: str) -> None:
    assert addresses.numeric_host(text) == host


@pytest.mark.parametrize("size", [0, 3, 5, 15, 17])
def test_no_other_length_is_a_host(size: int) -> None:
    assert addresses.unpack_host(bytes(size)) == ""


HOSTS = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str).map(addresses.numeric_host)
ADDRESSES = st.lists(st.tuples(HOSTS, st.integers(1, 65535)), max_size=10)


@given(ADDRESSES)
def test_any_addresses_there_and_back(given_: List[addresses.Address]) -> None:
    packed4, packed6 = addresses.pack(given_)
    found = addresses.unpack_ipv4(packed4) + addresses.unpack_ipv6(packed6)
    assert found == sorted(given_, key=lambda address: ":" in address[0]), "IPv4 first, each family in its order"
