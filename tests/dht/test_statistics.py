"""The figures of a node."""

from __future__ import annotations

from support.dht_places import fitting, public
from support.dht_wire import Wire

from bittorrent_threads.dht import krpc


def test_what_is_counted() -> None:
    wire = Wire()
    wire.meet(*(public(number) for number in range(1, 5)))
    wire.ask(krpc.PING, public(50), fitting(public(50)))
    wire.give(b"nonsense", public(51))
    wire.dht.get_peers(b"i" * 20, wire.now)
    wire.sent()
    found = wire.dht.statistics()
    (family,) = found.families
    assert (family.family, family.node_id, family.nodes, family.good) == (4, wire.dht.node_id(4), 4, 4)
    assert (family.buckets, family.replacements, family.outstanding, family.lookups, family.joined) == (
        1,
        1,
        4,
        1,
        True,
    )
    assert (found.queries_received, found.answers_sent, found.malformed, found.searches) == (1, 1, 1, 1)
    assert found.datagrams_received == found.replies_received + 2
    assert found.queries_sent == found.replies_received + 4
    assert found.bytes_sent == sum(wire.sizes)
    assert found.bytes_received > 0
    assert (found.unexpected, found.floods, found.refused, found.timeouts, found.blocked_hosts) == (0, 0, 0, 0, 0)
    assert (found.stored_torrents, found.stored_peers, found.waiting) == (0, 0, 0)
