"""Responses of HTTP servers with any status, encoding and redirection, in any chunks.

Only ``TrackerError`` is raised; the result does not depend on the chunks; the length of the body and the bytes read for
it are bounded; the number of requests is bounded, and each is one well-formed GET.
"""

from __future__ import annotations

import gzip
import socket
from typing import List, Optional, Tuple, cast

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.net.http import MAX_HEAD, MAX_REDIRECTS, Fetch
from bittorrent_threads.net.http import Target as Url

from ..choices import Choices, cut
from ..target import Target, require, require_shown

MAX_BODY = 600
NEXT = b"\n~~\n"
"""Separates the responses on one connection from those on the next."""


class Server:
    """A socket that returns the given chunks, and then the end of the stream."""

    def __init__(self, chunks: List[bytes]) -> None:
        self._chunks = chunks[::-1]
        self.asked = b""
        self.given = 0

    def settimeout(self, seconds: float) -> None:
        """Ignore the timeout."""
        require(seconds > 0, "no time left")

    def sendall(self, data: bytes) -> None:
        """Record a request."""
        self.asked += data

    def recv_into(self, buffer: memoryview) -> int:
        """Receive one chunk, or as much of it as fits."""
        if not self._chunks:
            return 0
        chunk = self._chunks.pop()
        size = min(len(chunk), len(buffer))
        buffer[:size] = chunk[:size]
        if size < len(chunk):
            self._chunks.append(chunk[size:])
        self.given += size
        return size

    def close(self) -> None:
        """Nothing to close."""


class Fetched(Fetch):
    """A fetch in which each connection reaches the next of these servers, whatever its address."""

    def __init__(self, servers: List[Server]) -> None:
        super().__init__(
            "http://user:pw@tracker.example:80/announce?x=1",
            timeout=100.0,
            clock=float,  # time stands still
            max_body=MAX_BODY,
            user_agent="fuzz",
        )
        self._servers = servers
        self.met = 0

    def _connect(self, target: Url) -> socket.socket:
        self.met += 1
        if self.met > len(self._servers):
            raise ConnectionRefusedError(111, "Connection refused")
        return cast(socket.socket, self._servers[self.met - 1])


Outcome = Tuple[Optional[int], Optional[bytes], str, str, int]


def check(data: bytes) -> None:
    """One byte selects the chunks; the rest is what the servers send."""
    choices = Choices(data)
    way = choices.byte()
    streams = choices.rest().split(NEXT)
    whole = fetched([Server([stream]) for stream in streams])
    require(fetched([Server(cut(stream, way)) for stream in streams]) == whole, "another answer when cut")
    require_shown(whole[3], 300, "the failure")


def fetched(servers: List[Server]) -> Outcome:
    """Return status, body and URL, or the failure, and the number of requests."""
    fetch = Fetched(servers)
    try:
        response = fetch.run()
    except TrackerError as error:
        outcome: Outcome = (None, None, "", error.reason, fetch.met)
    else:
        outcome = (response.status, response.body, response.url, "", fetch.met)
        require(len(response.body) <= MAX_BODY, f"a body of {len(response.body)} bytes")
    require(fetch.met <= 1 + MAX_REDIRECTS, f"{fetch.met} requests")
    for server in servers[: fetch.met]:
        require(server.given <= 2 * MAX_BODY + MAX_HEAD + 65536, f"{server.given} bytes read")
        _well_formed(server.asked)
    return outcome


def _well_formed(asked: bytes) -> None:
    head, end, rest = asked.partition(b"\r\n\r\n")
    require(end and not rest, "not one request")
    lines = head.decode("ascii").split("\r\n")
    require(lines[0].startswith("GET /") and lines[0].count(" ") == 2, f"request line {lines[0]!r:.80}")
    require(all(line.isprintable() for line in lines), "a control character in a request")
    require(len(lines) == len({line.partition(":")[0] for line in lines}), "a header twice")


def answer(*lines: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    """Return one response."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def seeds() -> List[bytes]:
    """Return plain, chunked, compressed and redirected responses, complete and cut short."""
    packed = gzip.compress(b"d5:peers0:e" * 3, mtime=0)
    one_chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    chunked = b"5;x=y\r\nd5:pe\r\n6\r\ners0:e\r\n0\r\nTrailer: 1\r\n\r\n"
    moved = answer("Location: /other?y#z", status="302 Found")
    answers = [
        answer("Content-Length: 11", body=b"d5:peers0:e"),
        answer("Connection: close", body=b"d5:peers0:e"),
        answer("Content-Length: 20", body=b"short"),
        answer("Transfer-Encoding: chunked", body=chunked),
        answer("Transfer-Encoding: chunked", "Content-Encoding: gzip", body=one_chunk),
        answer("Content-Encoding: gzip", f"Content-Length: {len(packed)}", body=packed),
        answer("Content-Encoding: x-gzip", body=gzip.compress(bytes(5000), mtime=0)),
        answer("Content-Encoding: br", body=b"x"),
        moved + NEXT + answer(body=b"there"),
        NEXT.join([moved] * 8),
        answer("Location: https://[::1]:1/", status="301 Moved") + NEXT + answer("Location: http://x/", status="307 x"),
        answer("Location: //other.example\\@x/", status="303 x"),
        answer(status="100 Continue") + answer("Content-Length: 2", body=b"ok"),
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"",
    ]
    return [bytes([way]) + each for way in (1, 3) for each in answers]


TOKENS = (
    *(b"\r\n", b"\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 x\r\n", b"Location: ", b"Content-Length: "),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"0\r\n\r\n", b"ffffffff\r\n", b"-1\r\n"),
    b"5\r\n",
    *(NEXT, b"http://", b"https://", b"ftp://", b"..", b"@", b"[::1]", b":0", b":99999", b"\\", b"%0d%0a"),
    b"\x1f\x8b\x08",
    *(b"HTTP/0.9", b"HTTP/1.1 100 x\r\n\r\n", b" folded\r\n", b"\0", b"\x1b[2J", b"\xff", b"a" * 300, b"+5"),
    *(b"0x5", b"1_0"),
)
TARGET = Target(check, seeds, TOKENS, longest=1024)
