"""A peer that lies is closed with the reason, and the engine lives on; a peer that is only odd is served."""

from __future__ import annotations

import random
import struct
from typing import List

import pytest
from support import lies
from support.lies import BLOCK, Lie, Truth

from bittorrent_threads import events
from bittorrent_threads.testing import peer_messages as messages
from bittorrent_threads.testing.lying_peer import LyingPeer
from bittorrent_threads.testing.peer_messages import handshake, message
from bittorrent_threads.testing.simulation.network import Internet, SimNetwork
from bittorrent_threads.testing.simulation.swarm import Node, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.wire import SimWire
from bittorrent_threads.testing.simulation.world import World

HAD = range(6)
"""Pieces that the node under test has."""


@pytest.fixture(scope="module")
def torrent() -> SimTorrent:
    return make_torrent(size=lies.SIZE, piece_length=lies.PIECE_LENGTH)


class Bench:
    """One node with half of a torrent, and liars that dial it."""

    def __init__(self, torrent: SimTorrent) -> None:
        self.world = World(11)
        self.swarm: Swarm = make_swarm(self.world, torrent, nodes=1, seeds=0)
        self.node: Node = self.swarm.nodes[0]
        self.node.files.pieces.update(HAD)
        self.infohash = torrent.metainfo.infohash
        self.content = torrent.content
        self.internet: Internet = self.swarm.internet
        self.liars = 0
        self.node.start()
        self.world.run(lambda: self.node.torrent.content.have.count == len(HAD))

    def host(self) -> SimNetwork:
        self.liars += 1
        return self.internet.add(f"10.9.9.{self.liars}")

    def stranger(self, timeout: float = 300) -> LyingPeer:
        """A connection on which nothing was said."""
        return LyingPeer(SimWire.dial(self.host(), self.node.address, timeout=timeout))

    def liar(self, *, fast: bool = True, extended: bool = False) -> LyingPeer:
        """A connection after a proper handshake."""
        liar = self.stranger()
        peerid = b"-LY0001-%012d" % self.liars
        handshaker = liar.greet(self.infohash, peerid=peerid, fast=fast, extended=extended)
        assert handshaker[28:48] == self.infohash
        assert handshaker[48:] == self.node.engine.peerid
        return liar

    def reasons(self) -> List[str]:
        return [closed.reason for closed in self.node.seen(events.PeerClosed)]

    def served(self, peer: LyingPeer) -> None:
        """The node serves this peer."""
        peer.say(message(messages.INTERESTED))
        peer.hear_until(messages.UNCHOKE)
        at = 2 * lies.PIECE_LENGTH + BLOCK
        assert peer.fetch(2, BLOCK, BLOCK) == self.content.read(at, BLOCK)

    def alive(self) -> None:
        """Check that the node serves an honest peer, and that no rule of the network was broken."""
        self.served(self.liar())
        self.swarm.check()


def tell(bench: Bench, lie: Lie, *, extended: bool = False) -> None:
    liar = bench.liar(fast=lie.fast, extended=extended)
    liar.say(lie.data)
    liar.hear_all()
    (reason,) = bench.reasons()
    assert lie.reason in reason
    bench.alive()


@pytest.mark.parametrize("lie", lies.LIES, ids=lambda lie: lie.name)
def test_a_lie_ends_the_connection_with_the_reason(torrent: SimTorrent, lie: Lie) -> None:
    tell(Bench(torrent), lie)


@pytest.mark.parametrize("lie", lies.EXTENDED_LIES, ids=lambda lie: lie.name)
def test_a_wrong_extension_handshake_ends_the_connection(torrent: SimTorrent, lie: Lie) -> None:
    tell(Bench(torrent), lie, extended=True)


@pytest.mark.parametrize("lie", lies.UNFINISHED, ids=lambda lie: lie.name)
def test_what_does_not_go_on_ends_after_a_while(torrent: SimTorrent, lie: Lie) -> None:
    bench = Bench(torrent)
    start = bench.world.now
    tell(bench, lie)
    assert 59 <= bench.world.now - start <= 130


@pytest.mark.parametrize("truth", lies.TRUTHS, ids=lambda truth: truth.name)
def test_what_is_only_odd_is_borne(torrent: SimTorrent, truth: Truth) -> None:
    bench = Bench(torrent)
    peer = bench.liar(fast=truth.fast)
    peer.say(truth.data)
    bench.served(peer)
    assert bench.reasons() == []
    bench.alive()


