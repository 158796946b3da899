from __future__ import annotations

import socket

import pytest
from support.loopback import free_port

from bittorrent_threads.net.sockets import Socket, pair, server


def test_a_pair_is_connected() -> None:
    first, second = pair()
    with first, second:
        first.sendall(b"x")
        assert second.recv(10) == b"x"
        assert isinstance(first, Socket)
        assert first.family == second.family


def test_a_server_accepts_its_own_kind_whatever_socket_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with server("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()) as client:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", None)
            accepted, address = listener.accept()
        with accepted:
            assert type(accepted) is Socket
            assert address == client.getsockname()
            accepted.sendall(b"x")
            assert client.recv(10) == b"x"


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_a_server_listens_everywhere_or_for_one_family() -> None:
    with server("::", 0, everywhere=True) as listener:
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, listener.getsockname()[1])).close()
    with server("::1", 0) as listener, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]))


def test_a_port_that_is_taken() -> None:
    port = free_port()
    with server("127.0.0.1", port), pytest.raises(OSError, match="in use"):
        server("127.0.0.1", port)
