"""The line about the DHT: the first peer of a torrent among 200 nodes of libtorrent, for ours and for one of them.

    python -m benchmarks.dht '{"router": ["127.1.0.1", 1234]}'

is our child: it reads ``{"find": INFOHASH}`` and prints the seconds to the first peer and to the end of the search.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from typing import Any, Callable, Dict, List

import bittorrent_threads as bt

from .bench import Bench, missing
from .child import START_TIMEOUT, Child, python
from .node import say
from .ours import profiled
from .report import Line, Target

NODES = 200
SEARCHES = 20
"""Searches of a round, each for a torrent that nobody looked for before."""
FIRST = "ms to the first peer"
WHOLE = "ms to the end"
SEARCH_TIMEOUT = 60.0
PAUSE = 0.15
"""Seconds before each search: our node may send 8,000 bytes a second, and a search sends a thousand."""


def dht(bench: Bench) -> Line:
    """The first peer of a torrent in a DHT of 200 nodes."""
    line = Line("dht", f"get_peers among {NODES} nodes of libtorrent on loopback")
    if "libtorrent" not in bench.installed:
        line.remarks = missing(["libtorrent"], bench)
        return line
    with Child(python("libtorrent_dht", count=NODES)) as network:
        router = network.answer(START_TIMEOUT)["nodes"][0]
        with Child(python("dht", router=router, **bench.profile("dht"))) as child:
            child.answer(START_TIMEOUT)
            rounds = bench.in_turns(
                {
                    "ours": lambda: _measure(network, lambda infohash: _find(child, infohash)),
                    "libtorrent": lambda: _measure(network, lambda infohash: _find(network, infohash)),
                }
            )
            child.finish(quit=True)
        network.finish(quit=True)
    line.figures = rounds.medians()
    ratio, spread = rounds.ratio(WHOLE, "ours", "libtorrent"), rounds.spread(WHOLE, "ours", "libtorrent")
    line.targets = [Target(f"{WHOLE}: ours / libtorrent", ratio, "at most", 1.0, spread)]
    return line


def _measure(network: Child, find: Callable[[str], Dict[str, float]]) -> Dict[str, float]:
    """Announce new torrents, then look for each; returns the medians of the figures."""
    infohashes = [os.urandom(20).hex() for _ in range(SEARCHES)]
    for infohash in infohashes:
        network.tell(announce=infohash, port=7000)
        network.expect(f'"announced": "{infohash}"', SEARCH_TIMEOUT)
    found = []
    for infohash in infohashes:
        time.sleep(PAUSE)
        found.append(find(infohash))
    return {name: statistics.median([each[name] for each in found]) for name in found[0]}


def _find(child: Child, infohash: str) -> Dict[str, float]:
    child.tell(find=infohash)
    took: Dict[str, float] = json.loads(child.expect(r'^\{"took": (\{.*\})\}$', SEARCH_TIMEOUT)[1])
    return {name: seconds * 1000 for name, seconds in took.items()}


# -- the child -------------------------------------------------------------------------------------------------------


def main(options: Dict[str, Any]) -> None:
    """Look for torrents until told to end."""
    host, port = options["router"]
    settings = bt.Settings(host="127.0.0.1", dht=True, dht_routers=((host, port),))
    with profiled(options), bt.Session(settings) as session:
        list(session.dht.get_peers(os.urandom(20)))
        say(ready=True)
        for text in sys.stdin:
            command: Dict[str, Any] = json.loads(text)
            if "find" not in command:
                return
            say(took=_timed(session, bytes.fromhex(command["find"])))


def _timed(session: bt.Session, infohash: bytes) -> Dict[str, float]:
    times: List[float] = []
    began = time.perf_counter()
    for _ in session.dht.get_peers(infohash, SEARCH_TIMEOUT):
        times.append(time.perf_counter() - began)
    return {FIRST: times[0], WHOLE: time.perf_counter() - began}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
