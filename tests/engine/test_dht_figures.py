"""The figures of the DHT node, as users read them."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from bittorrent_threads.dht.dht import Dht
from bittorrent_threads.engine.dht_figures import dht_status
from bittorrent_threads.swarm.external_address import ExternalAddress


def test_every_count_is_told() -> None:
    figures = Dht(random.Random(1), ExternalAddress(), now=0.0).statistics()
    numbers = [name for name, value in figures._asdict().items() if isinstance(value, int)]
    counts: Any = {name: 10 + at for at, name in enumerate(numbers)}
    counted = figures._replace(**counts)
    found = dht_status(counted, running=True, read_only=True, error="why", port_of=lambda family: 6880 + family)
    told = dataclasses.asdict(found)
    missing = [name for name in numbers if told.get(name) != getattr(counted, name)]
    assert missing == ["refused", "searches", "waiting"], "those that wait are searches too"
    assert found.searches == counted.searches + counted.waiting
    assert (found.running, found.read_only, found.error) == (True, True, "why")
    assert [(each.family, each.port) for each in found.families] == [(4, 6884), (6, 6886)]
