"""The address that connections leave from: that of the session, where it can reach the other end."""

from __future__ import annotations

import socket
from typing import Optional, Tuple

import pytest
from support.loopback import PATIENCE, Plain, Recorder, dialled

from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.source_address import source_of
from bittorrent_threads.settings import Settings


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("", "1.2.3.4", None),
        ("0.0.0.0", "1.2.3.4", None),
        ("::", "2001:db8::1", None),
        ("10.0.0.5", "1.2.3.4", ("10.0.0.5", 0)),
        ("2001:db8::5", "2001:db8::1", ("2001:db8::5", 0)),
        ("10.0.0.5", "2001:db8::1", None),
        ("2001:db8::5", "1.2.3.4", None),
        ("127.0.0.5", "127.0.0.1", ("127.0.0.5", 0)),
        ("::1", "::1", ("::1", 0)),
        ("127.0.0.5", "10.0.0.5", None),
        ("10.0.0.5", "127.0.0.1", None),
        ("fe80::5%2", "fe80::1%2", ("fe80::5", 0, 0, 2)),
        ("fe80::5%2", "fe80::1%3", None),
        ("fe80::5", "fe80::1%3", None),
        ("fe80::5%nowhere", "fe80::1%3", None),
        ("fe80::5%2", "2001:db8::1", None),
        ("2001:db8::5", "fe80::1%2", None),
        ("not-an-address", "1.2.3.4", None),
    ],
)
def test_it_is_bound_where_it_can_reach_the_other_end(
    own: str, other: str, expected: Optional[Tuple[str, int]]
) -> None:
    assert source_of(own, other) == expected


def test_an_interface_may_be_named() -> None:
    number, name = socket.if_nameindex()[0]
    assert source_of(f"fe80::5%{name}", f"fe80::1%{number}") == ("fe80::5", 0, 0, number)


# -- on a loop ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [Settings(host="127.0.0.5")])
@pytest.mark.parametrize(
    ("family", "host", "seen"),
    [(socket.AF_INET, "127.0.0.1", "127.0.0.5"), (socket.AF_INET6, "::1", "::1")],
)
def test_the_other_end_sees_the_address_of_the_session(loop: Loop, family: int, host: str, seen: str) -> None:
    with Plain(family, host) as plain:
        stream, sock = dialled(loop, plain, Recorder())
        with sock:
            assert sock.getpeername()[0] == seen
            loop.call(stream.close)


@pytest.mark.parametrize("settings", [Settings(host="192.0.2.1")])
def test_a_session_whose_address_is_gone_dials_from_no_other(loop: Loop) -> None:
    handler = Recorder()
    loop.call(lambda: loop.connect(("198.51.100.1", 9), handler, PATIENCE))
    handler.wait(lambda: bool(handler.closes))
    assert handler.reason == "no address to connect from"
