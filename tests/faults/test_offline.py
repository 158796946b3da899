"""A magnet link without a network or behind a captive portal: no thread spins, and the reason names every source.

They run in network namespaces of Linux.
"""

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


PORTAL = """
    import contextlib, json, socket, sys, time
    import bittorrent_threads as bt
    from support.webserver import WebServer, ok

    host = "10.9.9.1"
    resolve = socket.getaddrinfo

    def one_address(name, *arguments, **options):
        return resolve(host, *arguments, **options)

    socket.getaddrinfo = one_address
    page = ok(b"<html><body>Please log in</body></html>", "Content-Type: text/html")
    with WebServer(page, host=host) as portal, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lost:
        lost.bind((host, 6969))
        web = f"http://a.example:{portal.port}/announce", f"http://b.example:{portal.port}/announce"
        trackers = "".join(f"&tr={url}" for url in (*web, "udp://c.example:6969/announce"))
        settings = bt.Settings(host="10.9.9.2", dht=True, dht_routers=(("router.example", 6969),))
        with bt.Client(sys.argv[1] + trackers, sys.argv[2], settings=settings) as client:
            try:
                client.wait(timeout=60, stall_timeout=2)
            except bt.Stalled as error:
                stalled = str(error)
            before = time.process_time()
            with contextlib.suppress(TimeoutError):
                client.wait(timeout=3)
            used = time.process_time() - before
            rows = [(row.url, row.error) for row in client.trackers]
        print(json.dumps([stalled, used, len(portal.requests), rows]))
"""
TWO_HOSTS = ["ip link set lo up", "ip addr add 10.9.9.1/32 dev lo", "ip addr add 10.9.9.2/32 dev lo"]


def test_behind_a_captive_portal_each_source_says_what_is_wrong(tmp_path: Path) -> None:
    """Every name has the address of the portal, which answers HTTP with a page and nothing else at all."""
    output = in_namespace(TWO_HOSTS, PORTAL, f"magnet:?xt=urn:btih:{20 * 'a1'}", str(tmp_path))
    stalled, used, requests, rows = json.loads(output.splitlines()[-1])
    pages = [error for url, error in rows if url.startswith("http:")]
    assert len(pages) == 2
    for error in pages:
        assert "answer" in error, error
        assert error in stalled, stalled
    for part in ("udp://c.example:6969", "being asked", "; the DHT is being asked (0 known nodes"):
        assert part in stalled, stalled
    assert 2 <= requests <= 8
    assert used < 0.5, f"{used} s of processor time in 3 s"
