"""The line about magnet links: from adding one to the first block, with metadata of 100 KiB from one peer.

The peer is a thread here, the same for each program: it sends the metadata as fast as it is asked, and the clock stops
when it sends the first block.  The torrent has no data; nothing behind that block is measured.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
import struct
import threading
import time
from typing import Any, Dict, Optional, Tuple

import bittorrent_threads as bt
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import metadata_exchange

from .bench import Bench, missing
from .child import Child, ChildFailed, python
from .report import Line, Target

TIME = "ms"
LIMIT = 1.2
METADATA = 100 * 1024
"""Bytes of the metadata: almost all are hashes of pieces."""
PIECE_LENGTH = 16 * 1024
PIECES = METADATA // 20 - 8
PATIENCE = 30.0
HOST = "127.0.0.5"
HOSTS = {"ours": "127.0.0.3", "libtorrent": "127.0.0.4"}
OUR_ID = 3
UNCHOKE, INTERESTED, REQUEST, PIECE, HAVE_ALL, EXTENDED = 1, 2, 6, 7, 14, 20
RESERVED = b"\0\0\0\0\0\x10\0\x04"
"""The extension protocol (BEP 10) and the fast extension (BEP 6)."""


class MetadataSeeder:
    """A peer that has the metadata, in a thread of its own; ``first`` is when it sent the first block."""

    def __init__(self, info: bytes) -> None:
        self.info = info
        self.first: Optional[float] = None
        self.done = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="metadata seeder")
        self._connection: Optional[socket.socket] = None

    def __enter__(self) -> MetadataSeeder:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for sock in (self._listener, self._connection):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._connection, _ = self._listener.accept()
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(self._connection)

    def _serve(self, sock: socket.socket) -> None:
        stream = sock.makefile("rb")
        _exactly(stream, 68)
        infohash = hashlib.sha1(self.info).digest()
        offered = {"m": {"ut_metadata": OUR_ID}, "metadata_size": len(self.info)}
        sock.sendall(b"\x13BitTorrent protocol" + RESERVED + infohash + b"-XX0000-metadata se.")
        sock.sendall(_message(EXTENDED, b"\0" + bencode.encode(offered)) + _message(HAVE_ALL) + _message(UNCHOKE))
        theirs = 0
        while self.first is None:
            kind, payload = _read(stream)
            if kind == EXTENDED and payload[0] == 0:
                theirs = int(bencode.decode_prefix(payload[1:], sorted_keys=False)[0][b"m"][b"ut_metadata"])
            elif kind == EXTENDED and payload[0] == OUR_ID:
                piece = metadata_exchange.parse(payload[1:]).piece
                begin = piece * metadata_exchange.PIECE_SIZE
                block = self.info[begin : begin + metadata_exchange.PIECE_SIZE]
                answer = metadata_exchange.data(piece, len(self.info), block)
                sock.sendall(_message(EXTENDED, bytes([theirs]) + answer))
            elif kind == REQUEST:
                index, begin, length = struct.unpack(">III", payload)
                self.first = time.perf_counter()
                self.done.set()
                sock.sendall(_message(PIECE, struct.pack(">II", index, begin) + bytes(length)))


def _message(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), kind) + payload


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _read(stream: Any) -> Tuple[int, bytes]:
    """The id and the payload of the next message that is no keep-alive."""
    while True:
        (length,) = struct.unpack(">I", _exactly(stream, 4))
        if length:
            body = _exactly(stream, length)
            return body[0], body[1:]


def run(bench: Bench, kind: str) -> Dict[str, float]:
    """Add a new link with this program."""
    pieces = os.urandom(20 * PIECES)
    length = PIECES * PIECE_LENGTH
    info = bencode.encode({"length": length, "name": "payload", "piece length": PIECE_LENGTH, "pieces": pieces})
    folder = bench.fresh()
    folder.mkdir()
    command = python("magnet_child", kind=kind, host=HOSTS[kind], directory=str(folder))
    with MetadataSeeder(info) as seeder, Child(command) as child:
        child.answer()
        magnet = bt.Metainfo.from_info(info).magnet(peers=[(HOST, seeder.port)])
        began = time.perf_counter()
        child.tell(magnet=str(magnet))
        if not seeder.done.wait(PATIENCE) or seeder.first is None:
            raise ChildFailed(f"{kind} asked for no block within {PATIENCE:.0f} s")
        taken = seeder.first - began
    bench.remove(folder)
    return {TIME: taken * 1000}


def magnet(bench: Bench) -> Line:
    """From adding a magnet link to the first block: 100 KiB of metadata from one peer."""
    line = Line("magnet", f"from adding a magnet link to the first block, {METADATA // 1024} KiB of metadata")
    kinds = [kind for kind in HOSTS if kind == "ours" or bench.possible(kind)]
    rounds = bench.in_turns({kind: functools.partial(run, bench, kind) for kind in kinds})
    line.figures = rounds.medians()
    ratio, spread = rounds.ratio(TIME, "ours", "libtorrent"), rounds.spread(TIME, "ours", "libtorrent")
    line.targets.append(Target("time over libtorrent's", ratio, "at most", LIMIT, spread))
    line.remarks = missing(["libtorrent"], bench)
    return line
