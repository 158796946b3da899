"""Hosts of IPv4, of IPv6 and of both in one swarm: everybody gets everything, over the families that it has."""

from __future__ import annotations

from typing import Any, Set

from bittorrent_threads import events
from bittorrent_threads.net.interfaces import Address, StreamHandler
from bittorrent_threads.testing.simulation.swarm import Node, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent
from bittorrent_threads.testing.simulation.world import World


def families(node: Node) -> Set[bool]:
    """Whether the node was connected over IPv4 (False), over IPv6 (True), or over both."""
    return {":" in event.address[0] for event in node.seen(events.PeerConnected)}


def limit(node: Node, *, ipv6: bool) -> None:
    """Have the node reach one family only: what it dials of the other leads nowhere."""
    connect = node.network.connect

    def dial(address: Address, handler: StreamHandler, timeout: float, transport: Any = None) -> Any:
        reachable = (":" in address[0]) == ipv6
        return connect(address if reachable else ("10.255.0.1", 1), handler, timeout, transport)

    vars(node.network)["connect"] = dial


def test_both_families_meet_in_the_hosts_that_have_both(torrent: SimTorrent) -> None:
    for seed in range(3):
        swarm = make_swarm(World(seed), torrent, nodes=4, seeds=1)
        both, ipv4, ipv6, other = swarm.nodes
        internet = swarm.internet
        internet.alias(both.network, "fd00::1")
        internet.alias(other.network, "fd00::4")
        del internet.hosts["10.0.0.3"]
        internet.alias(ipv6.network, "fd00::3")
        del ipv6.network.addresses[4]
        ipv6.network.name = "fd00::3"
        limit(ipv4, ipv6=False)
        limit(ipv6, ipv6=True)
        swarm.start()
        swarm.run()
        swarm.check()
        assert families(ipv4) == {False}
        assert families(ipv6) == {True}
        assert families(both) == {False, True}
        assert not any(node.seen(events.InternalFailed) for node in swarm.nodes)
