"""The bytes of numeric addresses, beside those of ``ipaddress``."""

from __future__ import annotations

import ipaddress
from typing import Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.packed_address import packed_address


@given(st.ip_addresses())
def test_every_address(address: Union[ipaddress.IPv4Address, ipaddress.IPv6Address]) -> None:
    assert packed_address(str(address)) == packed_address(address.exploded) == address.packed


def test_an_ipv4_address_in_ipv6() -> None:
    assert packed_address("::ffff:1.2.3.4") == bytes(10) + b"\xff\xff\x01\x02\x03\x04"


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "0x1.2.3.4", "01.2.3.4", " 1.2.3.4"),
        *("1.2.3.4\0", "\ud800", "\ud800:", "::1%1", "::g", "1::2::3", "1:2:3:4:5:6:7", "[::1]", "::1/64"),
    ],
)
def test_other_texts_have_none(text: str) -> None:
    assert packed_address(text) == b""
