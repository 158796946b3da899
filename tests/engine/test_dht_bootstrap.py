"""Which nodes are asked when no other is known."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple

from bittorrent_threads.engine.dht_bootstrap import MAX_HINTS, DhtBootstrap
from bittorrent_threads.errors import TrackerError
from bittorrent_threads.net.interfaces import Address, Resolved
from bittorrent_threads.settings import Settings

ROUTERS = (("router.sim", 6881), ("10.0.0.9", 6881))


class Names:
    """Look-ups that the test answers."""

    def __init__(self) -> None:
        self.asked: List[Tuple[str, int]] = []
        self._deliver: List[Callable[[Resolved], None]] = []

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Resolved], None]) -> None:
        self.asked.append((host, port))
        self._deliver.append(deliver)

    def fetch(self, *arguments: Any, **options: Any) -> None:
        raise AssertionError("nothing is fetched")

    def answer(self, *addresses: Address, error: str = "") -> None:
        self._deliver.pop(0)(Resolved(addresses, TrackerError(error) if error else None))


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.names = Names()
        self.joined: List[Sequence[Address]] = []
        self.bootstrap = DhtBootstrap(self.names, Settings(dht_routers=ROUTERS, **settings), self.joined.append)


def test_routers_are_asked_by_address_at_once_and_by_name_once_it_is_resolved() -> None:
    bench = Bench()
    bench.bootstrap.begin()
    assert bench.joined == [[("10.0.0.9", 6881)]]
    assert bench.names.asked == [("router.sim", 6881)]
    bench.bootstrap.begin()  # the node of the other family needs them, too
    assert len(bench.names.asked) == 1
    bench.names.answer(("10.0.0.1", 6881), ("fd00::1", 6881))
    assert bench.joined[1:] == [(("10.0.0.1", 6881), ("fd00::1", 6881))]
    assert bench.bootstrap.failure == ""


def test_a_name_that_is_not_found_is_told_of_and_asked_for_again_when_nodes_are_needed_again() -> None:
    bench = Bench()
    for _ in range(3):
        bench.bootstrap.begin()
        bench.names.answer(error="cannot resolve router.sim")
        assert bench.bootstrap.failure == "cannot resolve router.sim"
    assert bench.names.asked == [("router.sim", 6881)] * 3
    assert bench.joined == [[("10.0.0.9", 6881)]] * 3


def test_nodes_of_torrents_are_asked_first_and_only_when_nodes_are_needed() -> None:
    bench = Bench()
    bench.bootstrap.hint([("10.0.0.1", 1), ("name.sim", 2)])
    assert not bench.joined
    assert not bench.names.asked
    bench.bootstrap.begin()
    assert bench.joined == [[("10.0.0.1", 1), ("10.0.0.9", 6881)]]
    assert bench.names.asked == [("name.sim", 2), ("router.sim", 6881)]
    bench.bootstrap.hint([("10.0.0.1", 1), ("10.0.0.2", 1)])
    assert bench.joined[1:] == [[("10.0.0.2", 1)]]
    bench.bootstrap.end()
    bench.bootstrap.hint([("10.0.0.3", 1)])
    assert len(bench.joined) == 2


def test_of_many_nodes_of_torrents_the_last_are_remembered() -> None:
    bench = Bench()
    bench.bootstrap.hint([("10.0.0.1", port) for port in range(1, MAX_HINTS + 10)])
    bench.bootstrap.begin()
    ((*hints, router),) = bench.joined
    assert hints == [("10.0.0.1", port) for port in range(10, MAX_HINTS + 10)]
    assert router == ROUTERS[1]


def test_a_session_on_a_loopback_address_resolves_no_name() -> None:
    bench = Bench(host="127.0.0.1")
    bench.bootstrap.hint([("name.sim", 2)])
    bench.bootstrap.begin()
    assert bench.names.asked == []
    assert bench.joined == [[("10.0.0.9", 6881)]]
