"""transmission-cli, which never connects to loopback addresses of a tracker: others must connect to it.

A seeder unchokes peers every ten seconds, so the first block may take that long.
"""

from __future__ import annotations

import json
from typing import ClassVar, List

from ..loopback import free_port
from .peer import Peer


class TransmissionPeer(Peer):
    """transmission-cli as one peer, with a settings folder of its own."""

    name: ClassVar[str] = "transmission"
    host = "127.0.0.4"
    makes_empty_files: ClassVar[bool] = False

    def command(self) -> List[str]:
        config = self.hash_buffer / "config"
        config.mkdir()
        settings = {
            "bind-address-ipv4": self.host,
            "bind-address-ipv6": "::1",
            "blocklist-enabled": False,
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "rpc-enabled": False,
            "utp-enabled": False,
            "message-level": 3,
        }
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
