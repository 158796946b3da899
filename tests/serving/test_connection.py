from __future__ import annotations

import io
import logging
import socket
import threading
from typing import Any, ContextManager, Dict, Iterator, List, Tuple

import pytest

from bittorrent_threads.errors import Cancelled, Stalled
from bittorrent_threads.metainfo.file_list import TorrentFile
from bittorrent_threads.net import sockets
from bittorrent_threads.serving import connection as module
from bittorrent_threads.serving.answer import Site
from bittorrent_threads.serving.catalogue import Catalogue
from bittorrent_threads.serving.connection import Connection, Departure
from bittorrent_threads.serving.request import MAX_HEAD

PATIENCE = 30.0
DATA = bytes(range(256)) * 4096
CATALOGUE = Catalogue(bytes(20), [TorrentFile(("film.mp4",), len(DATA)), TorrentFile(("b",), 5)])
GET = b"GET /film.mp4 HTTP/1.1\r\nHost: localhost\r\n"


class Files:
    """The source of a connection: files in memory."""

    def __init__(self) -> None:
        self.closing = False
        self.opened = 0
        self.failure: Any = None
        self.data = DATA

    def site(self) -> Site:
        return Site("t", CATALOGUE, 1.0, "127.0.0.1", frozenset())

    def open(self, index: int, departure: Departure) -> ContextManager[Any]:
        self.opened += 1
        if self.failure is not None:
            raise self.failure
        return io.BytesIO(self.data)


class Client:
    """The other end of a connection."""

    def __init__(self, files: Files) -> None:
        ours, self.sock = sockets.pair()
        self.sock.settimeout(PATIENCE)
        self.ended = threading.Event()
        self.connection = Connection(ours, files, "bittorrent-serve-test", self.ended.set)
        self.connection.thread.start()
        self.file = self.sock.makefile("rb")

    def answer(self, *, body: bool = True) -> Tuple[str, Dict[str, str], bytes]:
        """Read one answer."""
        status = self.file.readline().decode().rstrip()
        fields: Dict[str, str] = {}
        for line in iter(self.file.readline, b"\r\n"):
            assert line, "the connection ended in a head"
            name, _, value = line.decode("latin-1").rstrip().partition(": ")
            fields[name] = value
        return status, fields, self.file.read(int(fields.get("Content-Length", 0)) if body else 0)

    def close(self) -> None:
        self.file.close()
        self.sock.close()
        assert self.connection.thread.join(PATIENCE)
        assert self.ended.is_set()
        assert self.connection.over
        self.connection.sock.close()


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def client(files: Files) -> Iterator[Client]:
    client = Client(files)
    try:
        yield client
    finally:
        client.close()


def test_several_requests_on_one_connection(client: Client) -> None:
    for _ in range(2):
        client.sock.sendall(GET + b"Range: bytes=-3\r\n\r\n")
        status, fields, body = client.answer()
        assert status == "HTTP/1.1 206 Partial Content"
        assert body == DATA[-3:]
        assert fields["Date"].endswith(" GMT")
    client.sock.sendall(GET + b"\r\n")
    assert client.answer()[2] == DATA


def test_requests_that_come_together_are_answered_in_order(client: Client) -> None:
    one = GET + b"Range: bytes=%d-%d\r\n\r\n"
    client.sock.sendall(b"\r\n".join([one % (at, at + 1) for at in (0, 10, 20)]))
    assert [client.answer()[2] for _ in range(3)] == [DATA[at : at + 2] for at in (0, 10, 20)]


def test_a_request_that_comes_byte_by_byte(client: Client) -> None:
    for byte in b"\r\n" + GET + b"Range: bytes=1-2\r\n\r\n":
        client.sock.sendall(bytes([byte]))
    assert client.answer()[2] == DATA[1:3]


def test_several_ranges(client: Client) -> None:
    client.sock.sendall(GET + b"Range: bytes=0-1,5-6\r\n\r\n")
    _, _, body = client.answer()
    assert body.count(b"--bittorrent-threads-part") == 3
    assert b"\r\n\r\n" + DATA[5:7] + b"\r\n--" in body


