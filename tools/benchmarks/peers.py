"""The programs under measurement as peers: started until they listen, told to go, waited for.

Each has an address of its own on loopback, because aria2 takes two peers of one address for the same one.  aria2 and
Transmission cannot be told to dial; the other end dials them.
"""

from __future__ import annotations

import abc
import importlib.util
import json
import random
import re
import shutil
import signal
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

import bittorrent_threads as bt

from .child import START_TIMEOUT, Child, Usage, python
from .node import TRANSFER_TIMEOUT, Address

PORTS = range(20000, 32000)
"""Below the ports that the system gives out by itself."""

PeerType = TypeVar("PeerType", bound="Peer")


class Peer(abc.ABC):
    """``torrent`` in ``directory``; inside a ``with`` block it runs and listens at ``addresses``."""

    dials: ClassVar[bool] = True
    """Can be told whom to connect to."""

    def __init__(self, torrent: Path, directory: Path, *, seed: bool) -> None:
        self.torrent = torrent
        self.directory = directory
        self.seed = seed
        self.addresses: List[Address] = []

    def __enter__(self: PeerType) -> PeerType:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.child = Child(self.command())
        self.child.__enter__()
        try:
            self.wait_ready()
        except BaseException:
            self.child.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.child.__exit__(kind, error, trace)

    @abc.abstractmethod
    def command(self) -> List[str]:
        """The program and its arguments."""

    @abc.abstractmethod
    def wait_ready(self) -> None:
        """Wait until it listens and, as a seeder, has all its data."""

    @abc.abstractmethod
    def wait_complete(self) -> Dict[str, Any]:
        """Wait until it has everything; what it has to say about that."""

    @abc.abstractmethod
    def finish(self) -> Usage:
        """Let it end; what it took."""


class NodePeer(Peer):
    """A child that speaks as ``node`` says."""

    def wait_ready(self) -> None:
        self.addresses = [(host, port) for host, port in self.child.answer()["addresses"]]

    def dial(self, peers: Sequence[Address], **how: Any) -> None:
        """Go."""
        self.child.tell(dial=list(peers), **how)

    def wait_complete(self) -> Dict[str, Any]:
        return self.child.answer(TRANSFER_TIMEOUT)

    def finish(self) -> Usage:
        return self.child.finish(quit=True)


class OurPeer(NodePeer):
    """This library."""

    def __init__(self, torrent: Path, directory: Path, *, seed: bool, **options: Any) -> None:
        super().__init__(torrent, directory, seed=seed)
        self.options = options

    def command(self) -> List[str]:
        files = {"torrent": str(self.torrent), "directory": str(self.directory)}
        return python("ours", **files, seed=self.seed, host="127.0.0.2" if self.seed else "127.0.0.3", **self.options)


class FloorPeer(NodePeer):
    """No client: the system calls and hashes that a transfer cannot do without."""

    def command(self) -> List[str]:
        metainfo = bt.Metainfo.load(self.torrent)
        options = {"size": metainfo.total_size, "piece_length": metainfo.piece_length, "seed": self.seed}
        return python("floor", path=str(self.directory / metainfo.name), host="127.0.0.8", **options)


class LibtorrentPeer(NodePeer):
    """libtorrent: ``count`` sessions in one process, each with a folder of its own if they download."""

    def __init__(self, torrent: Path, directory: Path, *, seed: bool, count: int = 1, **options: Any) -> None:
        super().__init__(torrent, directory, seed=seed)
        self.hosts = [f"127.0.{2 if seed else 3}.{number}" for number in range(1, count + 1)]
        self.options = options

    def command(self) -> List[str]:
        folders = [str(self.directory if self.seed else self.directory / host) for host in self.hosts]
        options = {"directories": folders, "hosts": self.hosts, **self.options}
        return python("libtorrent_child", torrent=str(self.torrent), seed=self.seed, **options)


class Aria2Peer(Peer):
    """aria2c, whose log is what it tells; seeders believe that their data is good."""

    dials = False

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
            "--on-bt-download-complete=/bin/echo",
            f"--bt-seed-unverified={str(self.seed).lower()}",
            f"--interface={self.host}",
            f"--listen-port={PORTS[0]}-{PORTS[-1]}",
            f"--dir={self.directory}",
            str(self.torrent),
        ]

    @property
    def host(self) -> str:
        return "127.0.0.4" if self.seed else "127.0.0.5"

    def wait_ready(self) -> None:
        found = self.child.expect(r"IPv4 BitTorrent: listening on TCP port (\d+)", START_TIMEOUT)
        self.addresses = [(self.host, int(found[1]))]

    def wait_complete(self) -> Dict[str, Any]:
        # The program it calls prints its arguments: id, number of files, path.
        self.child.expect(rf"^\w{{16}} \d+ {re.escape(str(self.directory))}", TRANSFER_TIMEOUT)
        return {}

    def finish(self) -> Usage:
        return self.child.finish()


class TransmissionPeer(Peer):
    """transmission-cli as a downloader; seeding, it unchokes at the ticks of a slow clock."""

    dials = False
    host = "127.0.0.6"

    def command(self) -> List[str]:
        config = self.directory / "config"
        config.mkdir()
        settings = {
            "bind-address-ipv4": self.host,
            "bind-address-ipv6": "::1",
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "utp-enabled": False,
            "message-level": 3,
        }
        (config / "settings.json").write_text(json.dumps(settings))
        self.addresses = [(self.host, free_port(self.host))]
        command = ["transmission-cli", "-g", str(config), "-M", "-B", "-et", "-p", str(self.addresses[0][1])]
        return [*command, "-w", str(self.directory), str(self.torrent)]

    def wait_ready(self) -> None:
        self.child.expect("Progress: 0.0%", START_TIMEOUT)

    def wait_complete(self) -> Dict[str, Any]:
        self.child.expect('State changed from "Incomplete" to "Complete"', TRANSFER_TIMEOUT)
        return {}

    def finish(self) -> Usage:
        return self.child.finish(number=signal.SIGKILL)  # asked politely, it takes ten seconds


def free_port(host: str) -> int:
    """A random port on which nobody listens now."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


KINDS: Mapping[str, Type[Peer]] = {
    "floor": FloorPeer,
    "ours": OurPeer,
    "libtorrent": LibtorrentPeer,
    "aria2": Aria2Peer,
    "transmission": TransmissionPeer,
}


def installed() -> Tuple[str, ...]:
    """The kinds that this machine can run."""
    found = {
        "floor": True,
        "ours": True,
        "libtorrent": importlib.util.find_spec("libtorrent") is not None,
        "aria2": shutil.which("aria2c") is not None,
        "transmission": shutil.which("transmission-cli") is not None,
    }
    return tuple(kind for kind, there in found.items() if there)
