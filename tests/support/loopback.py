"""Loopback sockets for tests of ``net``: stream owners that a test can wait for, connected pairs, child processes."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.stream import TcpStream

PATIENCE = 30.0
"""Seconds after which a wait fails."""
ROOT = Path(__file__).resolve().parents[2]
PORTS = range(20000, 32000)
"""Below the ephemeral ports, so that the system assigns none of these between check and use."""


class Recorder:
    """Owner of a stream: records its callbacks; a test waits for a condition on it."""

    def __init__(self, on_received: Optional[Callable[[bytes], None]] = None) -> None:
        self.connected = False
        self.received = bytearray()
        self.reads: List[int] = []
        self.drained = 0
        self.reason = ""
        self.closes = 0
        self._on_received = on_received
        self._changed = threading.Condition()

    def on_connected(self) -> None:
        with self._changed:
            self.connected = True
            self._changed.notify_all()

    def on_received(self, data: memoryview) -> None:
        with self._changed:
            self.received += data
            self.reads.append(len(data))
            self._changed.notify_all()
        if self._on_received is not None:
            self._on_received(bytes(data))

    def on_drained(self) -> None:
        with self._changed:
            self.drained += 1
            self._changed.notify_all()

    def on_closed(self, reason: str) -> None:
        with self._changed:
            self.reason = reason
            self.closes += 1
            self._changed.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until ``condition`` holds; raise AssertionError after a timeout."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), vars(self)

    def wait_received(self, size: int) -> None:
        """Wait until at least ``size`` bytes were received in all."""
        self.wait(lambda: len(self.received) >= size)


class Plain:
    """Return a listening blocking socket: the other end of a dial."""

    def __init__(self, family: int = socket.AF_INET, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.bind((host, 0))
        self.socket.listen()
        self.socket.settimeout(PATIENCE)
        self.address: Tuple[str, int] = (host, self.socket.getsockname()[1])

    def accept(self) -> socket.socket:
        sock, _ = self.socket.accept()
        sock.settimeout(PATIENCE)
        return sock

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()


def dialled(loop: Loop, plain: Plain, handler: Recorder) -> Tuple[TcpStream, socket.socket]:
    """Return a connected stream of ``loop``, and the plain socket at its other end."""
    stream = loop.call(lambda: loop.connect(plain.address, handler, PATIENCE))
    sock = plain.accept()
    handler.wait(lambda: handler.connected)
    loop.call(int)  # the stream is connected within a pass, and registered for reading at the end of the pass
    return stream, sock


def close_all(loop: Loop, pairs: Iterable[Tuple[TcpStream, socket.socket]]) -> None:
    """Close both ends of each pair."""
    for stream, sock in pairs:
        loop.call(stream.close)
        sock.close()


def received_by(sock: socket.socket, size: int) -> bytes:
    """Receive ``size`` bytes, or fewer at the end of the stream."""
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(65536, size - len(data)))
        if not part:
            break
        data += part
    return bytes(data)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a random port of ``PORTS`` on which nothing listens."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def run_child(program: str, *arguments: str, expect: int = 0) -> str:
    """Run a Python program that can import the library and ``support``; return its output."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command: Sequence[str] = [sys.executable, "-W", "error::ResourceWarning", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def memory(field: str) -> int:
    """Return the resident memory of this process in bytes: now (``VmRSS``) or its peak (``VmHWM``), on Linux.

    Not ``ru_maxrss``: in a child it begins with the peak of the parent.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    (kib,) = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(kib) * 1024
