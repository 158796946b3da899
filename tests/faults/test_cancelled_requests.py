"""A peer that cancels requests: over a real socket, what the system has not taken is not sent."""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path
from typing import Generator, List, Tuple

import pytest
from support.pairs import PATIENCE, seeder

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.testing.peer_messages import (
    CANCEL,
    INTERESTED,
    PIECE,
    REJECT,
    REQUEST,
    UNCHOKE,
    handshake,
    message,
)
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

SAMPLE = SampleTorrent(24 * MIB, piece_length=256 * KIB, name="cancelled")
BLOCKS = [
    (number * BLOCK // (256 * KIB), number * BLOCK % (256 * KIB), BLOCK) for number in range(SAMPLE.size // BLOCK)
]


def messages(sock: socket.socket) -> Generator[Tuple[int, bytes], None, None]:
    """Id and payload of each message; ends with the connection."""
    with sock.makefile("rb") as file:
        assert len(file.read(68)) == 68
        while True:
            (length,) = struct.unpack(">I", file.read(4))
            if length:
                body = file.read(length)
                yield body[0], body[1:]


@pytest.mark.parametrize("fast", [True, False])
def test_a_block_that_the_system_has_not_taken_is_not_sent(tmp_path: Path, fast: bool) -> None:
    with contextlib.ExitStack() as stack:
        seed = stack.enter_context(seeder(tmp_path, SAMPLE))
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", seed.port), PATIENCE))
        heard = stack.enter_context(contextlib.closing(messages(sock)))
        sock.sendall(handshake(SAMPLE.infohash, fast=fast) + message(INTERESTED))
        assert next(kind for kind, _ in heard if kind == UNCHOKE) == UNCHOKE
        sock.sendall(b"".join(message(REQUEST, *block) for block in BLOCKS))
        exchange = seed._handle.torrent.content.exchange

        def taken() -> int:
            """Bytes of blocks that the system took, once the peer blocks and nothing is read from the disk; else 0."""
            (peer,) = exchange
            reads = peer.uploader._reading
            return 0 if reads or not peer.stream.blocked or not peer.stream.backlog else peer.uploader.uploaded

        seed.wait(lambda status: seed._handle.call(taken) > 0, timeout=PATIENCE)
        before = seed._handle.call(taken)
        waiting = seed._handle.call(lambda: sum(peer.stream.backlog for peer in exchange))
        assert waiting > 4 * BLOCK, "there is something to take back"
        last = BLOCKS[-1]
        # All of it is cancelled but one block behind, whose arrival shows that nothing else is to come.
        cancelled = [block for block in BLOCKS if block != last]
        sock.sendall(b"".join(message(CANCEL, *block) for block in cancelled))
        sent: List[Tuple[int, int, int]] = []
        rejected: List[Tuple[int, int, int]] = []
        for kind, payload in heard:
            if kind == PIECE:
                index, begin = struct.unpack_from(">II", payload)
                sent.append((index, begin, len(payload) - 8))
                if sent[-1] == last:
                    break
            elif kind == REJECT:
                rejected.append(struct.unpack(">III", payload))
        assert len(sent) - 1 <= before // BLOCK + 1, "only what the system had, and the block of which it had a part"
        assert len(set(sent)) == len(sent)
        assert rejected == ([] if not fast else sorted(rejected))
        assert set(rejected) == (set(cancelled) - set(sent) if fast else set())
        seed.wait(lambda status: status.uploaded == len(sent) * BLOCK, timeout=PATIENCE)
