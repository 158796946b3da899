"""Places: which addresses a node may have, and which of them belong to one host and one network."""

from __future__ import annotations

import pytest

from bittorrent_threads.dht.place import Place, place_of, place_told


def place(host: str, port: int = 6881) -> Place:
    found = place_of((host, port))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("host", "port"),
    [
        *(("1.2.3.4", 0), ("1.2.3.4", 65536), ("1.2.3.4", -1), ("router.example", 6881), ("", 1), ("fe80::1%2", 6881)),
        *(("0.0.0.0", 6881), ("224.0.0.1", 6881), ("255.255.255.255", 6881), ("ff02::1", 6881), ("::", 6881)),
    ],
)
def test_what_no_node_can_have(host: str, port: int) -> None:
    assert place_of((host, port)) is None


def test_an_ipv4_host() -> None:
    found = place("1.2.3.4")
    assert (found.family, found.packed, found.public) == (4, b"\1\2\3\4", True)
    assert found.compact == b"\1\2\3\4\x1a\xe1"
    assert found.owner == place("1.2.3.4", 7).owner != place("1.2.3.5").owner
    assert found.network == place("1.2.3.200").network != place("1.2.4.4").network


def test_an_ipv6_host() -> None:
    found = place("2001:4860:1:2::3")
    assert (found.family, found.public) == (6, True)
    assert len(found.compact) == 18
    assert found.owner == place("2001:4860:1:2:ffff::", 7).owner != place("2001:4860:1:3::3").owner
    assert found.network == place("2001:4860:1:3::3").network != place("2001:4860:2:2::3").network


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1"])
def test_each_port_of_a_local_host_is_a_host_of_its_own(host: str) -> None:
    one, other = place(host, 1), place(host, 2)
    assert not one.public
    assert one.owner != other.owner
    assert one.network != other.network


def test_nobody_on_the_internet_names_a_local_address() -> None:
    assert place_told(("127.0.0.1", 53), place("1.2.3.4")) is None
    assert place_told(("10.0.0.1", 6881), place("1.2.3.4")) is None
    assert place_told(("fd00::1", 6881), place("2001:4860::1")) is None
    assert place_told(("5.6.7.8", 6881), place("1.2.3.4")) == place("5.6.7.8")
    assert place_told(("10.0.0.1", 6881), place("10.0.0.2")) == place("10.0.0.1")
    assert place_told(("0.0.0.0", 6881), place("10.0.0.2")) is None
