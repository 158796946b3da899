"""What peers and the DHT are told of a torrent; a private one sends nothing to the DHT, which a listener counts."""

from __future__ import annotations

from typing import Any, Tuple

from support.bench import MOMENT, PIECE_LENGTH, SIZE, Guest, torrent_of
from support.dht import PORT, DhtBench, Listener
from support.magnet import info_of, receive_info

from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet
from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol.handshake import DHT_BIT, DHT_BYTE
from bittorrent_threads.status import DhtSearchStatus
from bittorrent_threads.testing.peer_messages import handshake
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent

HOURS = 3600.0


def dht_bit(guest: Guest) -> bool:
    """Whether the engine set the bit of the DHT in its handshake."""
    return bool(guest.handshaker[20 + DHT_BYTE] & DHT_BIT)


def node_handshake(torrent: SimTorrent) -> bytes:
    """The handshake of a peer with the fast extension and the bit of the DHT."""
    plain = handshake(torrent.metainfo.infohash, peerid=b"-GU0001-000000000001", fast=True)
    byte = 20 + DHT_BYTE
    return plain[:byte] + bytes([plain[byte] | DHT_BIT]) + plain[byte + 1 :]


def node_guest(bench: DhtBench, port: int = PORT) -> Guest:
    """A peer that has a node of the DHT, and says so."""
    guest = bench.stranger()
    guest.say(node_handshake(guest.torrent), messages.HAVE_NONE_MESSAGE, messages.port(port))
    return guest


# -- the PORT message ------------------------------------------------------------------------------------------------


def test_a_peer_with_a_node_is_told_our_port_and_its_node_is_asked() -> None:
    bench = DhtBench(0, state="active")
    guest = node_guest(bench)
    assert dht_bit(guest)
    assert guest.heard(messages.PORT) == [(messages.PORT, PORT.to_bytes(2, "big"))]


def test_the_node_of_a_peer_is_asked_once() -> None:
    bench = DhtBench(0, state="active")
    host = bench.host("10.6.0.1")
    node = Listener(host, 7000)
    guest = bench.stranger(host)
    guest.greet(peerid=b"-GU0001-000000000001")
    guest.say(messages.HAVE_NONE_MESSAGE, messages.port(0), *[messages.port(7000)] * 50, messages.port(7001))
    bench.run(1)
    assert node.queries[0] == "ping"
    assert len(node.datagrams) == 1
    assert guest.heard(messages.PORT) == [], "it did not say that it has a node"


def test_before_the_metadata_is_known_the_ports_are_exchanged_too() -> None:
    bench = DhtBench(0, state="active")
    torrent = torrent_of(seed=2)
    magnet = bench.engine.add(
        Magnet(InfoHash(v1=torrent.metainfo.infohash)),
        TorrentParams("downloads"),
        Recorder(bench.events.append),
    )
    bench.disk.hold(torrent)
    bench.act(magnet.set_state, "active")
    host = bench.host("10.6.0.1")
    node = Listener(host, 7000)
    guest = bench.stranger(host, torrent)
    guest.say(node_handshake(torrent), messages.port(7000))
    bench.run(MOMENT)
    assert guest.heard(messages.PORT) == [(messages.PORT, PORT.to_bytes(2, "big"))]
    assert node.queries
    bench.act(receive_info, magnet, info_of(torrent))
    bench.run(1)
    assert [peer.dht_port for peer in magnet.peers] == [7000]


# -- private torrents ------------------------------------------------------------------------------------------------


def watched(torrent: SimTorrent, **settings: Any) -> Tuple[DhtBench, Listener]:
    """A bench whose only router listens and counts."""
    bench = DhtBench(0, torrent=torrent, **settings)
    return bench, Listener(bench.internet.add("10.3.0.1"))


def test_a_private_torrent_sends_nothing_to_the_dht() -> None:
    nodes = [("10.6.0.2", PORT)]
    bench, router = watched(make_torrent(size=SIZE, piece_length=PIECE_LENGTH, private=True, nodes=nodes))
    named = Listener(bench.internet.add("10.6.0.2"))
    host = bench.host("10.6.0.1")
    node = Listener(host, 7000)
    bench.set_state("active")
    guest = bench.stranger(host)
    guest.say(node_handshake(bench.content), messages.HAVE_NONE_MESSAGE, messages.port(7000))
    bench.act(bench.torrent.reannounce)
    bench.run(2 * HOURS)
    assert router.datagrams == node.datagrams == named.datagrams == []
    assert guest.greeted
    assert not dht_bit(guest)
    assert guest.heard(messages.PORT) == []
    assert bench.status.dht == DhtSearchStatus(state="private")
    public = torrent_of(seed=2)
    bench.disk.hold(public)
    bench.act(bench.add(public).set_state, "active")
    bench.run(60)
    assert router.datagrams, "the listener works"


def test_with_a_public_torrent_beside_it_a_private_one_is_not_announced() -> None:
    bench = DhtBench(torrent=torrent_of(private=True), state="active")
    public = torrent_of(seed=2)
    bench.disk.hold(public)
    bench.act(bench.add(public).set_state, "active")
    bench.run(0.5 * HOURS)
    assert bench.heard("announce_peer") == bench.heard("get_peers") == {public.metainfo.infohash}


def test_a_magnet_that_turns_out_private_leaves_the_dht() -> None:
    bench = DhtBench(8)
    torrent = make_torrent(seed=3, size=SIZE, piece_length=PIECE_LENGTH, private=True)
    bench.disk.hold(torrent)
    magnet = bench.engine.add(
        Magnet(InfoHash(v1=torrent.metainfo.infohash)),
        TorrentParams("downloads"),
        Recorder(bench.events.append),
    )
    bench.act(magnet.set_state, "active")
    bench.run(60)
    assert bench.node.running
    assert bench.heard("announce_peer") == {torrent.metainfo.infohash}
    bench.act(receive_info, magnet, info_of(torrent))
    assert not bench.node.running
    sent = bench.network.datagram_sockets[4].sent
    bench.run(2 * HOURS)
    assert bench.network.datagram_sockets[4].sent == sent


def test_without_the_dht_nothing_is_sent() -> None:
    bench, router = watched(torrent_of())
    bench.settings = bench.settings.replace(dht=False)
    bench.boot()
    bench.torrent = bench.add(bench.content)
    bench.set_state("active")
    guest = node_guest(bench)
    bench.run(2 * HOURS)
    assert router.datagrams == []
    assert not dht_bit(guest)
    assert guest.heard(messages.PORT) == []
    assert bench.status.dht == DhtSearchStatus()
