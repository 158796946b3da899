"""transmission-cli, which never connects to a loopback address that somebody told: others must connect to it there.

A seeder unchokes peers every ten seconds, so the first block may take that long.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import ClassVar, List, Optional, Sequence, Tuple, Union

from bittorrent_threads.testing.bencode import bencode

from ..loopback import free_port
from .peer import Peer


class TransmissionPeer(Peer):
    """transmission-cli as one peer, with a settings folder of its own.

    With ``dht_nodes`` it joins the DHT through these, of which it wants nine.  With ``local_discovery`` it announces
    to the network, and listens there (BEP 14).  With ``exchange`` it tells peers of others, and is told (BEP 11).
    """

    name: ClassVar[str] = "transmission"
    host = "127.0.0.4"
    makes_empty_files: ClassVar[bool] = False

    def __init__(
        self,
        torrent: Union[Path, str],
        directory: Path,
        *,
        seed: bool = False,
        host: Optional[str] = None,
        dht_nodes: Sequence[Tuple[str, int]] = (),
        local_discovery: bool = False,
        exchange: bool = False,
    ) -> None:
        super().__init__(torrent, directory, seed=seed, host=host)
        self.dht_nodes = tuple(dht_nodes)
        self.local_discovery = local_discovery
        self.exchange = exchange

    def command(self) -> List[str]:
        config = self.hash_buffer / "config"
        config.mkdir()
        settings = {
            "bind-address-ipv4": self.host,
            "bind-address-ipv6": "::1",
            "blocklist-enabled": False,
            "dht-enabled": bool(self.dht_nodes),
            "lpd-enabled": self.local_discovery,
            "pex-enabled": self.exchange,
            "port-forwarding-enabled": False,
            "rpc-enabled": False,
            "utp-enabled": False,
            "message-level": 3,
        }
        if self.dht_nodes:
            nodes = b"".join(socket.inet_aton(host) + port.to_bytes(2, "big") for host, port in self.dht_nodes)
            (config / "dht.dat").write_bytes(bencode({"id": os.urandom(20), "nodes": nodes}))
        (config / "settings.json").write_text(json.dumps(settings))
        command = ["transmission-cli", "-g", str(config), "-M", "-B", "-et", "-p", str(free_port(self.host))]
        return [*command, "-w", str(self.directory), *(["-v"] if self.seed else []), str(self.torrent)]

    def wait_ready(self, timeout: float) -> int:
        port = self.child.wait_bound(self.host, timeout)
        if self.seed:
            self.child.wait_for("Verification is done", timeout)
        return port

    def wait_complete(self, timeout: float) -> None:
        self.child.wait_for('State changed from "Incomplete" to "Complete"', timeout)
