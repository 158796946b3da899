"""The child that does the least that a transfer must do, without a protocol: what other figures are measured against.

    python -m benchmarks.floor '{"path": …, "size": …, "piece_length": …, "host": …, "seed": …}'

Downloading, one thread receives into large buffers, and another takes the SHA-1 of each piece and writes it to the
file.  Seeding, one thread reads the file and sends what it read.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import socket
import sys
import threading
from typing import Any, Dict, Optional, Sequence, Tuple

from . import node
from .data import MIB

BUFFERS = 32
"""Buffers between the two threads that download."""


class Downloader:
    """Receives ``size`` bytes from the first peer that it is told of."""

    def __init__(self, path: str, size: int, piece_length: int) -> None:
        self._path = path
        self._size = size
        self._piece_length = piece_length
        self._received = 0
        self._free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Tuple[bytearray, int]] = queue.SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(bytearray(max(MIB, piece_length)))
        self._writer = threading.Thread(target=self._write, name="floor-write", daemon=True)
        self._writer.start()

    def dial(self, peers: Sequence[node.Address]) -> None:
        threading.Thread(target=self._receive, args=(peers[0],), name="floor-receive", daemon=True).start()

    def complete(self) -> bool:
        return not self._writer.is_alive()

    def received(self) -> int:
        return self._received

    def _receive(self, address: node.Address) -> None:
        with socket.create_connection(address) as sock:
            while self._received < self._size:
                buffer = self._free.get()
                view = memoryview(buffer)
                wanted, filled = min(len(buffer), self._size - self._received), 0
                while filled < wanted:
                    count = sock.recv_into(view[filled:wanted])
                    if not count:
                        raise SystemExit("the other end closed the connection")
                    filled += count
                self._received += filled
                self._full.put((buffer, filled))

    def _write(self) -> None:
        offset = 0
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        while offset < self._size:
            buffer, filled = self._full.get()
            view = memoryview(buffer)[:filled]
            for begin in range(0, filled, self._piece_length):
                hashlib.sha1(view[begin : begin + self._piece_length]).digest()
            done = 0
            while done < filled:
                done += os.pwrite(descriptor, view[done:], offset + done)
            offset += filled
            self._free.put(buffer)
        os.close(descriptor)


class Seeder:
    """Sends the whole file to whoever connects."""

    def __init__(self, path: str, size: int, host: str) -> None:
        self._path = path
        self._size = size
        self._listener = socket.create_server((host, 0))
        self.address: node.Address = self._listener.getsockname()[:2]
        threading.Thread(target=self._serve, name="floor-send", daemon=True).start()

    def dial(self, peers: Sequence[node.Address]) -> None:
        raise NotImplementedError("the floor's seeder is dialled")

    def complete(self) -> bool:
        return True

    def received(self) -> int:
        return 0

    def _serve(self) -> None:
        buffer = memoryview(bytearray(MIB))
        while True:
            sock, _ = self._listener.accept()
            with sock, open(self._path, "rb", buffering=0) as file:
                count: Optional[int] = file.readinto(buffer)
                while count:
                    sock.sendall(buffer[:count])
                    count = file.readinto(buffer)


def main(options: Dict[str, Any]) -> None:
    """Serve the data, or receive it, until the parent process ends it."""
    if options["seed"]:
        seeder = Seeder(options["path"], options["size"], options["host"])
        node.serve(seeder, [seeder.address], busy=False)
    else:
        node.serve(Downloader(options["path"], options["size"], options["piece_length"]), [], busy=False)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
