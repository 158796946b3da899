"""The child that is libtorrent: one torrent in one or more sessions of its own, seeded or downloaded.

    python -m benchmarks.libtorrent_child '{"torrent": …, "directories": […], "hosts": […], "seed": …}'

A seeder believes that its data is good, and does not read it beforehand.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Dict, List, Sequence

import libtorrent as lt

from . import node

SETTINGS: Dict[str, Any] = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "in_enc_policy": int(lt.enc_policy.pe_disabled),
    "out_enc_policy": int(lt.enc_policy.pe_disabled),
    "allow_multiple_connections_per_ip": True,
    "stop_tracker_timeout": 1,
}


class Libtorrent:
    """Sessions that share nothing, each with the torrent."""

    def __init__(self, torrents: List[Any]) -> None:
        self._torrents = torrents
        self._waiting = list(torrents)

    def dial(self, peers: Sequence[node.Address]) -> None:
        for torrent in self._torrents:
            for peer in peers:
                torrent.connect_peer(peer)

    def complete(self) -> bool:
        while self._waiting and self._waiting[-1].status().is_seeding:
            self._waiting.pop()
        return not self._waiting

    def received(self) -> int:
        return sum(torrent.status().total_payload_download for torrent in self._torrents)


def main(options: Dict[str, Any]) -> None:
    """Run the sessions until the parent process ends them."""
    sessions, torrents = [], []
    for directory, host in zip(options["directories"], options["hosts"]):
        settings: Any = {**SETTINGS, "listen_interfaces": f"{host}:0", "outgoing_interfaces": host}
        session = lt.session(settings)
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(options["torrent"])
        params.save_path = directory
        params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
        params.flags |= lt.torrent_flags.disable_pex
        if options["seed"]:
            # Not seed_mode, which hashes every piece when it is first asked for.
            params.have_pieces = [True] * params.ti.num_pieces()
        sessions.append(session)
        torrents.append(session.add_torrent(params))
    peer = Libtorrent(torrents)
    while options["seed"] and not peer.complete():
        time.sleep(node.POLL)
    addresses = [(host, session.listen_port()) for session, host in zip(sessions, options["hosts"])]
    node.serve(peer, addresses, busy=options.get("busy", False))
    for torrent in torrents:
        torrent.pause()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
