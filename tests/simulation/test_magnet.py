"""A whole swarm in which some nodes know the torrent by its infohash alone, until somebody gives them its metadata."""

from __future__ import annotations

from support.magnet import info_of
from support.recorder import Recorder
from support.simulation.swarm import TRACKER, Node, Swarm, make_swarm
from support.simulation.torrent import SimTorrent
from support.simulation.world import World

from bittorrent_threads import events
from bittorrent_threads.engine.phase import Phase
from bittorrent_threads.metainfo.infohash import InfoHash

GIVEN_AFTER = 20.0
"""Seconds after which the metadata is given: the seeds have long told what they have."""


def forget_metadata(node: Node) -> None:
    """Have the node know the torrent by its infohash alone."""
    node.act(lambda: node.engine.remove(node.torrent, done=lambda: None))
    node.torrent = node.engine.add_infohash(
        InfoHash(v1=node.files.torrent.metainfo.infohash),
        "downloads",
        event_dispatcher=Recorder(node.events.append),
        trackers=[[TRACKER]],
    )


def magnet_swarm(torrent: SimTorrent, seed: int) -> Swarm:
    """Eight nodes, of which one is a seed and the last three have no metadata; they were started."""
    swarm = make_swarm(World(seed), torrent, nodes=8)
    for node in swarm.nodes[5:]:
        forget_metadata(node)
    swarm.start()
    swarm.world.run(swarm.world.now + GIVEN_AFTER)
    return swarm


def test_nodes_without_metadata_meet_the_swarm_and_download_over_the_connections_they_have(torrent: SimTorrent) -> None:
    for seed in range(3):
        swarm = magnet_swarm(torrent, seed)
        late = swarm.nodes[5:]
        for node in late:
            assert node.torrent.lifecycle.phase is Phase.METADATA
            assert len(node.torrent.peers) >= 1
            assert not node.seen(events.PeerBanned)
        connections = {node: [peer.stream for peer in node.torrent.peers] for node in late}
        for node in late:
            node.act(node.torrent.receive_info, info_of(torrent))
            assert [peer.stream for peer in node.torrent.peers] == connections[node]
        swarm.run()
        swarm.check()
        for node in late:
            assert node.complete
            assert node.status.downloaded >= torrent.metainfo.total_size
            assert not node.seen(events.PeerBanned)
            assert not node.seen(events.InternalFailed)
