"""Floods over real sockets: what is taken of a flooder is bounded, and an honest download goes on beside it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Dict, Iterator

import pytest
from support.pairs import LOCAL, PATIENCE, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing import peer_messages as messages
from bittorrent_threads.testing.bencode import bencode
from bittorrent_threads.testing.lying_peer import HungUp, LyingPeer, SocketWire
from bittorrent_threads.testing.peer_messages import handshake, message
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

WIDE = 490_000
"""Pieces; work for each of them is felt."""
KERNEL = 16 * MIB
"""Bytes that the socket buffers of both ends take, at most."""
CONTENT = SampleTorrent(24 * MIB, piece_length=256 * KIB, name="flooded")

FLOODS: Dict[str, bytes] = {
    "keep-alives": bytes(4),
    "haves": message(messages.HAVE, 1),
    "extension handshakes": message(messages.EXTENDED, payload=b"\0d1:md1:ai1eee"),
    "requests and cancels": message(messages.REQUEST, 0, 0, 16384) + message(messages.CANCEL, 0, 0, 16384),
}


class Flooder(threading.Thread):
    """Sends one message again and again as fast as it is taken, and reads nothing, until it is told to end."""

    def __init__(self, client: bt.Client, data: bytes, number: int) -> None:
        super().__init__(name=f"flooder {number}")
        self.taken = 0
        self._data = data * (MIB // len(data))
        self._over = False
        self._socket = socket.create_connection(("127.0.0.1", client.port), PATIENCE)
        peerid = b"-FL0001-%012d" % number
        self._socket.sendall(handshake(client.infohash, peerid=peerid, extended=True))
        self._socket.settimeout(0.1)

    def run(self) -> None:
        view = memoryview(self._data)
        at = 0
        while not self._over:
            try:
                size = self._socket.send(view[at:])
            except socket.timeout:
                continue
            except OSError:
                break
            self.taken += size
            at = (at + size) % len(view)

    def end(self) -> None:
        self._over = True
        self.join(PATIENCE)
        self._socket.close()


@contextlib.contextmanager
def flooded(client: bt.Client, data: bytes, count: int) -> Iterator[list[Flooder]]:
    flooders = [Flooder(client, data, number) for number in range(count)]
    for flooder in flooders:
        flooder.start()
    try:
        yield flooders
    finally:
        for flooder in flooders:
            flooder.end()


@pytest.mark.parametrize("name", FLOODS)
def test_an_honest_download_goes_on_beside_a_flood_that_is_hardly_read(name: str, tmp_path: Path) -> None:
    flood = FLOODS[name]
    with (
        seeder(tmp_path / "seed", CONTENT) as seed,
        bt.Client(CONTENT.metainfo(), tmp_path / "down", settings=LOCAL) as down,
    ):
        down.wait(lambda status: status.state == "active" and down.port != 0, timeout=PATIENCE)
        began = time.monotonic()
        with flooded(down, flood, 3) as flooders:
            down.add_peer("127.0.0.1", seed.port)
            down.wait(timeout=PATIENCE)
            seconds = time.monotonic() - began
            taken = max(flooder.taken for flooder in flooders)
        share = (0.1 + 0.05 * seconds) / 1e-6 * len(flood)
        assert taken <= KERNEL + 2 * share, f"{taken} bytes in {seconds:.1f} s"


def test_have_all_again_and_again_for_many_pieces_costs_nothing(tmp_path: Path) -> None:
    info = {"length": WIDE * 16 * KIB, "name": "wide", "piece length": 16 * KIB, "pieces": bytes(20 * WIDE)}
    with bt.Client(bencode({"info": info}), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        before = time.process_time()
        liar = LyingPeer(SocketWire.dial(("127.0.0.1", client.port), timeout=PATIENCE))
        liar.greet(client.infohash)
        liar.say(message(messages.HAVE_ALL) * 13_000)
        liar.hear_all()
        liar.wire.close()
        assert time.process_time() - before < 2.0, "it was 12 s"
        closed = next(event for event in client if isinstance(event, events.PeerClosed))
        assert closed.reason == "said a second time what it has, and nothing new"


def test_empty_bitfields_without_end_take_no_memory(tmp_path: Path) -> None:
    content = SampleTorrent(256 * KIB, piece_length=16 * KIB, name="bits")
    with bt.Client(content.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        data = message(messages.BITFIELD, payload=bytes(2)) * 1_000_000
        tracemalloc.start()
        try:
            wire = SocketWire.dial(("127.0.0.1", client.port), timeout=PATIENCE)
            LyingPeer(wire).greet(client.infohash)
            with contextlib.suppress(HungUp, TimeoutError):
                wire.send(data)
            closed = next(event for event in client if isinstance(event, events.PeerClosed))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        wire.close()
        assert closed.reason == "said a second time what it has, and nothing new"
        assert peak < 16 * MIB
