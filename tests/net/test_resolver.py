from __future__ import annotations

import socket
from typing import Any, List

import pytest

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.net import resolver


def answering(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    def getaddrinfo(host: str, port: int, type: int = 0) -> List[Any]:
        return [
            (socket.AF_INET6, type, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, type, 6, "", (address, port))
            for address in hosts
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_numeric_addresses_are_themselves() -> None:
    assert resolver.resolve("127.0.0.1", 80, allow_private=True) == (("127.0.0.1", 80),)
    assert resolver.resolve("::1", 81, allow_private=True) == (("::1", 81),)


def test_the_order_of_the_system_is_kept_without_doubles_and_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "2001:db8::1", "192.0.2.1", "2001:db8::1", "fe80::1%eth0")
    expected = (("2001:db8::1", 9), ("192.0.2.1", 9), ("fe80::1", 9))
    assert resolver.resolve("name", 9, allow_private=True) == expected


def test_no_more_than_some(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, *[f"198.51.100.{number}" for number in range(200)])
    assert len(resolver.resolve("name", 9, allow_private=True)) == resolver.MAX_ADDRESSES


@pytest.mark.parametrize("host", ["", "a b", "a\r\nb", "a\0b", "bücher.example", "a\x7f"])
def test_what_is_no_host_name(host: str) -> None:
    with pytest.raises(TrackerError, match="is not a host name"):
        resolver.resolve(host, 80, allow_private=True)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", ".example"])
def test_a_name_that_cannot_be_asked_for(host: str) -> None:
    with pytest.raises(TrackerError, match="cannot resolve"):
        resolver.resolve(host, 80, allow_private=True)


def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(TrackerError, match="cannot resolve name: name or service not known"):
        resolver.resolve("name", 80, allow_private=True)


def test_a_name_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)
    with pytest.raises(TrackerError, match="name has no address"):
        resolver.resolve("name", 80, allow_private=False)


def test_only_public_addresses_of_a_mixed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "10.0.0.1", "1.1.1.1")
    assert resolver.resolve("name", 9, allow_private=False) == (("1.1.1.1", 9),)
    answering(monkeypatch, "10.0.0.1")
    with pytest.raises(TrackerError, match=r"name resolves to 10\.0\.0\.1, which is not public"):
        resolver.resolve("name", 9, allow_private=False)


def test_numbers_in_disguise_are_seen_through() -> None:
    for host in ("127.1", "2130706433", "0x7f.1"):
        with pytest.raises(TrackerError, match=r"127\.0\.0\.1, which is not public|cannot resolve"):
            resolver.resolve(host, 80, allow_private=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "64:ff9b:1::7f00:1", "::7f00:1", "fec0::1", "192.88.99.1"])
def test_a_name_that_leads_to_a_local_network_in_any_form_is_refused(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    answering(monkeypatch, host)
    with pytest.raises(TrackerError, match="which is not public"):
        resolver.resolve("name", 80, allow_private=False)
    assert resolver.resolve("name", 80, allow_private=True) == ((host, 80),)
