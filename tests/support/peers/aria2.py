"""aria2c, which connects only to peers of a tracker or of the DHT; here it announces every second."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, List, Optional, Tuple, Union

from .peer import Peer

PORTS = "20000-32000"
"""Below the ephemeral ports; aria2 tries them in random order until one is free."""


class Aria2Peer(Peer):
    """aria2c as one peer; it continues as a seeder when it is complete.

    With ``dht_node`` it joins the DHT through that node.  With ``local_discovery`` it announces on the loopback
    interface, and listens there (BEP 14).  With ``exchange`` it tells peers of others, and is told (BEP 11).
    """

    name: ClassVar[str] = "aria2"
    host = "127.0.0.3"

    def __init__(
        self,
        torrent: Union[Path, str],
        directory: Path,
        *,
        seed: bool = False,
        host: Optional[str] = None,
        dht_node: Optional[Tuple[str, int]] = None,
        local_discovery: bool = False,
        exchange: bool = False,
    ) -> None:
        super().__init__(torrent, directory, seed=seed, host=host)
        self.dht_node = dht_node
        self.local_discovery = local_discovery
        self.exchange = exchange

    def command(self) -> List[str]:
        dht = ["--enable-dht=false"]
        if self.dht_node is not None:
            dht = [
                "--enable-dht=true",
                f"--dht-entry-point={self.dht_node[0]}:{self.dht_node[1]}",
                f"--dht-file-path={self.hash_buffer / 'dht.dat'}",
                f"--dht-listen-port={PORTS}",
            ]
        return [
            "aria2c",
            "--no-conf=true",
            *dht,
            "--enable-dht6=false",
            f"--bt-enable-lpd={str(self.local_discovery).lower()}",
            f"--bt-lpd-interface={self.host}",
            f"--enable-peer-exchange={str(self.exchange).lower()}",
            "--disable-ipv6=true",
            "--async-dns=false",
            "--bt-tracker-interval=1",
            "--seed-ratio=0.0",
            "--file-allocation=none",
            "--allow-overwrite=true",
            "--enable-color=false",
            "--summary-interval=0",
            "--disk-cache=0",
            "--on-bt-download-complete=/bin/echo",
            f"--check-integrity={str(self.seed).lower()}",
            f"--interface={self.host}",
            f"--listen-port={PORTS}",
            f"--dir={self.directory}",
            str(self.torrent),
        ]

    def wait_ready(self, timeout: float) -> int:
        port = int(self.child.wait_for(r"IPv4 BitTorrent: listening on TCP port (\d+)", timeout)[1])
        if self.seed:
            self.child.wait_for("Verification finished successfully", timeout)
        return port

    def wait_complete(self, timeout: float) -> None:
        # aria2 buffers its own word of this; the command it calls then prints its arguments: id, number of files, path.
        self.child.wait_for(rf"^\w{{16}} \d+ {re.escape(str(self.directory))}", timeout)
