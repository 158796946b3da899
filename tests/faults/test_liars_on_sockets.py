"""Every lie over real sockets to one running client: each ends its own connection with its reason, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

from support import lies
from support.pairs import LOCAL, PATIENCE

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing import peer_messages as messages
from bittorrent_threads.testing.lying_peer import LyingPeer, SocketWire
from bittorrent_threads.testing.peer_messages import message
from bittorrent_threads.testing.simulation.torrent import make_torrent

HALF = 6 * lies.PIECE_LENGTH


def greeted(client: bt.Client, number: int, *, fast: bool = True, extended: bool = False) -> LyingPeer:
    """A connection after a proper handshake."""
    liar = LyingPeer(SocketWire.dial(("127.0.0.1", client.port), timeout=PATIENCE))
    liar.greet(client.infohash, peerid=b"-LY0001-%012d" % number, fast=fast, extended=extended)
    return liar


def close_reason(client: bt.Client) -> str:
    """The reason of the next connection that ends."""
    while True:
        event = client.events.get(timeout=PATIENCE)
        if isinstance(event, events.PeerClosed):
            return event.reason


def test_each_liar_is_closed_with_its_reason_and_the_client_serves_on(tmp_path: Path) -> None:
    torrent = make_torrent(size=lies.SIZE, piece_length=lies.PIECE_LENGTH)
    (tmp_path / torrent.metainfo.name).write_bytes(torrent.content.read(0, HALF))
    cases = [(lie, False) for lie in lies.LIES] + [(lie, True) for lie in lies.EXTENDED_LIES]
    wrong: List[Tuple[str, str]] = []
    with bt.Client(torrent.metainfo, tmp_path, settings=LOCAL) as client:
        client.wait(lambda status: status.pieces_have == 6 and not status.checking, timeout=PATIENCE)
        for number, (lie, extended) in enumerate(cases):
            liar = greeted(client, number, fast=lie.fast, extended=extended)
            liar.say(lie.data)
            liar.hear_all()
            liar.wire.close()
            reason = close_reason(client)
            if lie.reason not in reason:
                wrong.append((lie.name, reason))
        assert wrong == []
        honest = greeted(client, len(cases))
        honest.say(message(messages.INTERESTED))
        honest.hear_until(messages.UNCHOKE)
        at = 5 * lies.PIECE_LENGTH + lies.BLOCK
        assert honest.fetch(5, lies.BLOCK, lies.BLOCK) == torrent.content.read(at, lies.BLOCK)
        honest.wire.close()
        assert client.status().pieces_have == 6
        assert not client.complete
