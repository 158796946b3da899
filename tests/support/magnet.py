"""A bench whose torrent is known by its infohash alone, until it is given its metadata."""

from __future__ import annotations

from typing import Any, Optional

from support.bench import MOMENT, Bench

from bittorrent_threads.engine.torrent import Torrent
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet as MagnetLink
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.torrent import SimTorrent


def info_of(torrent: SimTorrent) -> bytes:
    """The bytes of its info dictionary, as peers send them."""
    info: bytes = bencode.encode(bencode.decode(torrent.metainfo.to_bytes())[b"info"])
    return info


def receive_info(torrent: Torrent, info: bytes) -> None:
    """Give a torrent its metadata, on the network thread."""
    torrent.receive_metainfo(*torrent.metadata.parse(info))


class Magnet(Bench):
    """An engine whose only torrent is known by its infohash."""

    def add(self, torrent: SimTorrent, magnet: Optional[MagnetLink] = None, **options: Any) -> Torrent:
        """One more torrent, stopped, of which only the infohash is known."""
        recorder = Recorder(self.events.append)
        magnet = magnet or MagnetLink(InfoHash(v1=torrent.metainfo.infohash))
        return self.engine.add(magnet, TorrentParams("downloads", **options), recorder)

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.world.run(self.world.now + seconds)
        assert self.world.violations == []
        if self.torrent.payload is not None:
            self.torrent.payload.downloads.check()

    def give_info(self) -> None:
        """The metadata is known."""
        self.act(receive_info, self.torrent, info_of(self.content))
        self.run(MOMENT)

    @property
    def phase(self) -> str:
        """The phase of the torrent."""
        return self.torrent.lifecycle.phase.value
