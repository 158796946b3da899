"""Two connections with one peer: which is closed, by which end, and what is no such pair."""

from __future__ import annotations

import dataclasses
import itertools
from typing import List, Optional

import pytest

from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.duplicate_connections import GRACE_TIME, LATE_GRACE_TIME, completes, duplicate, surplus

OWN, LOW, HIGH = b"m" * 20, b"a" * 20, b"z" * 20


@dataclasses.dataclass(eq=False)
class Peer:
    """One end of a connection."""

    incoming: bool
    address: Address
    peerid: bytes = LOW
    connected_at: float = 0.0
    listening: Optional[int] = None
    moved: int = 0


def dialled(port: int = 6881, host: str = "1.2.3.4", **facts: object) -> Peer:
    return Peer(False, (host, port), **facts)  # type: ignore[arg-type]


def accepted(host: str = "1.2.3.4", **facts: object) -> Peer:
    return Peer(True, (host, 50000), **facts)  # type: ignore[arg-type]


def closed(*peers: Peer, now: float = 1000.0) -> List[Peer]:
    found = surplus(peers, peerid=OWN, now=now)
    assert found == surplus(peers[::-1], peerid=OWN, now=now)
    return found


@pytest.mark.parametrize(("peerid", "timeouts"), [(LOW, GRACE_TIME), (HIGH, LATE_GRACE_TIME)])
def test_the_greater_peer_id_closes_one_soon_and_the_other_end_late(peerid: bytes, timeouts: float) -> None:
    older, newer = dialled(peerid=peerid, connected_at=1.0), accepted(peerid=peerid, connected_at=5.0)
    assert closed(older, newer, now=5.0 + timeouts - 0.01) == []
    assert closed(older, newer, now=5.0 + timeouts) == [newer]


def test_both_ends_never_choose_at_once() -> None:
    assert GRACE_TIME + 2 < LATE_GRACE_TIME, "a tick at each end, and a way from one to the other"


@pytest.mark.parametrize(
    ("given", "taken", "outgoing_ends"),
    [(0, 0, False), (5, 5, False), (9, 5, False), (5, 9, True), (0, 1, True)],
)
def test_the_one_of_which_less_came_ends_and_of_equals_the_incoming(
    given: int, taken: int, outgoing_ends: bool
) -> None:
    out, into = dialled(moved=given), accepted(moved=taken)
    assert closed(out, into) == [out if outgoing_ends else into]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dialled(), accepted(peerid=HIGH)),
        (dialled(), accepted(host="1.2.3.5")),
        (dialled(), accepted(listening=6882)),
        (dialled(), dialled(6882)),
        (accepted(), accepted()),
    ],
    ids=["another id", "another host", "another port", "both dialled", "both accepted"],
)
def test_no_pair(one: Peer, other: Peer) -> None:
    assert closed(one, other) == []
    assert duplicate(one, [one, other]) is None
    assert duplicate(other, [one, other]) is None


@pytest.mark.parametrize("listening", [None, 6881])
def test_a_pair(listening: Optional[int]) -> None:
    out, into = dialled(), accepted(listening=listening)
    others = [dialled(host="1.2.3.5"), accepted(peerid=HIGH), accepted(listening=1)]
    for order in itertools.permutations([out, into, *others]):
        assert duplicate(out, order) is into
        assert duplicate(into, order) is out
    assert closed(out, into, *others) == [into]


@pytest.mark.parametrize(
    ("peers", "incoming", "expected"),
    [
        ([dialled()], True, True),
        ([accepted()], False, True),
        ([dialled()], False, False),
        ([accepted()], True, False),
        ([dialled(), accepted()], True, False),
        ([dialled(peerid=HIGH)], True, False),
        ([dialled(host="1.2.3.5")], True, False),
        ([], True, False),
    ],
)
def test_a_second_connection_the_other_way_needs_no_place(peers: List[Peer], incoming: bool, expected: bool) -> None:
    assert completes(peers, address=("1.2.3.4", 50001), peerid=LOW, incoming=incoming) is expected
