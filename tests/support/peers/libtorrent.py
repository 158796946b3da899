"""libtorrent, driven through its Python binding by ``libtorrent_node.py``; it can be told to connect to peers."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, ClassVar, List, Mapping, Optional, Tuple, Union

from .peer import Peer

NODE = Path(__file__).with_name("libtorrent_node.py")


class LibtorrentPeer(Peer):
    """``settings`` are changes to libtorrent's settings pack.

    With ``checked=False`` it believes, without looking, that all its data is good: over wrong files that makes it a
    seeder of corrupt blocks.
    """

    name: ClassVar[str] = "libtorrent"
    host = "127.0.0.2"

    def __init__(
        self,
        torrent: Union[Path, str],
        directory: Path,
        *,
        seed: bool = False,
        host: Optional[str] = None,
        checked: bool = True,
        settings: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(torrent, directory, seed=seed, host=host)
        self.checked = checked
        self.settings = dict(settings or {})

    def command(self) -> List[str]:
        options = {
            "torrent": str(self.torrent),
            "directory": str(self.directory),
            "host": self.host,
            "checked": self.checked,
            "settings": self.settings,
        }
        return [sys.executable, "-I", str(NODE), json.dumps(options)]

    def wait_ready(self, timeout: float) -> int:
        port = int(self.child.wait_for(r'"port": (\d+)', timeout)[1])
        if self.seed:
            self.child.wait_for(r'"state": "seeding"', timeout)
        return port

    def wait_complete(self, timeout: float) -> None:
        self.child.wait_for(r'"complete": true', timeout)

    def add_peer(self, address: Tuple[str, int]) -> None:
        """Connect to a peer."""
        self.child.send(f"add_peer {address[0]} {address[1]}")

    def wait_peers(self, count: int, timeout: float) -> None:
        """Wait until it is connected to ``count`` peers."""
        self.child.take(rf'"peers": {count}}}$', 1, timeout)

    def wait_banned(self, host: str, timeout: float) -> None:
        """Wait until it has banned the peer with this address."""
        self.child.wait_for(rf'"banned": \["{re.escape(host)}"', timeout)

    def payload(self, ticks: int, timeout: float = 30) -> List[int]:
        """Return the payload bytes uploaded and downloaded, for each of the next ``ticks`` tenths of a second."""
        lines = self.child.take(r'^{"state".*}$', ticks, timeout)
        return [figures["uploaded"] + figures["downloaded"] for figures in map(json.loads, lines)]

    def stop(self) -> None:
        self.child.send("quit")
        self.child.stop(0)