def test_head_and_not_modified_have_no_body(client: Client, files: Files) -> None:
    client.sock.sendall(GET.replace(b"GET", b"HEAD") + b"\r\n" + GET + b"If-None-Match: *\r\n\r\n")
    assert client.answer(body=False)[1]["Content-Length"] == str(len(DATA))
    assert client.answer()[0] == "HTTP/1.1 304 Not Modified"
    assert files.opened == 0


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "405"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * (2 * MAX_HEAD), "431"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * (MAX_HEAD + 10) + b"\r\n\r\n", "431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 200 + b"\r\n", "431"),
    ],
)
def test_after_a_bad_request_the_connection_ends(client: Client, request_bytes: bytes, status: str) -> None:
    client.sock.sendall(request_bytes)
    said, fields, _ = client.answer()
    assert said.split()[1] == status
    assert fields["Connection"] == "close"
    client.sock.shutdown(socket.SHUT_WR)
    assert client.file.read() == b""


@pytest.mark.parametrize("end", [b"Connection: close\r\n\r\n", b"\r\n"])
def test_the_connection_ends_when_it_is_not_kept(client: Client, files: Files, end: bytes) -> None:
    files.closing = end == b"\r\n"  # the server is being closed
    client.sock.sendall(GET + b"Range: bytes=0-0\r\n" + end)
    assert client.answer()[1]["Connection"] == "close"
    assert client.file.read() == b""


def test_silence_ends_a_connection(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_TIMEOUT", 0.05)
    client = Client(files)
    assert client.file.read() == b""
    client.close()


def test_a_head_that_does_not_end_is_given_up(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_TIMEOUT", 0.05)
    client = Client(files)
    client.sock.sendall(GET)
    assert client.answer()[0] == "HTTP/1.1 408 Request Timeout"
    client.close()


def test_a_client_that_reads_nothing_is_given_up(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT", 0.05)
    client = Client(files)
    client.sock.sendall(GET + b"\r\n")
    assert client.ended.wait(PATIENCE)
    client.close()


def test_a_client_that_leaves_raises_no_trace(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    for request in (b"", b"GET / HT", GET + b"\r\n"):
        client = Client(files)
        client.sock.sendall(request)
        client.close()
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_file_that_cannot_be_opened_is_said_so(client: Client, files: Files) -> None:
    files.failure = Stalled("no peer has it", {})
    client.sock.sendall(GET + b"\r\n")
    status, fields, body = client.answer()
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert b"no peer has it" in body
    assert fields["Connection"] == "close"


def test_a_file_that_ends_early_ends_the_connection(client: Client, files: Files) -> None:
    files.data = DATA[:100]
    client.sock.sendall(GET + b"\r\n")
    client.file.readline()
    assert client.file.read().endswith(DATA[:100])


def test_a_mistake_of_the_library_is_logged(client: Client, files: Files, caplog: pytest.LogCaptureFixture) -> None:
    files.failure = RuntimeError("a bug")
    client.sock.sendall(GET + b"\r\n")
    assert client.file.read() == b""
    assert client.connection.thread.join(PATIENCE)
    assert "a bug" in caplog.text


def test_a_read_ends_when_the_other_end_leaves(files: Files) -> None:
    waiting = threading.Event()
    looks: List[bool] = []

    class Missing(io.BytesIO):
        def __init__(self, departure: Departure) -> None:
            super().__init__()
            self.departure = departure

        def read(self, size: Any = -1) -> bytes:
            looks.append(self.departure.is_set())
            waiting.set()
            while not self.departure.is_set():
                pass
            raise Cancelled

    def opened(index: int, departure: Departure) -> ContextManager[Any]:
        return Missing(departure)

    files.open = opened  # type: ignore[method-assign]
    for closing in (False, True):
        client = Client(files)
        client.sock.sendall(GET + b"\r\n")
        assert waiting.wait(PATIENCE)
        files.closing = closing
        waiting.clear()
        client.close()
    assert looks == [False, False]


def test_it_can_be_shut_while_it_waits(client: Client) -> None:
    assert not client.connection.over
    client.connection.shut()
    assert client.file.read() == b""
