"""A real client and ours that have a magnet link and learn of each other by one means alone.

It runs in a network of its own (``NETWORK``), in which the addresses of 10.0.0.0/8 are this machine: Transmission takes
no loopback address that somebody told.  The real clients bind the address that they listen on for what they send, too;
ours does not, and has the address that the system chooses.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Type, Union

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

from .links import LINKS
from .peers.aria2 import Aria2Peer
from .peers.libtorrent import LibtorrentPeer
from .peers.libtorrent_dht import LibtorrentDht
from .peers.peer import Peer
from .peers.transmission import TransmissionPeer

TRACKER, DHT, EXCHANGE, LOCAL = "tracker", "dht", "exchange", "local discovery"
MEANS = (TRACKER, DHT, EXCHANGE, LOCAL)
KINDS: Dict[str, Type[Peer]] = {kind.name: kind for kind in (LibtorrentPeer, Aria2Peer, TransmissionPeer)}
PATIENCE = 90.0
CONTENT = SampleTorrent(
    {f"a file with a long name, number {number:03}": 700 for number in range(400)}, piece_length=64 * KIB, name="found"
)
"""Its metadata has two pieces."""
DHT_NODES = 12
"""Transmission announces only when it knows more than eight, of which four have answered."""
OURS = "10.0.0.1"
MULTICAST_SENDER = "10.0.0.4"
"""The sender of the multicast datagrams of Transmission, which binds no address for them."""
NETWORK = (
    "ip link set lo up multicast on",
    f"ip addr add {OURS}/8 dev lo",
    f"ip route add 224.0.0.0/4 dev lo src {MULTICAST_SENDER}",
)
"""Commands that set the network up."""


class Meeting:
    """What both sides need for one means.

    Args:
        means: One of ``MEANS``.
        folder: An empty folder.
        stack: Ends what was started.
    """

    def __init__(self, means: str, folder: Path, stack: contextlib.ExitStack) -> None:
        self.means = means
        self.folder = folder
        self.stack = stack
        trackers: List[str] = []
        self.network = LibtorrentDht(folder, DHT_NODES, network="10.1")
        if means == TRACKER:
            self.tracker = stack.enter_context(bt.Tracker("10.0.0.9"))
            trackers = [self.tracker.url]
        elif means == DHT:
            stack.enter_context(self.network)
        self.torrent = CONTENT.write_torrent(folder, *([trackers] if trackers else []))
        self.magnet = str(bt.Metainfo.load(self.torrent).magnet())

    def ours(self, source: Union[Path, str], name: str, **options: Any) -> bt.Client:
        """Our client, in a folder of this name."""
        settings = bt.Settings(
            host=OURS,
            dht=self.means == DHT,
            dht_routers=tuple(self.network.nodes[:1]),
            local_discovery=self.means == LOCAL,
        )
        return self.stack.enter_context(bt.Client(source, self.folder / name, settings=settings, **options))

    def theirs(self, kind: Type[Peer], source: Union[Path, str], name: str, *, seed: bool = False) -> Peer:
        """A real client, in a folder of this name."""
        host = kind.host.replace("127.", "10.", 1)
        uses: Mapping[str, bool] = {each: self.means == each for each in MEANS}
        if kind is LibtorrentPeer:
            settings = {**(self.network.settings if uses[DHT] else {}), "enable_lsd": uses[LOCAL]}
            return self.libtorrent(source, name, host=host, seed=seed, **settings)
        options: Dict[str, Any] = {"local_discovery": uses[LOCAL], "exchange": uses[EXCHANGE]}
        if uses[DHT]:
            nodes = self.network.nodes
            options.update({"dht_node": nodes[0]} if kind is Aria2Peer else {"dht_nodes": nodes})
        return self.stack.enter_context(kind(source, self.folder / name, seed=seed, host=host, **options))

    def libtorrent(
        self, source: Union[Path, str], name: str, *, host: str, seed: bool = False, **settings: Any
    ) -> LibtorrentPeer:
        """A libtorrent with changes to its settings, in a folder of this name."""
        settings["outgoing_interfaces"] = host
        peer = LibtorrentPeer(source, self.folder / name, seed=seed, host=host, settings=settings)
        return self.stack.enter_context(peer)

    def teller(self, *known: Tuple[str, int]) -> LibtorrentPeer:
        """A libtorrent that is connected to these peers and tells others of them; it has no piece to send."""
        peer = self.libtorrent(self.torrent, "teller", host="10.0.0.6", download_rate_limit=1000)
        for address in known:
            peer.add_peer(address)
        peer.wait_peers(len(known), PATIENCE)
        return peer

    def differences(self, name: str) -> List[str]:
        """What is not as it should be in the folder of this name."""
        return CONTENT.differences(self.folder / name)


def it_seeds(kind: Type[Peer], meeting: Meeting, maker: str) -> None:
    """We download from it, by the link that the client ``maker`` makes of the torrent."""
    CONTENT.write(meeting.folder / "seeded")
    seeder = meeting.theirs(kind, meeting.torrent, "seeded", seed=True)
    known: Sequence[Tuple[str, int]] = ()
    if meeting.means == DHT:
        meeting.network.wait_announced(CONTENT.infohash, seeder.port, PATIENCE)
    elif meeting.means == EXCHANGE:
        known = [meeting.teller(seeder.address).address]
    client = meeting.ours(LINKS[maker](meeting.torrent), "ours", peers=known)
    client.wait(timeout=PATIENCE)
    assert meeting.differences("ours") == []


def we_seed(kind: Type[Peer], meeting: Meeting) -> None:
    """It downloads from us, by a link of ours."""
    CONTENT.write(meeting.folder / "seeded")
    client = meeting.ours(meeting.torrent, "seeded")
    client.wait("checked", PATIENCE)
    if meeting.means == TRACKER:
        client.wait(lambda status: any(row.working for row in status.trackers), PATIENCE)
    elif meeting.means == DHT:
        meeting.network.wait_announced(CONTENT.infohash, client.port, PATIENCE)
    leecher = meeting.theirs(kind, meeting.magnet, "theirs")
    if meeting.means == EXCHANGE:
        meeting.teller((OURS, client.port)).add_peer(leecher.address)
    leecher.wait_complete(PATIENCE)
    assert meeting.differences("theirs") == []


def we_tell(kind: Type[Peer], meeting: Meeting) -> None:
    """It knows only us, and we send no block: we are paused."""
    CONTENT.write(meeting.folder / "seeded")
    seeder = meeting.libtorrent(meeting.torrent, "seeded", host="10.0.0.5", seed=True)
    leecher = meeting.theirs(kind, meeting.magnet, "theirs")
    client = meeting.ours(meeting.torrent, "ours", state="paused")
    client.add_peer(*seeder.address)
    client.wait(lambda status: status.connected == 1, PATIENCE)
    client.add_peer(*leecher.address)
    leecher.wait_complete(PATIENCE)
    assert client.uploaded == 0
    assert meeting.differences("theirs") == []


def it_tells(kind: Type[Peer], meeting: Meeting) -> None:
    """We know only it, and it has found a seeder by a tracker that we do not know.  The seeder connects to no peer."""
    CONTENT.write(meeting.folder / "seeded")
    tracker = meeting.stack.enter_context(bt.Tracker("10.0.0.9"))
    (meeting.folder / "listed").mkdir()
    listed = CONTENT.write_torrent(meeting.folder / "listed", [tracker.url])
    limits = {"upload_rate_limit": 1000, "connection_speed": 0, "torrent_connect_boost": 0}
    seeder = meeting.libtorrent(listed, "seeded", host="10.0.0.5", seed=True, **limits)
    middle = meeting.theirs(kind, listed, "theirs")
    seeder.wait_peers(1, PATIENCE)
    client = meeting.ours(meeting.magnet, "ours", peers=[middle.address])
    client.wait(lambda status: any(peer.source == "pex" for peer in status.peers), PATIENCE)
    assert {peer.address: peer.source for peer in client.peers}[seeder.address] == "pex"


ROLES: Dict[str, Callable[..., None]] = {
    "it seeds": it_seeds,
    "we seed": we_seed,
    "we tell": we_tell,
    "it tells": it_tells,
}


def main(folder: str, role: str, kind: str, means: str, *more: str) -> None:
    """Run one meeting, in a network that ``NETWORK`` has set up."""
    with contextlib.ExitStack() as stack:
        ROLES[role](KINDS[kind], Meeting(means, Path(folder), stack), *more)
