"""The gate of addresses: names of hosts are resolved, and private torrents take few sources."""

from __future__ import annotations

import pytest
from support.bench import Bench, torrent_of

from bittorrent_threads import events
from bittorrent_threads.swarm.source_shares import Source


def test_a_peer_may_be_a_name() -> None:
    bench = Bench()
    (host, port), guests = bench.open_house()
    bench.web.names["peer.sim"] = [host]
    bench.act(bench.torrent.add_peer, "peer.sim", port)
    bench.run(1)
    assert len(guests) == 1


def test_a_name_that_leads_nowhere_is_told() -> None:
    bench = Bench()
    bench.act(bench.torrent.add_peer, "nowhere.sim", 1)
    bench.run(1)
    assert [event.reason for event in bench.seen(events.PeerUnknown)] == ["nowhere.sim: name or service not known"]


def test_a_link_local_address_needs_its_zone_which_the_system_numbers() -> None:
    bench = Bench()
    address, guests = bench.open_house(host=bench.host("fe80::9%2"))
    bench.web.names["fe80::9%eth0"] = ["fe80::9%2"]
    bench.act(bench.torrent.add_peer, "fe80::9%eth0", address[1])
    bench.act(bench.torrent.add_peer, "fe80::9", address[1])
    bench.act(bench.torrent.learn, [("fe80::9", 1)], Source.TRACKER)
    bench.run(1)
    assert len(guests) == 1
    assert bench.status.known == 1
    (unknown,) = bench.seen(events.PeerUnknown)
    assert unknown.reason == "fe80::9: a link-local address needs its zone, as in fe80::9%eth0"


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
@pytest.mark.parametrize("source", list(Source), ids=lambda source: source.name)
def test_a_private_torrent_learns_peers_from_its_tracker_its_user_and_the_peers_themselves(
    source: Source, private: bool
) -> None:
    bench = Bench(torrent_of(private=private))
    address, guests = bench.open_house()
    bench.act(bench.torrent.learn, [address], source)
    bench.run(1)
    learned = not private or source.name in ("USER", "TRACKER", "INCOMING")
    assert bool(guests) == learned
    assert bench.torrent.peerlist.counts.known == learned
