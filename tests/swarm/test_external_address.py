"""OwnHost: what others say of our address, and when it is believed."""

from __future__ import annotations

import pytest

from bittorrent_threads.swarm.external_address import AGREEMENT, MAX_VOTES, ExternalAddress


def told(*votes: str) -> ExternalAddress:
    own = ExternalAddress()
    for number, host in enumerate(votes):
        own.report(host, f"8.8.8.{number}")
    return own


def test_nobody_is_believed_alone() -> None:
    assert told(*["1.2.3.4"] * (AGREEMENT - 1)).seen_by("9.9.9.9") == ""
    assert told(*["1.2.3.4"] * AGREEMENT).seen_by("9.9.9.9") == "1.2.3.4"


def test_most_are_right() -> None:
    assert told(*["6.6.6.6"] * AGREEMENT, *["1.2.3.4"] * (AGREEMENT + 1)).seen_by("9.9.9.9") == "1.2.3.4"


def test_an_owner_has_one_vote() -> None:
    own = ExternalAddress()
    for number in range(50):
        own.report("6.6.6.6", "8.8.8.8")
        own.report("2606:4700::6", f"2606:4700:1::{number:x}")
    assert own.seen_by("9.9.9.9") == own.seen_by("2606::1") == ""


def test_each_family_has_its_own() -> None:
    own = told(*["1.2.3.4"] * AGREEMENT, *["2606:4700::1"] * AGREEMENT)
    assert (own.seen_by("9.9.9.9"), own.seen_by("2606::1")) == ("1.2.3.4", "2606:4700::1")


def test_the_oldest_votes_go() -> None:
    own = told(*["1.2.3.4"] * MAX_VOTES)
    for number in range(MAX_VOTES // 2 + 1):
        own.report("5.6.7.8", f"9.9.9.{number}")
    assert own.seen_by("9.9.9.9") == "5.6.7.8"


@pytest.mark.parametrize("host", ["", "0.0.0.0", "224.0.0.1", "::", "ff02::1", "a name"])
def test_what_is_nobodys_host_is_no_vote(host: str) -> None:
    own = told(*[host] * AGREEMENT)
    assert own.seen_by("9.9.9.9") == own.seen_by("2606::1") == ""


def test_who_has_no_address_has_no_vote() -> None:
    own = ExternalAddress()
    for _ in range(AGREEMENT):
        own.report("1.2.3.4", "")
    assert own.seen_by("9.9.9.9") == ""
