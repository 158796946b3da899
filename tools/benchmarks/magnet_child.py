"""The child that adds one magnet link when it is told to, with this library or with libtorrent.

    python -m benchmarks.magnet_child '{"kind": "ours", "host": …, "directory": …}'

It says ``ready`` when its session runs, and takes one command, ``{"magnet": …}``; the end of the input ends it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict

from . import node


def ours(options: Dict[str, Any]) -> None:
    """Add the link to a session of this library."""
    import bittorrent_threads as bt

    from .ours import QUIET

    settings = QUIET.replace(host=options["host"], **options.get("settings", {}))
    with bt.Session(settings) as session:
        node.say(ready=True)
        for line in sys.stdin:
            session.add(json.loads(line)["magnet"], options["directory"])


def libtorrent(options: Dict[str, Any]) -> None:
    """Add the link to a session of libtorrent."""
    import libtorrent as lt

    from .libtorrent_child import SETTINGS

    host = options["host"]
    settings: Any = {**SETTINGS, "listen_interfaces": f"{host}:0", "outgoing_interfaces": host}
    session = lt.session(settings)
    node.say(ready=True)
    for line in sys.stdin:
        params = lt.parse_magnet_uri(json.loads(line)["magnet"])
        params.save_path = options["directory"]
        params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
        torrent = session.add_torrent(params)
        for address in params.peers:
            torrent.connect_peer(address)  # sooner than by itself


if __name__ == "__main__":
    given: Dict[str, Any] = json.loads(sys.argv[1])
    {"ours": ours, "libtorrent": libtorrent}[given["kind"]](given)
