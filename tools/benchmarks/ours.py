"""The child that is this library: one torrent in a client, seeded or downloaded.

    python -m benchmarks.ours '{"torrent": …, "directory": …, "host": …, "seed": …}'

With ``profile`` (a path) the network thread runs under cProfile, and its statistics are written there at the end; from
CPython 3.12 on cProfile watches every thread of the process, so that the other threads are in them too.
"""

from __future__ import annotations

import contextlib
import cProfile
import json
import sys
import threading
from typing import Any, Dict, Iterator, Mapping, Sequence

import bittorrent_threads as bt

from . import node

QUIET = bt.Settings(dht=False, local_discovery=False)
"""Finds no peer by itself, as the sessions of libtorrent: a transfer that begins before it is timed has no rate."""


class Ours:
    """One client."""

    def __init__(self, client: bt.Client) -> None:
        self._client = client

    def dial(self, peers: Sequence[node.Address]) -> None:
        for peer in peers:
            self._client.add_peer(*peer)

    def complete(self) -> bool:
        return self._client.seed

    def received(self) -> int:
        return self._client.downloaded


@contextlib.contextmanager
def profiled(options: Mapping[str, Any]) -> Iterator[None]:
    """Profile the network threads that start in the block, if the options have a path for that."""
    if "profile" not in options:
        yield
        return
    profile = cProfile.Profile()

    def begin(frame: Any, event: str, argument: Any) -> None:
        # Called first in every thread that starts from now on: for all but one it ends here.
        sys.setprofile(None)
        if threading.current_thread().name == "bittorrent-net":
            profile.enable()

    threading.setprofile(begin)
    yield
    profile.dump_stats(options["profile"])


def main(options: Dict[str, Any]) -> None:
    """Run one client until the parent process ends it."""
    settings = QUIET.replace(host=options["host"], **options.get("settings", {}))
    with profiled(options), bt.Client(options["torrent"], options["directory"], settings=settings) as client:
        client.wait("seed" if options["seed"] else "checked", timeout=node.TRANSFER_TIMEOUT)
        node.serve(Ours(client), [(options["host"], client.port)], busy=options.get("busy", False))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
