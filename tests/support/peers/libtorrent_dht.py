"""``LibtorrentDht``: a network of nodes of libtorrent's DHT, by a program of the benchmarks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Tuple, Type

from .child import Child

PROGRAM = Path(__file__).resolve().parents[3] / "tools" / "benchmarks" / "libtorrent_dht.py"
START_TIMEOUT = 60.0

LOCAL_DHT: Dict[str, Any] = {
    "dht_announce_interval": 1,
    "enable_dht": True,
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_enforce_node_id": False,
    "dht_prefer_verified_node_ids": False,
    "dht_ignore_dark_internet": False,
}
"""Settings with which the node of a ``LibtorrentPeer`` works on loopback addresses."""


class LibtorrentDht:
    """``count`` nodes that know each other, each at an address of its own; runs inside a ``with`` block.

    Their addresses begin with ``network``, two bytes.
    """

    def __init__(self, folder: Path, count: int = 8, *, network: str = "127.1") -> None:
        self.nodes: List[Tuple[str, int]] = []
        command = [sys.executable, "-I", str(PROGRAM), json.dumps({"count": count, "network": network})]
        self._child = Child(command, folder / "dht.log", cwd=folder)

    def __enter__(self) -> LibtorrentDht:
        self._child.__enter__()
        try:
            found = self._child.wait_for(r'^{"nodes": (.*)}$', START_TIMEOUT)
        except BaseException:
            self._child.kill()
            raise
        self.nodes = [(host, port) for host, port in json.loads(found[1])]
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._child.__exit__(kind, error, trace)

    @property
    def settings(self) -> Dict[str, Any]:
        """Settings with which a ``LibtorrentPeer`` joins the network; a bootstrap node never comes into its table."""
        host, port = self.nodes[0]
        return {**LOCAL_DHT, "dht_bootstrap_nodes": f"{host}:{port}"}

    def announce(self, infohash: bytes, port: int, timeout: float = 30.0) -> None:
        """Have a node announce a peer at its own address, and wait until another has stored it."""
        self._child.send(json.dumps({"announce": infohash.hex(), "port": port}))
        self.wait_announced(infohash, port, timeout)

    def wait_announced(self, infohash: bytes, port: int, timeout: float = 30.0) -> None:
        """Wait until a node has received an announce of this port."""
        self._child.wait_for(rf'"announced": "{infohash.hex()}", "peer": \["[0-9.]*", {port}\]', timeout)

    def find(self, infohash: bytes, port: int, timeout: float = 30.0) -> None:
        """Have a node look for peers, and wait until it is told one with this port."""
        self._child.send(json.dumps({"find": infohash.hex()}))
        self._child.wait_for(rf'"found": "{infohash.hex()}", "peers": .*, {port}\]', timeout)
