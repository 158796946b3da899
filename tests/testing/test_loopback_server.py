"""A server on loopback: a thread a connection, and an end in bounded time."""

from __future__ import annotations

import socket
import time

import pytest

from bittorrent_threads.testing.leaks import no_leaks
from bittorrent_threads.testing.loopback_server import LoopbackServer


def echo(sock: socket.socket) -> None:
    while True:
        data = sock.recv(100)
        if not data:
            raise EOFError
        sock.sendall(data)


def test_connections_are_served_at_the_same_time_and_closed_with_the_block() -> None:
    with no_leaks():
        with LoopbackServer(echo, host="127.0.0.1", name="echo") as server:
            socks = [socket.create_connection(server.address, 10) for _ in range(3)]
            for sock in socks:
                sock.sendall(b"hello")
            assert [sock.recv(5) for sock in socks] == [b"hello"] * 3
            began = time.monotonic()
        assert time.monotonic() - began < 5
        for sock in socks:
            with sock:
                assert sock.recv(5) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address, 10)


def test_a_port_can_be_asked_for() -> None:
    with (
        LoopbackServer(echo, host="127.0.0.1", name="echo") as first,
        pytest.raises(OSError, match="in use"),
        LoopbackServer(echo, host="127.0.0.1", port=first.address[1], name="second"),
    ):
        pass
