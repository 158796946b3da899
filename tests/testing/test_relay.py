"""The relay: bytes pass unchanged, half a round trip later, at the rate, and the end passes too."""

from __future__ import annotations

import socket
import time
from typing import Tuple

import pytest

from bittorrent_threads.testing import Relay, no_leaks


def connected(relay: Relay, listener: socket.socket) -> Tuple[socket.socket, socket.socket]:
    near = socket.create_connection(relay.address, 10)
    far, _ = listener.accept()
    far.settimeout(10)
    return near, far


def received(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            break
        data += part
    return bytes(data)


def test_bytes_pass_both_ways_after_half_a_round_trip_each() -> None:
    with no_leaks(), socket.create_server(("127.0.0.1", 0)) as listener:
        with Relay(listener.getsockname(), round_trip=0.2) as relay:
            near, far = connected(relay, listener)
            with near, far:
                began = time.monotonic()
                near.sendall(b"ping")
                assert received(far, 4) == b"ping"
                halfway = time.monotonic() - began
                far.sendall(b"pong")
                assert received(near, 4) == b"pong"
                assert halfway >= 0.1
                assert time.monotonic() - began >= 0.2
                near.close()
                assert far.recv(1) == b""
        assert relay.carried == 8


def test_a_rate_is_kept_and_nothing_is_lost() -> None:
    data = bytes(range(256)) * 400
    with socket.create_server(("127.0.0.1", 0)) as listener, Relay(listener.getsockname(), rate=500_000) as relay:
        near, far = connected(relay, listener)
        with near, far:
            began = time.monotonic()
            near.sendall(data)
            near.shutdown(socket.SHUT_WR)
            assert received(far, len(data)) == data
            assert time.monotonic() - began >= 0.18


def test_a_target_that_is_not_there_closes_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target = gone.getsockname()
    with no_leaks(), Relay(target) as relay, socket.create_connection(relay.address, 10) as near:
        assert near.recv(1) == b""


@pytest.mark.parametrize(("round_trip", "rate"), [(-1.0, 0.0), (0.0, -1.0), (0.0, float("nan"))])
def test_negative_delays_and_rates_are_refused(round_trip: float, rate: float) -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        Relay(("127.0.0.1", 1), round_trip=round_trip, rate=rate)
