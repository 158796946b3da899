"""``Statistics``: the figures of the DHT node at one moment."""

from __future__ import annotations

from typing import NamedTuple, Tuple


class FamilyStatistics(NamedTuple):
    """The figures of one address family."""

    family: int
    node_id: bytes
    nodes: int
    """Nodes in the routing table that are not bad."""
    good: int
    """Those that are known to answer."""
    replacements: int
    """Nodes that may take a free place."""
    buckets: int
    outstanding: int
    """Queries that wait for an answer."""
    lookups: int
    """Lookups that run."""
    joined: bool
    """The lookup of our own id has found nodes."""


class Statistics(NamedTuple):
    """The figures of all; counts are of all datagrams since the start."""

    families: Tuple[FamilyStatistics, ...]
    datagrams_received: int
    bytes_received: int
    bytes_sent: int
    malformed: int
    """Datagrams that are no message."""
    unexpected: int
    """Answers that belong to no query of ours: late or forged."""
    floods: int
    """Datagrams of hosts that send too many."""
    refused: int
    """Queries that were not answered because the budget was exhausted."""
    queries_received: int
    answers_sent: int
    queries_sent: int
    replies_received: int
    timeouts: int
    """Queries of ours without an answer."""
    blocked_hosts: int
    """Hosts that are ignored now."""
    stored_torrents: int
    """Infohashes for which peers are stored, in both families."""
    stored_peers: int
    searches: int
    """Searches for peers that run."""
    waiting: int
    """Searches that wait."""
