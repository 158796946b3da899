"""Addresses of UDP trackers: one look-up for many, remembered and forgotten, and those that are not used."""

from __future__ import annotations

from typing import List

import pytest

from bittorrent_threads.engine import tracker_addresses
from bittorrent_threads.engine.tracker_addresses import LIFETIME, TrackerAddresses, address_objection
from bittorrent_threads.net.interfaces import Resolved
from bittorrent_threads.testing.simulation.lookups import SimLookups, Web
from bittorrent_threads.testing.simulation.network import Internet
from bittorrent_threads.testing.simulation.world import World

HOSTS = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


class Place:
    def __init__(self) -> None:
        self.world, self.web = World(), Web()
        self.web.names["t.sim"] = list(HOSTS)
        self.network = Internet(self.world).add("10.0.0.1")
        self.lookups = SimLookups(self.network, self.web)
        self.addresses = TrackerAddresses(self.lookups, self.network, timeout=5.0)

    def find(self, host: str = "t.sim", port: int = 1) -> List[Resolved]:
        found: List[Resolved] = []

        def ask() -> None:
            self.addresses.find(host, port, found.append)
            assert found == [], "never from inside the call"

        self.network.run_pass(ask)
        return found

    def hosts(self, name: str = "t.sim") -> List[str]:
        found = self.find(name)
        self.world.run(self.world.now + 1)
        return [address[0] for address in found[0].addresses]


def test_who_asks_while_a_name_is_resolved_shares_the_answer() -> None:
    place = Place()
    one, other = place.find(port=1), place.find(port=2)
    place.world.run(1.0)
    assert place.lookups.resolved == ["t.sim"]
    assert one == [Resolved(tuple([(host, 1) for host in HOSTS]), None)]
    assert other == [Resolved(tuple([(host, 2) for host in HOSTS]), None)]


def test_an_answer_is_remembered_for_a_while() -> None:
    place = Place()
    place.hosts()
    place.web.names["t.sim"] = ["192.0.2.9"]
    place.world.run(LIFETIME - 1)
    assert place.hosts() == list(HOSTS)
    place.world.run(LIFETIME + 1)
    assert place.hosts() == ["192.0.2.9"]
    assert place.lookups.resolved == ["t.sim"] * 2


def test_a_failure_is_not_remembered() -> None:
    place = Place()
    (found,) = [place.find("other.sim")]
    place.world.run(1.0)
    assert "not known" in str(found[0].error)
    place.web.names["other.sim"] = ["192.0.2.9"]
    assert place.hosts("other.sim") == ["192.0.2.9"]


def test_an_address_that_did_not_answer_goes_last() -> None:
    place = Place()
    place.addresses.put_last("t.sim", (HOSTS[0], 1))
    place.hosts()
    place.addresses.put_last("t.sim", (HOSTS[0], 1))
    place.addresses.put_last("t.sim", ("192.0.2.77", 1))
    assert place.hosts() == [HOSTS[1], HOSTS[2], HOSTS[0]]


def test_the_number_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_addresses, "MAX_NAMES", 2)
    place = Place()
    for name in ("a.sim", "b.sim", "c.sim", "b.sim", "c.sim", "a.sim"):
        place.web.names[name] = ["192.0.2.9"]
        place.hosts(name)
    assert place.lookups.resolved == ["a.sim", "b.sim", "c.sim", "a.sim"]


@pytest.mark.parametrize(
    ("host", "port", "trusted", "objection"),
    [
        ("192.0.2.1", 80, True, ""),
        ("8.8.8.8", 53, False, ""),
        ("2001:4860:4860::8888", 53, False, ""),
        ("127.0.0.1", 6969, False, ""),
        ("192.168.1.1", 1024, False, ""),
        ("127.0.0.1", 53, True, ""),
        ("127.0.0.1", 53, False, "127.0.0.1 is not public, and UDP trackers have no port below 1024 there"),
        ("192.168.1.1", 161, False, "192.168.1.1 is not public, and UDP trackers have no port below 1024 there"),
        ("fe80::1", 123, False, "fe80::1 is not public, and UDP trackers have no port below 1024 there"),
        ("239.255.255.250", 1900, True, "239.255.255.250 is not the address of one host"),
        ("255.255.255.255", 6969, True, "255.255.255.255 is not the address of one host"),
        ("0.0.0.0", 6969, True, "0.0.0.0 is not the address of one host"),
        ("ff02::1", 6969, True, "ff02::1 is not the address of one host"),
    ],
)
def test_which_addresses_are_used(host: str, port: int, trusted: bool, objection: str) -> None:
    assert address_objection((host, port), trusted=trusted) == objection
