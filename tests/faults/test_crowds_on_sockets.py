"""Crowds over real sockets: silent connections, and one peer with hundreds of ports."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Iterator

from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.testing.lying_peer import LyingPeer, SocketWire
from bittorrent_threads.testing.peer_messages import EXTENDED, INTERESTED, UNCHOKE, message


def dialled(client: bt.Client, host: str) -> socket.socket:
    """A connection from one of the addresses of this machine."""
    return socket.create_connection(("127.0.0.1", client.port), PATIENCE, source_address=(host, 0))


@contextlib.contextmanager
def greeted(client: bt.Client, *, extended: bool = False) -> Iterator[LyingPeer]:
    """A connection whose handshake was answered."""
    with contextlib.closing(SocketWire.dial(("127.0.0.1", client.port), timeout=PATIENCE)) as wire:
        peer = LyingPeer(wire)
        peer.greet(client.infohash, extended=extended)
        yield peer


def test_silent_connections_keep_no_peer_out(tmp_path: Path) -> None:
    settings = LOCAL.replace(max_connections=30, handshake_timeout=600.0)
    with seeder(tmp_path, settings=settings) as client, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(dialled(client, "127.0.0.2")) for _ in range(110)]
        peer = stack.enter_context(greeted(client))
        client.wait(lambda status: status.connected == 1, timeout=PATIENCE)
        closed = 0
        for sock in silent:
            sock.settimeout(PATIENCE if closed < 81 else 0.0)
            try:
                closed += sock.recv(1) == b""
            except BlockingIOError:
                continue
        assert closed == 81, "the oldest of them, and one for the peer"
        peer.say(message(INTERESTED))
        peer.hear_until(UNCHOKE)
        assert peer.fetch(0, 0, 100) == SMALL.stream()[:100]


def test_one_peer_with_hundreds_of_ports(tmp_path: Path) -> None:
    with seeder(tmp_path) as client, greeted(client, extended=True) as peer:
        ports = range(65535, 65035, -1)
        peer.say(*[message(EXTENDED, payload=b"\0" + bencode.encode({"m": {}, "p": port})) for port in ports])
        peer.say(message(INTERESTED))
        peer.hear_until(UNCHOKE)
        assert peer.fetch(0, 0, 100) == SMALL.stream()[:100], "all of it was read"
        client.wait(lambda status: status.known > 0, timeout=PATIENCE)
        assert client.status().known == 1
