from __future__ import annotations

import errno
import socket
from typing import Any, List

import pytest
from support.loopback import free_port

from bittorrent_threads.errors import ListenError
from bittorrent_threads.net import binding as module


def bind(host: str, port: int, *, strict: bool = False) -> List[socket.socket]:
    sockets = module.bind(host, port, strict=strict)
    for sock in sockets:
        sock.close()
    return sockets


def test_a_taken_port_gives_way_to_one_of_the_next() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (sock,) = module.bind("127.0.0.1", port, strict=False)
        with sock:
            assert sock.getsockname()[1] != port


def test_a_taken_port_raises_when_strict() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            bind("127.0.0.1", port, strict=True)
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.address == f"127.0.0.1:{port}"
    assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_port_taken_in_one_family_is_taken() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(("::", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match="already in use"):
            bind("", port, strict=True)


def refusing(monkeypatch: pytest.MonkeyPatch, ports: List[int], *, allow: Any) -> None:
    """Note every port that is bound, and refuse those that ``allow`` does."""

    def refuse(family: int, address: str, port: int, kind: int) -> socket.socket:
        ports.append(port)
        if not allow(port):
            raise OSError(errno.EADDRINUSE, "in use")
        return real(family, address, port, kind)

    real = module._bound
    monkeypatch.setattr(module, "_bound", refuse)


def test_the_order_of_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: List[int] = []
    refusing(monkeypatch, ports, allow=lambda port: port == 0)
    bind("127.0.0.1", 50000)
    assert ports == [*range(50000, 50011), 0]


def test_no_port_beyond_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: List[int] = []
    refusing(monkeypatch, ports, allow=lambda port: port == 0)
    bind("127.0.0.1", 65533)
    assert ports == [65533, 65534, 65535, 0]


def test_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: List[int] = []
    refusing(monkeypatch, ports, allow=lambda port: False)
    with pytest.raises(ListenError, match=r"cannot listen on \*:0: in use"):
        bind("", 0)
    assert len(ports) < 30


@pytest.mark.parametrize("missing", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_each_family_is_optional(monkeypatch: pytest.MonkeyPatch, missing: int, number: int) -> None:
    real = socket.socket.bind

    def lacking(sock: socket.socket, address: Any) -> None:
        if sock.family == missing:
            raise OSError(number, "no such family")
        real(sock, address)

    monkeypatch.setattr(socket.socket, "bind", lacking)
    (sock,) = bind("", 0)
    assert sock.family != missing


def test_without_any_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: Any) -> None:
        raise OSError(errno.EAFNOSUPPORT, "no such family")

    monkeypatch.setattr(socket.socket, "bind", lacking)
    with pytest.raises(ListenError, match="no such family"):
        bind("", 0)


@pytest.mark.parametrize(
    ("host", "text"), [("example.invalid", "example.invalid:1"), ("::zz", "[::zz]:1"), ("192.0.2.1", "192.0.2.1:1")]
)
def test_an_address_that_is_not_ours(host: str, text: str) -> None:
    with pytest.raises(ListenError) as caught:
        bind(host, 1)
    assert caught.value.address == text


def test_free_ports_are_taken_as_asked() -> None:
    port = free_port()
    (sock,) = module.bind("127.0.0.1", port, strict=True)
    with sock:
        assert sock.getsockname()[1] == port
        assert not sock.getblocking()


@pytest.mark.parametrize(("family", "address"), [(4, "0.0.0.0"), (6, "::")])
def test_one_family_alone(family: int, address: str) -> None:
    (sock,) = module.bind("", 0, strict=True, family=family)
    with sock:
        assert sock.getsockname()[0] == address


@pytest.mark.parametrize(("family", "host"), [(6, "127.0.0.1"), (4, "::1")])
def test_an_address_of_the_other_family(family: int, host: str) -> None:
    with pytest.raises(ListenError, match="not a numeric address of this machine"):
        module.bind(host, 0, strict=True, family=family)


def test_udp_sockets_of_both_families() -> None:
    sockets = module.bind("", 0, strict=True, kind=socket.SOCK_DGRAM)
    assert [sock.type for sock in sockets] == [socket.SOCK_DGRAM] * 2
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    for sock in sockets:
        assert not sock.getblocking()
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), "another process could take the port"
        sock.close()
