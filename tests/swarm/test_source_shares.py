"""Shares of a full list of peers: which address makes room for one of which source."""

from __future__ import annotations

import pytest

from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.source_shares import WEIGHTS, WORST, Source, SourceShares


def at(port: int) -> Address:
    return "127.0.0.1", port


def shares(**idle: int) -> SourceShares:
    """So many untried addresses of each source: those of the trackers from port 1 on, of incoming peers from 1001."""
    made = SourceShares()
    for name, count in idle.items():
        source = Source[name.upper()]
        for number in range(count):
            made.listed(source)
            made.idle(at(number + 1 + 1000 * (source is Source.INCOMING)), source, failures=0, tried=False)
    return made


def test_a_newcomer_of_the_greediest_source_goes() -> None:
    assert shares(incoming=10).replaceable(Source.INCOMING) is None
    assert shares(tracker=10).replaceable(Source.TRACKER) is None


@pytest.mark.parametrize(
    ("tracker", "incoming", "source", "port"),
    [
        (10, 10, Source.TRACKER, 1010),
        (10, 10, Source.INCOMING, None),
        (40, 9, Source.INCOMING, 40),
        (40, 10, Source.INCOMING, None),
        (40, 10, Source.TRACKER, None),
        (39, 10, Source.TRACKER, None),
        (38, 10, Source.TRACKER, 1010),
        (10, 0, Source.USER, 10),
        (0, 0, Source.USER, None),
    ],
)
def test_the_newest_untried_of_the_source_with_most_for_its_share(
    tracker: int, incoming: int, source: Source, port: int
) -> None:
    found = shares(tracker=tracker, incoming=incoming).replaceable(source)
    assert (found and found[1]) == port


def test_what_was_tried_in_vain_goes_first_the_worst_and_longest_idle_of_it() -> None:
    made = shares(tracker=5)
    for port, failures in ((11, 1), (12, 3), (13, 3), (14, 2)):
        made.listed(Source.TRACKER)
        made.idle(at(port), Source.TRACKER, failures=failures, tried=True)
    order = []
    for failures in (3, 3, 2, 1):
        found = made.replaceable(Source.TRACKER)
        assert found is not None
        order.append(found[1])
        made.busy(found, Source.TRACKER, failures=failures, tried=True)
        made.forgotten(Source.TRACKER)
    assert order == [12, 13, 14, 11]
    assert made.replaceable(Source.TRACKER) is None


def test_what_was_in_use_goes_last() -> None:
    made = shares(incoming=1)
    made.listed(Source.INCOMING)
    made.idle(at(5), Source.INCOMING, failures=0, tried=True)
    assert made.replaceable(Source.USER) == at(1001)
    made.busy(at(1001), Source.INCOMING, failures=0, tried=False)
    made.forgotten(Source.INCOMING)
    assert made.replaceable(Source.USER) == at(5)


def test_what_is_in_use_never_goes_and_counts() -> None:
    made = shares(tracker=4)
    for _ in range(5):
        made.listed(Source.INCOMING)
    assert made.replaceable(Source.TRACKER) is None
    assert made.replaceable(Source.INCOMING) is None, "it has more than its share already"


def test_many_failures_are_as_bad_as_more() -> None:
    made = SourceShares()
    for port in (1, 2):
        made.listed(Source.TRACKER)
        made.idle(at(port), Source.TRACKER, failures=WORST + 3 * port, tried=True)
    assert made.replaceable(Source.TRACKER) == at(1)


def test_the_users_are_in_no_share() -> None:
    made = SourceShares()
    made.listed(Source.USER)
    made.idle(at(1), Source.USER, failures=9, tried=True)
    assert Source.USER not in WEIGHTS
    assert made.replaceable(Source.TRACKER) is None
    made.busy(at(1), Source.USER, failures=9, tried=True)


@pytest.mark.parametrize("source", sorted(WEIGHTS))
def test_each_source_but_the_user_has_a_share(source: Source) -> None:
    made = SourceShares()
    for other in WEIGHTS:
        for number in range((30 if other is source else 20) * WEIGHTS[other]):
            made.listed(other)
            made.idle(at(1000 * other + number), other, failures=0, tried=False)
    newest = at(1000 * source + 30 * WEIGHTS[source] - 1)
    assert {made.replaceable(each) for each in WEIGHTS if each is not source} == {newest}
    assert made.replaceable(source) is None


def test_only_the_user_is_in_no_share() -> None:
    assert set(Source) - set(WEIGHTS) == {Source.USER}
