"""The lying peer itself: the same story over a socket and in virtual time."""

from __future__ import annotations

import contextlib
import socket
from typing import Callable, Iterator, List, Tuple

import pytest

from bittorrent_threads.testing import peer_messages as messages
from bittorrent_threads.testing.lying_peer import HungUp, LyingPeer, SocketWire
from bittorrent_threads.testing.peer_messages import message
from bittorrent_threads.testing.simulation.network import Internet
from bittorrent_threads.testing.simulation.wire import SimWire
from bittorrent_threads.testing.simulation.world import World

INFOHASH = b"i" * 20

Ends = Tuple[LyingPeer, LyingPeer]


@contextlib.contextmanager
def over_sockets() -> Iterator[Ends]:
    here, there = socket.socketpair()
    with here, there:
        yield LyingPeer(SocketWire(here, timeout=0.2)), LyingPeer(SocketWire(there, timeout=0.2))


@contextlib.contextmanager
def in_virtual_time() -> Iterator[Ends]:
    internet = Internet(World(1))
    accepted: List[SimWire] = SimWire.listen(internet.add("10.0.0.1"), 6881, timeout=2)
    dialled = SimWire.dial(internet.add("10.0.0.2"), ("10.0.0.1", 6881), timeout=2)
    yield LyingPeer(dialled), LyingPeer(accepted[0])


@pytest.fixture(params=[over_sockets, in_virtual_time])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    make: Callable[[], contextlib.AbstractContextManager[Ends]] = request.param
    with make() as both:
        yield both


def test_messages_are_framed() -> None:
    assert message(messages.CHOKE) == b"\0\0\0\1\0"
    assert message(messages.HAVE, 7) == b"\0\0\0\5\4\0\0\0\7"
    assert message(messages.PIECE, 1, 2, payload=b"abc") == b"\0\0\0\x0c\7\0\0\0\1\0\0\0\2abc"
    handshaker = messages.handshake(INFOHASH, fast=True, extended=True)
    assert handshaker == b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04" + INFOHASH + messages.PEERID


def test_two_liars_can_talk(ends: Ends) -> None:
    one, other = ends
    other.say(messages.handshake(INFOHASH, fast=False))
    assert one.greet(INFOHASH)[28:48] == INFOHASH
    assert other.wire.receive(68)[27] == messages.FAST_BIT
    other.say(bytes(4), message(messages.HAVE, 3), message(messages.PIECE, 0, 0, payload=b"no"))
    other.say(message(messages.PIECE, 1, 2, payload=b"yes"))
    assert one.hear() == (messages.KEEPALIVE, b"")
    assert one.hear_until(messages.HAVE) == b"\0\0\0\3"
    assert one.fetch(1, 2, 3) == b"yes"
    assert other.hear() == (messages.REQUEST, b"\0\0\0\1\0\0\0\2\0\0\0\3")


def test_a_wait_for_nothing_ends(ends: Ends) -> None:
    one, _ = ends
    with pytest.raises(TimeoutError):
        one.hear_all()


def test_whoever_hangs_up_is_noticed(ends: Ends) -> None:
    one, other = ends
    other.say(message(messages.UNCHOKE), b"\0\0")
    other.wire.close()
    assert one.hear_all() == [(messages.UNCHOKE, b"")]
    with pytest.raises(HungUp):
        one.hear()
    for _ in range(2):
        one.say(b"anybody?")


def test_nobody_to_dial() -> None:
    internet = Internet(World(1))
    with pytest.raises(HungUp, match="refused"):
        SimWire.dial(internet.add("10.0.0.1"), ("10.0.0.1", 6881))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(HungUp):
            SocketWire.dial(free.getsockname())
