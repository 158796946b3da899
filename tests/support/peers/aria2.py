"""aria2c, which connects only to peers of a tracker; here it announces every second."""

from __future__ import annotations

import re
from typing import ClassVar, List

from .peer import Peer

PORTS = "20000-32000"
"""Below the ephemeral ports; aria2 tries them in random order until one is free."""


class Aria2Peer(Peer):
    """aria2c as one peer; it continues as a seeder when it is complete."""

    name: ClassVar[str] = "aria2"
    host = "127.0.0.3"

    def command(self) -> List[str]:
        return [
            "aria2c",
            "--no-conf=true",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--bt-enable-lpd=false",
            "--enable-peer-exchange=false",
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
