from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import urlsplit

import pytest
from support.pairs import LOCAL, PATIENCE, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads.serving import file_server as module
from bittorrent_threads.serving.file_server import FileServer
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent
from bittorrent_threads.threads import thread as thread_module

SAMPLE = SampleTorrent({"film.mp4": 700_001, "sub/a b.txt": 5_000, "empty": 0}, piece_length=32 * KIB, name="served")


def ask(url: str, method: str = "GET", **fields: str) -> Tuple[int, Dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request(method, parts.path, headers={name.replace("_", "-"): text for name, text in fields.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def wait_for_idle(server: FileServer, count: int) -> None:
    """Wait until so many connections wait for a request."""
    serving: Any = server._serving
    deadline = time.monotonic() + PATIENCE
    while sum(1 for each in list(serving._connections) if each.idle_since) < count:
        assert time.monotonic() < deadline


def threads() -> List[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-serve")]


@pytest.fixture
def seed(tmp_path: Path) -> Iterator[bt.Client]:
    with seeder(tmp_path, SAMPLE) as client:
        yield client


@pytest.fixture
def server(seed: bt.Client) -> Iterator[FileServer]:
    with seed.serve() as server:
        yield server


def test_serves_every_file_and_a_page_of_them(server: FileServer) -> None:
    assert server.host == "127.0.0.1"
    assert len(server.urls) == 3
    for (path, _), url in zip(SAMPLE.files, server.urls):
        assert ask(url)[2] == SAMPLE.data(path)
        assert url.startswith(server.url)
    status, _, page = ask(server.url)
    assert status == 200
    assert page.count(b"<a href=") == 3
    assert ask(server.url + "../../etc/passwd")[0] == 404
    assert ask(server.url, Host="evil.example")[0] == 403


def test_what_is_asked_for_is_downloaded(tmp_path: Path) -> None:
    with pair(tmp_path, SAMPLE, priorities=[0, 0, 0]) as (_, down), down.serve() as server:
        assert down.left == 0
        status, _, body = ask(server.urls[0], Range="bytes=600000-600099")
        assert (status, body) == (206, SAMPLE.data("film.mp4")[600_000:600_100])
        assert not down.seed
        assert ask(server.urls[0])[2] == SAMPLE.data("film.mp4")


def test_closing_ends_every_thread_and_connection_and_the_port(seed: bt.Client) -> None:
    server = seed.serve()
    kept = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    with kept:
        kept.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(10) == b"HTTP/1.1 2"
        assert len(threads()) == 2
        began = time.monotonic()
        server.close()
        server.close()
        assert time.monotonic() - began < 5
        assert threads() == []
        while kept.recv(1000):
            pass
    assert server.closed
    assert "closed" in repr(server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), PATIENCE).close()


def test_closing_ends_a_request_that_waits_for_data(tmp_path: Path) -> None:
    with bt.Client(SAMPLE.metainfo(), tmp_path, settings=LOCAL) as client:
        server = client.serve(stall_timeout=None)
        sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        with sock:
            sock.sendall(b"GET /served/film.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
            server.close()
            assert threads() == []


def test_a_client_that_leaves_gives_up_its_wait_for_data(tmp_path: Path) -> None:
    with bt.Client(SAMPLE.metainfo(), tmp_path, settings=LOCAL) as client, client.serve(stall_timeout=None) as server:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
            sock.sendall(b"GET /served/film.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        deadline = time.monotonic() + PATIENCE
        while len(threads()) > 1:
            assert time.monotonic() < deadline


def test_no_progress_ends_a_request(tmp_path: Path) -> None:
    with bt.Client(SAMPLE.metainfo(), tmp_path, settings=LOCAL) as client, client.serve(stall_timeout=0.05) as server:
        with pytest.raises(http.client.IncompleteRead):
            ask(server.urls[0])
        assert ask(server.url)[0] == 200


def test_it_ends_with_its_client(tmp_path: Path) -> None:
    with seeder(tmp_path, SAMPLE) as client:
        server = client.serve()
    deadline = time.monotonic() + PATIENCE
    while not server.closed:
        assert time.monotonic() < deadline
    server.close()
    with pytest.raises(bt.SessionClosed):
        client.serve()


def test_it_keeps_its_client(tmp_path: Path) -> None:
    SAMPLE.write(tmp_path)
    server = bt.Client(SAMPLE.metainfo(), tmp_path, settings=LOCAL).serve()
    assert ask(server.urls[1])[2] == SAMPLE.data("sub/a b.txt")
    client: Any = server._serving._client
    client.close()
    server.close()


def test_too_many_connections(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 3)
    with contextlib.ExitStack() as stack:
        socks = []
        for number in range(3):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            sock.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
            socks.append(sock)
            wait_for_idle(server, number + 1)
        assert ask(server.urls[1])[0] == 200, "for a new one the longest idle one is ended"
        while socks[0].recv(4096):
            pass
        socks[2].sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert socks[2].recv(12), "the others go on"


def test_where_all_connections_are_busy_a_further_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(bt.Client(SAMPLE.metainfo(), tmp_path, settings=LOCAL))
        server = stack.enter_context(client.serve(stall_timeout=None))
        for _ in range(2):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            sock.sendall(b"GET /served/film.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        assert ask(server.url)[0] == 503


def test_many_at_once(server: FileServer) -> None:
    data = SAMPLE.data("film.mp4")
    failures: List[object] = []

    def take(number: int) -> None:
        for begin in range(number, 600_000, 97_001):
            if ask(server.urls[0], Range=f"bytes={begin}-{begin + 50_000}")[2] != data[begin : begin + 50_001]:
                failures.append((number, begin))

    takers = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join(PATIENCE)
    assert failures == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"port": -1}, ValueError),
        ({"port": 65536}, ValueError),
        ({"port": "80"}, TypeError),
        ({"port": True}, TypeError),
        ({"origins": "https://example.org"}, TypeError),
        ({"host": "192.0.2.1"}, bt.ListenError),
    ],
)
def test_bad_arguments(seed: bt.Client, arguments: Dict[str, Any], error: Any) -> None:
    with pytest.raises(error, match="."):
        seed.serve(**arguments)


def test_a_port_in_use(seed: bt.Client, server: FileServer) -> None:
    with pytest.raises(bt.ListenError) as caught:
        seed.serve(port=server.port)
    assert caught.value.errno


@pytest.mark.parametrize(
    ("host", "url"), [("::1", "http://[::1]:"), ("0.0.0.0", "http://127.0.0.1:"), ("localhost", "http://localhost:")]
)
def test_hosts(seed: bt.Client, host: str, url: str) -> None:
    with seed.serve(host) as server:
        assert server.url.startswith(url)
        assert ask(server.url)[0] == 200


def test_a_magnet_link_has_no_files_at_first(seed: bt.Client, tmp_path: Path) -> None:
    assert seed.metainfo is not None
    link = seed.metainfo.magnet()
    with bt.Client(link, tmp_path / "down", settings=LOCAL) as client, client.serve() as server:
        assert server.urls == ()
        assert ask(server.url)[0] == 503
        client.add_peer("127.0.0.1", seed.port)
        client.wait("metadata", timeout=PATIENCE)
        assert ask(dict(enumerate(server.urls))[1])[2] == SAMPLE.data("sub/a b.txt")


def test_an_origin_that_it_was_given(seed: bt.Client) -> None:
    with seed.serve(origins=["https://example.org"]) as server:
        assert ask(server.url, Origin="https://example.org")[1]["Access-Control-Allow-Origin"] == "https://example.org"
        assert ask(server.url, Origin="https://other.example")[0] == 403


def test_a_system_without_threads_refuses_and_goes_on(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    start: Callable[[Any], None] = thread_module.Thread.start
    failing = [True]

    def none_left(self: Any) -> None:
        if failing:
            failing.pop()
            raise bt.ThreadError(self.name, "none left")
        start(self)

    monkeypatch.setattr(thread_module.Thread, "start", none_left)
    assert ask(server.url)[0] == 503
    assert ask(server.url)[0] == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_the_child_of_a_fork_closes_its_copies_only(server: FileServer) -> None:
    connection: Optional[http.client.HTTPConnection] = http.client.HTTPConnection("127.0.0.1", server.port)
    assert connection is not None
    connection.request("GET", "/")
    connection.getresponse().read()
    child = os.fork()
    if not child:
        os._exit(0 if server.closed and server._serving._listener.fileno() == -1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    connection.request("GET", "/")
    assert connection.getresponse().read()
    connection.close()
    assert ask(server.url)[0] == 200
