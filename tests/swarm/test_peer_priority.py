"""Canonical peer priority: the vectors of BEP 40, its masks, and that both ends agree."""

from __future__ import annotations

import random
from typing import Tuple

import pytest

from bittorrent_threads.protocol.crc32c import crc32c
from bittorrent_threads.swarm.peer_priority import priority


def at(host: str, port: int = 6881) -> Tuple[str, int]:
    return host, port


@pytest.mark.parametrize(
    ("one", "other", "data", "expected"),
    [
        ("123.213.32.10", "98.76.54.32", "624C14007BD50000", 0xEC2D7224),
        ("123.213.32.10", "123.213.32.234", "7BD5200A7BD520EA", 0x99568189),
    ],
)
def test_the_vectors_of_the_bep(one: str, other: str, data: str, expected: int) -> None:
    assert crc32c(bytes.fromhex(data)) == expected
    assert priority(at(one), at(other)) == priority(at(other), at(one)) == expected


@pytest.mark.parametrize(
    ("one", "other", "data"),
    [
        ("1.2.255.255", "3.4.255.255", "0102555503045555"),
        ("1.2.255.255", "1.2.3.255", "010203550102ff55"),
        ("1.2.3.255", "1.2.3.4", "01020304010203ff"),
        ("2001:db8:1::ffff", "2001:db8:2::ffff", "20010db800010000000000000000555520010db8000200000000000000005555"),
        (
            "2001:db8:1:1ff::ffff",
            "2001:db8:1:2ff::ffff",
            "20010db800010155000000000000555520010db8000102550000000000005555",
        ),
        (
            "2001:db8:1:1ff:ff::",
            "2001:db8:1:1fe:ff::",
            "20010db8000101fe005500000000000020010db8000101ff0055000000000000",
        ),
        (
            "2001:db8:1:1:ff00::",
            "2001:db8:1:1:00ff::",
            "20010db800010001005500000000000020010db800010001ff00000000000000",
        ),
    ],
)
def test_the_masks(one: str, other: str, data: str) -> None:
    assert priority(at(one), at(other)) == priority(at(other), at(one)) == crc32c(bytes.fromhex(data))


def test_of_one_host_the_ports_count() -> None:
    assert priority(at("1.2.3.4", 1), at("1.2.3.4", 0x1234)) == crc32c(bytes.fromhex("00011234"))
    assert priority(at("1.2.3.4", 0x1234), at("1.2.3.4", 1)) == crc32c(bytes.fromhex("00011234"))


def test_of_two_families_nothing_is_known() -> None:
    assert priority(at("1.2.3.4"), at("2001:db8::1")) == 0


def test_a_name_has_none() -> None:
    with pytest.raises(ValueError, match="localhost"):
        priority(at("localhost"), at("1.2.3.4"))


def test_neighbours_of_one_network_gain_little() -> None:
    chance = random.Random(1)
    ours = at("123.213.32.10")
    values = {priority(ours, at(f"8.8.{chance.randrange(256)}.{chance.randrange(256)}")) for _ in range(5000)}
    assert len(values) <= 256, "65,536 addresses of one /16 have 256 priorities"
