"""Swarms in which nodes know the torrent by a magnet link alone: the metadata spreads, and then the content."""

from __future__ import annotations

from typing import Iterable

from bittorrent_threads import events
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.swarm import TRACKER, Node, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent
from bittorrent_threads.testing.simulation.world import World


def forget_metadata(node: Node) -> None:
    """Have the node know the torrent by its magnet link alone."""
    node.act(lambda: node.engine.remove(node.torrent, done=lambda: None))
    node.torrent = node.engine.add(
        Magnet(InfoHash(v1=node.files.torrent.metainfo.infohash), trackers=(TRACKER,)),
        TorrentParams("downloads"),
        Recorder(node.events.append),
    )


def magnet_swarm(torrent: SimTorrent, seed: int, without: Iterable[int]) -> Swarm:
    """Eight nodes, of which one is a seed, and those of these numbers have no metadata; they were started."""
    swarm = make_swarm(World(seed), torrent, nodes=8)
    for number in without:
        forget_metadata(swarm.nodes[number])
    swarm.start()
    return swarm


def known(node: Node) -> bool:
    """Whether the node has the metadata."""
    return node.torrent.payload is not None


def test_nodes_without_metadata_get_it_from_the_others_and_download_over_the_connections_they_have(
    torrent: SimTorrent,
) -> None:
    for seed in range(3):
        swarm = magnet_swarm(torrent, seed, (5, 6, 7))
        late = swarm.nodes[5:]
        swarm.until(lambda: all(known(node) for node in late))  # noqa: B023 - it is called in this round
        connections = {node: [peer.stream for peer in node.torrent.peers] for node in late}
        assert all(connections.values())
        swarm.run()
        swarm.check()
        for node in late:
            assert node.complete
            assert not node.seen(events.PeerBanned)
            assert not node.seen(events.InternalFailed)
            (received,) = node.seen(events.MetadataReceived)
            assert received.size == torrent.metainfo.info_size


def test_one_node_with_the_metadata_is_enough_for_all(torrent: SimTorrent) -> None:
    swarm = magnet_swarm(torrent, 7, range(1, 8))
    swarm.until(lambda: all(known(node) for node in swarm.nodes))
    swarm.run()
    swarm.check()
    assert all(len(node.seen(events.MetadataReceived)) == 1 for node in swarm.nodes[1:])
    assert not any(node.seen(events.PeerBanned) for node in swarm.nodes)
