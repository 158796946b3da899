"""The figures of the DHT node, as users read them in ``session.dht.status()``."""

from __future__ import annotations

from typing import Callable

from ..dht.statistics import Statistics
from ..status import DhtFamilyStatus, DhtStatus


def dht_status(
    figures: Statistics, *, running: bool, read_only: bool, error: str, port_of: Callable[[int], int]
) -> DhtStatus:
    """Return the status of the node.

    Args:
        figures: What the machine counted.
        running: The node is on the network.
        read_only: It answers no queries (BEP 43).
        error: What is wrong with the sockets or the file, in a sentence; empty if nothing is.
        port_of: Returns the UDP port of an address family, 0 if it has none.
    """
    families = [
        DhtFamilyStatus(
            family=each.family,
            node_id=each.node_id,
            port=port_of(each.family),
            nodes=each.nodes,
            good_nodes=each.good,
            joined=each.joined,
        )
        for each in figures.families
    ]
    return DhtStatus(
        running=running,
        read_only=read_only,
        error=error,
        families=tuple(families),
        queries_sent=figures.queries_sent,
        replies_received=figures.replies_received,
        timeouts=figures.timeouts,
        queries_received=figures.queries_received,
        answers_sent=figures.answers_sent,
        malformed=figures.malformed,
        unexpected=figures.unexpected,
        floods=figures.floods,
        blocked_hosts=figures.blocked_hosts,
        datagrams_received=figures.datagrams_received,
        bytes_sent=figures.bytes_sent,
        bytes_received=figures.bytes_received,
        searches=figures.searches + figures.waiting,
        stored_torrents=figures.stored_torrents,
        stored_peers=figures.stored_peers,
    )
