"""Where hosts lead and whose they are, the forms in which a local IPv4 address hides in IPv6 included."""

from __future__ import annotations

import pytest

from bittorrent_threads import address_scope

PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "99.255.255.255", "100.63.255.255", "100.128.0.0", "128.0.0.1", "172.15.255.255"),
    *("172.32.0.1", "192.0.3.1", "192.88.98.1", "192.88.100.1", "223.255.255.255"),
    *("2606:4700::1111", "2a00::1", "3ffe::1", "64:ff9b::101:101", "::ffff:1.1.1.1", "2002:101:101::1"),
    *("2606:4700::5efe:101:101", "2606:4700::200:5efe:101:101", "2001:200::1", "2001:db9::1"),
)

LOCAL = (
    *("127.0.0.1", "127.255.255.255", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.127.255.255", "0.0.0.0", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.9", "192.88.99.0", "192.88.99.255", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd00::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1"),
    *("100::1", "2001:db8::1", "2001:10::1", "2001:2::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1"),
)

DISGUISED = (
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("::7f00:1", "::127.0.0.1", "::10.0.0.1", "::1.1.1.1"),
    *("::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::c0a8:101", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::7f00:1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1::101:101", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2002:a9fe:a9fe::1"),
    *("2001:0:101:101:0:0:80ff:fffe", "2001::1"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:192.168.0.1", "fe80::5efe:1.1.1.1", "2606:4700::5efe:7f00:1"),
)


@pytest.mark.parametrize("host", PUBLIC)
def test_public(host: str) -> None:
    assert address_scope.is_public(host)


@pytest.mark.parametrize("host", [*LOCAL, *DISGUISED, "not an address", "", "1.2.3", "01.2.3.4", "localhost"])
def test_not_public(host: str) -> None:
    assert not address_scope.is_public(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback(host: str) -> None:
    assert address_scope.is_loopback(host)


@pytest.mark.parametrize("host", ["128.0.0.1", "10.0.0.1", "::2", "::7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "x"])
def test_not_loopback(host: str) -> None:
    assert not address_scope.is_loopback(host)


@pytest.mark.parametrize("host", ["1.0.0.0", "223.255.255.255", "127.0.0.1", "::1", "fe80::1", "::ffff:1.2.3.4"])
def test_unicast(host: str) -> None:
    assert address_scope.is_unicast(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0", "x"]
)
def test_not_unicast(host: str) -> None:
    assert not address_scope.is_unicast(host)


@pytest.mark.parametrize("host", ["fe80::1", "febf::1", "fe80::1%2"])
def test_link_local(host: str) -> None:
    assert address_scope.is_link_local(host)
    assert not address_scope.is_public(host)


@pytest.mark.parametrize("host", ["169.254.1.1", "fec0::1", "::1", "2001:db8::1", "", "x", ":"])
def test_not_link_local(host: str) -> None:
    assert not address_scope.is_link_local(host)


def test_the_owner_of_a_public_ipv6_address_has_the_whole_network() -> None:
    assert address_scope.owner("2606:4700::1") == address_scope.owner("2606:4700::ffff:1:2:3") == "2606:4700::/64"
    assert address_scope.owner("2606:4700:0:1::1") != address_scope.owner("2606:4700::1")


@pytest.mark.parametrize("host", ["1.2.3.4", "127.0.0.1", "::1", "fe80::1", "fd00::1", "64:ff9b::101:101", "a:b"])
def test_other_hosts_are_their_own_owner(host: str) -> None:
    assert address_scope.owner(host) == host


@pytest.mark.parametrize(
    ("host", "viewers"),
    [("127.0.0.1", "0"), ("::1", "0"), ("10.0.0.1", "01"), ("fd00::1", "01"), ("9.9.9.9", "012"), ("2a00::1", "012")],
)
def test_a_local_address_is_told_in_the_same_network_only(host: str, viewers: str) -> None:
    for number, viewer in enumerate(["127.0.0.2", "192.168.0.1", "8.8.8.8"]):
        assert address_scope.reachable_from(host, viewer) == (str(number) in viewers)


def test_a_link_local_address_is_told_to_nobody() -> None:
    assert not address_scope.reachable_from("fe80::1%2", "fe80::2%2")
    assert address_scope.reachable_from("fd00::1", "fe80::2%2")


def test_one_network() -> None:
    assert address_scope.same_network("9.9.9.9", "9.9.9.200")
    assert not address_scope.same_network("9.9.9.9", "9.9.8.9")
    assert address_scope.same_network("2a00::1", "2a00::ffff:1:2:3")
    assert not address_scope.same_network("2a00::1", "2a00:0:0:1::1")
    assert not address_scope.same_network("9.9.9.9", "2a00::1")
    assert not address_scope.same_network("9.9.9.9", "")
    assert not address_scope.same_network("", "9.9.9.9")
