"""The magnet link of a .torrent file, made by each real client."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable, Dict

from .peers.aria2 import Aria2Peer
from .peers.libtorrent import LibtorrentPeer
from .peers.transmission import TransmissionPeer

TIMEOUT = 60


def link_of_libtorrent(torrent: Path) -> str:
    import libtorrent as lt

    found: str = lt.make_magnet_uri(lt.torrent_info(str(torrent)))
    return found


def link_of_aria2(torrent: Path) -> str:
    command = ["aria2c", "--no-conf=true", "-S", str(torrent)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout
    (found,) = re.findall(r"^Magnet URI: (\S+)", shown, re.MULTILINE)
    return str(found)


def link_of_transmission(torrent: Path) -> str:
    command = ["transmission-show", "--magnet", str(torrent)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout.strip()


LINKS: Dict[str, Callable[[Path], str]] = {
    LibtorrentPeer.name: link_of_libtorrent,
    Aria2Peer.name: link_of_aria2,
    TransmissionPeer.name: link_of_transmission,
}
"""By the name of the client."""
