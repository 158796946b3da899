"""A magnet link without a network (Linux network namespaces): no thread spins, and the reason names every source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

import pytest
from support.namespaces import in_namespace

TRACKERS = ("http://t.example/announce", "udp://u.example:6969/announce", "udp://10.1.2.3:6969")
MAGNET = f"magnet:?xt=urn:btih:{20 * 'a1'}&x.pe=10.1.2.4:6881&{'&'.join(f'tr={url}' for url in TRACKERS)}"
PROGRAM = """
    import contextlib, json, sys, time
    import bittorrent_threads as bt

    settings = bt.Settings(dht=True, dht_routers=(("10.1.2.5", 6881),), local_discovery=True)
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings) as client:
        try:
            client.wait(timeout=60, stall_timeout=2)
        except bt.Stalled as error:
            stalled = str(error)
        before = time.process_time()
        with contextlib.suppress(TimeoutError):
            client.wait(timeout=3)
        used = time.process_time() - before
        events = []
        while not client.events.empty():
            events.append(type(client.events.get_nowait()).__name__)
    print(json.dumps([stalled, used, events]))
"""
NO_INTERFACE = ["true"]
NOBODY_ANSWERS = [
    *("ip link set lo up", "ip link add name one type veth peer name two", "ip link set one up", "ip link set two up"),
    *("ip addr add 10.9.9.2/24 dev one", "ip route add default via 10.9.9.1"),
    "ip neigh add 10.9.9.1 lladdr 02:00:00:00:00:99 dev one nud permanent",
]


@pytest.mark.parametrize(
    ("commands", "answers"),
    [
        (NO_INTERFACE, ["cannot resolve t.example", "network unreachable", "; local discovery "]),
        (NOBODY_ANSWERS, ["1 connection being made", "being asked", "; local discovery "]),
    ],
    ids=["no interface", "nobody answers"],
)
def test_nothing_spins_and_the_reason_names_every_source(
    commands: List[str], answers: List[str], tmp_path: Path
) -> None:
    stalled, used, events = json.loads(in_namespace(commands, PROGRAM, MAGNET, str(tmp_path)).splitlines()[-1])
    for part in (*TRACKERS, "; the DHT is being asked (0 known nodes", *answers):
        assert part in stalled, stalled
    assert used < 0.5, f"{used} s of processor time in 3 s"
    assert len(events) < 30, events
