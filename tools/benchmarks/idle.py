"""The line about doing nothing: a thousand torrents that seed to nobody, and five hundred connections that say nothing.

    python -m benchmarks.idle '{"folder": …, "count": 1000, "dht": [["127.1.0.1", 1234]], "tracker": ""}'
    python -m benchmarks.idle '{"torrent": …, "directory": …, "connections": 500}'

are the children: ours alone.  The peers of the connections are sockets of the parent that have shaken hands.
"""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import bittorrent_threads as bt

from .bench import Bench, Variant
from .child import START_TIMEOUT, Child, ChildFailed, memory, process_clock, python
from .data import KIB, MIB
from .node import say
from .ours import profiled
from .report import Line, Target
from .udp_tracker import UdpTracker

TORRENTS = 1000
CONNECTIONS = 500
NODES = 16
"""Nodes of the DHT in which torrents are announced."""
SETTLING = 3.0
"""Seconds from the last torrent or connection until it counts as idle."""
IDLE = 10.0
"""Seconds over which the CPU time is taken."""
CPU = "% of a core"
EACH = "KiB each"
READY_TIMEOUT = 120.0


def torrents(bench: Bench, nodes: Sequence[Tuple[str, int]] = (), tracker: str = "") -> Dict[str, float]:
    """A session of many small torrents, announced to a ``tracker`` and in the DHT if it knows ``nodes``."""
    folder = bench.folder / "idle"
    if not folder.exists():
        folder.mkdir()
        for number in range(TORRENTS):
            path = folder / f"{number}.bin"
            path.write_bytes(number.to_bytes(2, "big") * (8 * KIB))
            bt.create(path, piece_length=16 * KIB, creation_date=0).save(folder / f"{number}.torrent")
    options: Dict[str, Any] = {"folder": str(folder), "count": TORRENTS, "dht": nodes, "tracker": tracker}
    options.update(bench.profile("idle torrents"))
    with Child(python("idle", **options)) as child:
        child.answer()
        before = memory(child.pid)
        child.tell(go=True)
        child.answer(READY_TIMEOUT)
        return _idle(child, before, TORRENTS)


def torrents_in_dht(bench: Bench) -> Dict[str, float]:
    """The same, while they are announced in a DHT of libtorrent's nodes."""
    with Child(python("libtorrent_dht", count=NODES)) as network:
        nodes = network.answer(START_TIMEOUT)["nodes"]
        found = torrents(bench, nodes[:1])
        network.finish(quit=True)
    return found


def torrents_with_tracker(bench: Bench) -> Dict[str, float]:
    """The same, while they are announced to a UDP tracker every half an hour."""
    with UdpTracker() as tracker:
        found = torrents(bench, tracker=tracker.url)
        if tracker.announces < TORRENTS:
            raise ChildFailed(f"{tracker.announces} announces of {TORRENTS} torrents")
    return found


def connections(bench: Bench) -> Dict[str, float]:
    """A seed with many peers."""
    torrent = bench.data.torrent(16 * MIB, 16 * KIB)
    infohash = bt.Metainfo.load(torrent).infohash
    directory = bench.data.file(16 * MIB).parent
    options: Dict[str, Any] = {"torrent": str(torrent), "directory": str(directory), "connections": CONNECTIONS}
    options.update(bench.profile("idle connections"))
    with Child(python("idle", **options)) as child, contextlib.ExitStack() as stack:
        port = child.answer(START_TIMEOUT)["port"]
        before = memory(child.pid)
        for number in range(CONNECTIONS):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=READY_TIMEOUT))
            peer.sendall(b"\x13BitTorrent protocol" + bytes(8) + infohash + b"-XX0001-%012d" % number)
        child.tell(go=True)
        child.answer(READY_TIMEOUT)
        return _idle(child, before, CONNECTIONS)


def _idle(child: Child, before: int, count: int) -> Dict[str, float]:
    time.sleep(SETTLING)
    grown = memory(child.pid) - before
    began, used = time.monotonic(), process_clock(child.pid)
    time.sleep(IDLE)
    share = (process_clock(child.pid) - used) / (time.monotonic() - began)
    child.finish(quit=True)
    return {CPU: share * 100, EACH: grown / count / KIB}


def idle(bench: Bench) -> Line:
    """1,000 torrents seeding idle in a session, and 500 idle connections."""
    line = Line("idle", "CPU and memory of what does nothing, in one session of ours")
    variants: Dict[str, Variant] = {
        f"ours, {TORRENTS} torrents": functools.partial(torrents, bench),
        f"ours, {TORRENTS} torrents with a UDP tracker": functools.partial(torrents_with_tracker, bench),
        f"ours, {CONNECTIONS} connections": functools.partial(connections, bench),
    }
    if "libtorrent" in bench.installed:
        variants[f"ours, {TORRENTS} torrents in the DHT"] = functools.partial(torrents_in_dht, bench)
    rounds = bench.in_turns(variants, rounds=1)
    line.figures = rounds.medians()
    line.targets = [Target(f"{CPU}: {name}", rounds.median(CPU, name), "at most", 2.0) for name in variants]
    return line


# -- the children ----------------------------------------------------------------------------------------------------


def _seed_many(folder: Path, count: int, nodes: Sequence[Sequence[Any]], tracker: str) -> None:
    routers = tuple([(host, port) for host, port in nodes])
    settings = bt.Settings(host="127.0.0.1", dht=bool(nodes), dht_routers=routers, announce_min_interval=1.0)
    with bt.Session(settings) as session:
        say(ready=True)
        sys.stdin.readline()
        clients: List[bt.Client] = [
            session.add(folder / f"{number}.torrent", folder, resume=False, trackers=[tracker] if tracker else [])
            for number in range(count)
        ]
        for client in clients:
            client.wait("seed", timeout=READY_TIMEOUT)
        say(ready=True)
        sys.stdin.readline()


def _seed_to_many(options: Dict[str, Any]) -> None:
    count: int = options["connections"]
    settings = bt.Settings(host="127.0.0.1", max_connections=2 * count, max_connections_per_torrent=2 * count)
    with bt.Client(options["torrent"], options["directory"], settings=settings) as client:
        client.wait("seed", timeout=START_TIMEOUT)
        say(port=client.port)
        sys.stdin.readline()
        client.wait(lambda status: status.connected == count, timeout=READY_TIMEOUT)
        say(ready=True)
        sys.stdin.readline()


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    with profiled(asked):
        if "folder" in asked:
            _seed_many(Path(asked["folder"]), asked["count"], asked["dht"], asked["tracker"])
        else:
            _seed_to_many(asked)