def test_noise_ends_the_connection_some_day(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    for noise in lies.NOISE:
        stranger = bench.stranger()
        stranger.say(noise)
        assert stranger.hear_all() == []
        liar = bench.liar()
        liar.say(noise)
        liar.hear_all()
    assert len(bench.reasons()) == len(lies.NOISE)
    assert all(bench.reasons())
    bench.alive()


def test_damaged_conversations_never_raise(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    chance = random.Random(5)
    sane = b"".join(
        [
            message(messages.EXTENDED, payload=b"\x00d1:pi6881e1:v4:liare"),
            message(messages.BITFIELD, payload=b"\xff\xe0"),
            message(messages.UNCHOKE),
            message(messages.INTERESTED),
            message(messages.REQUEST, 1, 0, BLOCK),
            message(messages.PIECE, 9, 0, payload=bytes(40)),
            message(messages.CANCEL, 1, 0, BLOCK),
            message(messages.HAVE, 7),
            message(messages.REJECT, 9, 0, BLOCK),
            bytes(4),
        ]
    )
    for _ in range(150):
        liar = bench.liar(fast=chance.random() < 0.5, extended=chance.random() < 0.5)
        damaged = bytearray(sane)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        liar.say(bytes(damaged))
        bench.world.run(bench.world.now + 1)
        liar.wire.close()
        bench.world.run(bench.world.now + 1)
    assert not bench.node.torrent.peers
    bench.alive()


# -- handshakes --------------------------------------------------------------------------------------------------------


def test_a_stranger_that_drips_gets_no_more_time(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    start = bench.world.now
    stranger = bench.stranger()
    for byte in handshake(bench.infohash):
        stranger.say(bytes([byte]))
        bench.world.run(bench.world.now + 1)
    assert stranger.hear_all() == []
    assert bench.node.engine.connection_limit.connections == 0
    assert bench.world.now - start < 75
    bench.alive()


def test_silent_strangers_are_shown_the_door(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    strangers = [bench.stranger() for _ in range(5)]
    bench.world.run(bench.world.now + 11)
    assert bench.node.engine.connection_limit.connections == 0
    assert all(stranger.hear_all() == [] for stranger in strangers)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n" + bytes(60),
        b"\x12" + handshake(bytes(20))[1:],
        b"\x13BitTorrent Protocol" + bytes(48),
        handshake(b"no torrent has this."),
    ],
    ids=["HTTP", "a wrong length", "a wrong protocol", "an unknown torrent"],
)
def test_a_wrong_handshake_is_not_answered(torrent: SimTorrent, data: bytes) -> None:
    bench = Bench(torrent)
    stranger = bench.stranger()
    stranger.say(data)
    assert stranger.hear_all() == []
    bench.alive()


def answered(bench: Bench, reply: bytes) -> str:
    """The reason why a peer that we dialled and that answers so was closed."""
    host = bench.host()
    wires = SimWire.listen(host, 6881)
    bench.node.act(bench.node.torrent.add_peer, host.name, 6881)
    bench.world.run(lambda: bool(wires))
    peer = LyingPeer(wires[0])
    assert peer.wire.receive(68)[28:48] == bench.infohash
    peer.say(reply)
    peer.hear_all()
    return bench.reasons()[0]


def test_a_wrong_answer_to_our_handshake_ends_the_connection(torrent: SimTorrent) -> None:
    assert answered(Bench(torrent), b"SSH-2.0-OpenSSH_9.2\r\n") == "not a BitTorrent handshake"
    assert answered(Bench(torrent), handshake(bytes(20))) == "wrong infohash"
    assert "no handshake within" in answered(Bench(torrent), b"")
    bench = Bench(torrent)
    assert "ourselves" in answered(bench, handshake(bench.infohash, peerid=bench.node.engine.peerid))


def test_what_follows_the_handshake_in_the_same_segment_is_read(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    stranger = bench.stranger()
    stranger.say(handshake(bench.infohash), message(messages.HAVE, lies.PIECE_COUNT))
    stranger.hear_all()
    assert bench.reasons() == [f"have of piece {lies.PIECE_COUNT}, there are {lies.PIECE_COUNT}"]


# -- behaviour ---------------------------------------------------------------------------------------------------------


def test_wrong_blocks_get_the_liar_banned_and_the_piece_is_not_kept(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    host = bench.host()
    liar = LyingPeer(SimWire.dial(host, bench.node.address))
    liar.greet(bench.infohash)
    liar.say(message(messages.HAVE_ALL), message(messages.UNCHOKE))
    asked: List[int] = []
    while not asked or asked[-1] != lies.PIECE_COUNT - 1 or bench.node.seen(events.PieceFailed):
        index, begin, length = struct.unpack(">III", liar.hear_until(messages.REQUEST))
        asked.append(index)
        liar.say(message(messages.PIECE, index, begin, payload=b"\x66" * length))
        if index == lies.PIECE_COUNT - 1:
            break
    bench.world.run(lambda: bool(bench.node.seen(events.PeerBanned)), limit=120)
    (banned, *_) = bench.node.seen(events.PeerBanned)
    assert banned.address[0] == host.name
    assert "sent bad data in piece" in bench.reasons()[0]
    assert bench.node.torrent.content.have.count == len(HAD)
    liar.hear_all()
    assert isinstance(liar.wire, SimWire)
    assert liar.wire.closed
    bench.alive()


def test_a_peer_that_asks_and_never_reads_costs_a_bounded_send_buffer(torrent: SimTorrent) -> None:
    bench = Bench(torrent)
    liar = bench.liar()
    bench.served(liar)
    blocks = [(index, begin) for index in HAD for begin in range(0, lies.PIECE_LENGTH - 8000, 500)]
    for index, begin in blocks:
        liar.say(message(messages.REQUEST, index, begin, 8000))
    bench.world.run(bench.world.now + 30)
    (peer,) = bench.node.torrent.peers
    assert peer.stream.backlog <= bench.node.engine.settings.send_high_water
    bench.alive()
