"""A UDP tracker (BEP 15) in a thread, for torrents that seed to nobody: it answers every announce without a peer."""

from __future__ import annotations

import random
import socket
import struct
import threading
from types import TracebackType
from typing import Optional, Type

INTERVAL = 1800
"""Seconds between announces; the first interval of a torrent is a random part of it, as if it had run for long."""
CONNECT, ANNOUNCE = 0, 1
SIZE = 2048


class UdpTracker:
    """A tracker on loopback, in a ``with`` block."""

    def __enter__(self) -> UdpTracker:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"udp://127.0.0.1:{self._socket.getsockname()[1]}/announce"
        self.announces = 0
        self._thread = threading.Thread(target=self._serve, name="udp tracker")
        self._thread.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            datagram, address = self._socket.recvfrom(SIZE)
            if not datagram:
                return
            _, action, transaction = struct.unpack_from(">QII", datagram)
            answer = struct.pack(">IIQ", CONNECT, transaction, 1)
            if action == ANNOUNCE:
                self.announces += 1
                answer = struct.pack(">IIIII", ANNOUNCE, transaction, random.randint(1, INTERVAL), 0, 1)
            self._socket.sendto(answer, address)
